package etcd_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

func endpoints(servers ...*etcdtest.Server) (all []etcd.Endpoint) {
	for _, s := range servers {
		all = append(all, etcd.Endpoint{Name: s.Name, URL: s.Client})
	}
	return all
}

func startLoad(t *testing.T, servers ...*etcdtest.Server) *etcd.Load {
	t.Helper()
	l, err := etcd.StartLoad(t.Context(), endpoints(servers...), etcd.Options{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// more waits until n more writes are acknowledged.
func more(t *testing.T, l *etcd.Load, n int) {
	t.Helper()
	from := l.Acknowledged()
	etcdtest.Eventually(t, func(context.Context) error {
		if got := l.Acknowledged() - from; got < n {
			return fmt.Errorf("%d writes more, want %d", got, n)
		}
		return nil
	})
}

// proven checks the load and fails the test if anything was lost.
func proven(t *testing.T, l *etcd.Load) etcd.Proof {
	t.Helper()
	p, err := l.Check(t.Context())
	if err != nil || len(p.Lost) > 0 || p.Acknowledged == 0 || p.Reads == 0 {
		t.Errorf("%s, %d reads, error %v", p, p.Reads, err)
	}
	t.Log(p)
	return p
}

// etcdctl runs it against one server.
func etcdctl(t *testing.T, s *etcdtest.Server, args ...string) string {
	t.Helper()
	out, err := exec.Command(etcdtest.Program(t, etcdtest.Version, "etcdctl"), append(args, "--endpoints="+s.Client)...).CombinedOutput()
	if err != nil {
		t.Fatalf("etcdctl %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// The leader is killed, and comes back; then the next one.
func TestLoadLosesNothing(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 3)
	etcdtest.Start(t, servers...)
	c := open(t, servers)
	healthy(t, c, three)
	l := startLoad(t, servers...)
	more(t, l, 50)
	for range 2 {
		leader := c.Observe(t.Context()).Leader()
		if leader == nil {
			t.Fatal("no leader")
		}
		l.Mark("kill " + leader.Name)
		dead := servers[slices.IndexFunc(servers, func(s *etcdtest.Server) bool { return s.Name == leader.Name })]
		dead.Stop()
		more(t, l, 100)
		l.Mark("start " + leader.Name)
		etcdtest.Start(t, dead)
		healthy(t, c, three)
		more(t, l, 50)
	}
	l.Mark("look")
	p := proven(t, l)
	// Nobody accepts a write before the followers miss the leader.
	if !slices.ContainsFunc(p.Gap.Steps, func(s string) bool { return strings.HasPrefix(s, "kill") }) || p.Gap.Length < 100*time.Millisecond {
		t.Errorf("the longest gap, %s, was at %q", p.Gap.Length, p.Gap.Steps)
	}
	if left := etcdctl(t, servers[0], "get", "--prefix", etcd.ProvePrefix, "--keys-only"); left != "" {
		t.Errorf("these keys are left:\n%s", left)
	}
	if left := etcdctl(t, servers[0], "lease", "list"); strings.Count(left, "\n") != 0 {
		t.Errorf("leases are left:\n%s", left)
	}
}

// What can't be, etcd losing a write, must be noticed if it is.
func TestLoadMissesWhatIsLost(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 1)
	etcdtest.Start(t, servers...)
	l := startLoad(t, servers...)
	more(t, l, 20)
	keys := strings.Fields(etcdctl(t, servers[0], "get", "--prefix", etcd.ProvePrefix, "--keys-only"))
	etcdctl(t, servers[0], "del", keys[3])
	etcdctl(t, servers[0], "put", keys[7], "something else")
	more(t, l, 20)
	p, err := l.Check(t.Context())
	if want := []string{keys[3], keys[7]}; err != nil || !slices.Equal(p.Lost, want) {
		t.Errorf("lost %v, error %v; want %v", p.Lost, err, want)
	}
	if !strings.Contains(p.String(), "2 LOST: "+keys[3]) {
		t.Error(p)
	}
}

// Many keys hang on several leases, so that none of them ends with a jolt.
func TestLoadSpreadsItsKeys(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 1)
	etcdtest.Start(t, servers...)
	l, err := etcd.StartLoad(t.Context(), endpoints(servers...), etcd.Options{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	more(t, l, 2500)
	if n := strings.Count(etcdctl(t, servers[0], "lease", "list"), "\n"); n < 2 {
		t.Errorf("%d leases for 2500 keys", n)
	}
	proven(t, l)
	if left := etcdctl(t, servers[0], "get", "--prefix", etcd.ProvePrefix, "--count-only", "--write-out=fields"); !strings.Contains(left, `"Count" : 0`) {
		t.Errorf("keys are left: %s", left)
	}
}

// A member comes, another one goes, and the one written to first is not there
// any more.
func TestLoadFollowsItsEndpoints(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 3)
	etcdtest.Start(t, servers...)
	c := open(t, servers)
	healthy(t, c, three)
	l := startLoad(t, servers[0])
	if err := l.Use(endpoints(servers[1:]...), etcd.Options{}); err != nil {
		t.Fatal(err)
	}
	servers[0].Stop()
	more(t, l, 50)
	if err := l.Use([]etcd.Endpoint{{Name: "peer1", URL: "ftp://peer1"}}, etcd.Options{}); err == nil {
		t.Error("took an FTP server for a member")
	}
	if err := l.Use(nil, etcd.Options{}); err == nil {
		t.Error("took no endpoints")
	}
	more(t, l, 50)
	proven(t, l)
}

// A member serves http first and https then, as in tls-enable.
func TestLoadFromHTTPToHTTPS(t *testing.T) {
	ca := newAuthority(t)
	ca.sign("member", &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	s := etcdtest.Servers(t, etcdtest.Version, 1)[0]
	etcdtest.Start(t, s)
	secure := etcd.Endpoint{Name: s.Name, URL: strings.Replace(s.Client, "http:", "https:", 1)}
	l, err := etcd.StartLoad(t.Context(), append(endpoints(s), secure), etcd.Options{TLS: &tls.Config{RootCAs: pool}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	more(t, l, 20)
	s.Stop()
	s.Client = secure.URL
	s.Args = append(s.Args, "--cert-file="+ca.path("member.crt"), "--key-file="+ca.path("member.key"))
	etcdtest.Start(t, s)
	more(t, l, 20)
	proven(t, l)
}

func TestLoadRefuses(t *testing.T) {
	t.Run("a cluster that is cut off in the end proves nothing", func(t *testing.T) {
		t.Parallel()
		s := etcdtest.Servers(t, etcdtest.Version, 1)[0]
		etcdtest.Start(t, s)
		l := startLoad(t, s)
		s.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if p, err := l.Check(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, %s", err, p)
		}
	})
	t.Run("no cluster", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := etcd.StartLoad(ctx, []etcd.Endpoint{{Name: "peer1", URL: "http://127.0.0.1:1"}}, etcd.Options{}, 0)
		if err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("error %v", err)
		}
	})
}
