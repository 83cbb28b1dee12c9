package tasks_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/etcdplay/etcdplay/internal/pki"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

// A served cluster is one of real members that tasks ask, and don't run.
type served struct {
	*etcdHosts
	servers []*etcdtest.Server
	pki     *own // nil: without TLS
}

// newServed starts n members. With TLS there are certificates for the users admin
// and app.
func newServed(t *testing.T, n int, secure bool, args ...string) *served {
	t.Helper()
	s := &served{etcdHosts: &etcdHosts{t: t, gone: map[string]bool{}}, servers: etcdtest.Servers(t, etcdtest.Version, n)}
	shells := tasktest.Shells(t)
	if secure {
		o := newOwn(t, t.TempDir())
		s.pki = &o
		o.issue("admin", pki.Order{Name: "admin"})
		o.issue("app", pki.Order{Name: "app"})
		s.files = tasktest.Files{}
		for _, name := range []string{"ca.crt", "admin.crt", "admin.key"} {
			text, err := os.ReadFile(s.file(name))
			mustDo(t, err)
			s.files[s.file(name)] = string(text)
		}
		o.issue("server", pki.Order{Name: "server", Server: true, Names: []string{"127.0.0.1"}, Life: 100 * 24 * time.Hour})
	}
	for i, server := range s.servers {
		dir := t.TempDir()
		s.hosts = append(s.hosts, &etcdHost{
			name: server.Name, dir: dir, conn: &tasktest.Conn{Shell: shells[i%len(shells)], Home: dir},
			client: strings.TrimPrefix(server.Client, "http://"), peer: strings.TrimPrefix(server.Peer, "http://"),
		})
		server.Args = append(server.Args, args...)
		if secure {
			server.Client = strings.Replace(server.Client, "http:", "https:", 1)
			for flag, v := range s.certFlags().All() {
				server.Args = append(server.Args, fmt.Sprintf("--%v=%v", flag, v))
			}
		}
	}
	etcdtest.Start(t, s.servers...)
	etcdtest.Eventually(t, func(context.Context) error {
		if wrong := etcd.Judge(s.observe(), etcd.Expect{}); len(wrong) > 0 {
			return errors.New(wrong[0].String())
		}
		return nil
	})
	return s
}

// certFlags are the members' flags for their certificates.
func (s *served) certFlags() *value.Dict {
	return value.NewDict("cert-file", s.file("server.crt"), "key-file", s.file("server.key"),
		"trusted-ca-file", s.file("ca.crt"), "client-cert-auth", true)
}

// file is the administrator's.
func (s *served) file(name string) string { return filepath.Join(s.pki.dir, name) }

// api says how to ask a host's member.
func (s *served) api(h *etcdHost) *value.Dict {
	d := h.api()
	if s.pki != nil {
		d.Set("endpoint", "https://"+h.client)
		d.Set("ca", s.file("ca.crt"))
		d.Set("cert", s.file("admin.crt"))
		d.Set("key", s.file("admin.key"))
	}
	return d
}

// do runs a task.
func (s *served) do(check bool, module func() tasks.Module, more ...any) (tasks.Result, error) {
	s.t.Helper()
	return s.run(&attempt{check: check}, func(h *etcdHost) *value.Dict {
		return value.NewDict(append([]any{"etcd", s.api(h)}, more...)...)
	}, module)
}

// settles runs a task: check mode changes nothing and foresees what is done, and
// then nothing is left to do.
func (s *served) settles(want []string, module func() tasks.Module, more ...any) tasks.Result {
	s.t.Helper()
	before := s.state()
	foreseen, err := s.do(true, module, more...)
	if err != nil {
		s.t.Fatalf("check mode: %s", explain(err))
	}
	if diff := cmp.Diff(before, s.state()); diff != "" {
		s.t.Errorf("check mode changed the cluster:\n%s", diff)
	}
	done, err := s.do(false, module, more...)
	if err != nil {
		s.t.Fatal(explain(err))
	}
	if diff := cmp.Diff(withoutMargins(foreseen.Changes), withoutMargins(done.Changes)); diff != "" {
		s.t.Errorf("foreseen (-), done (+):\n%s", diff)
	}
	if diff := cmp.Diff(want, withoutMargins(done.Changes), cmpopts.EquateEmpty()); diff != "" {
		s.t.Errorf("want (-), done (+):\n%s", diff)
	}
	for _, check := range []bool{true, false} {
		if again, err := s.do(check, module, more...); err != nil || again.Changed {
			s.t.Errorf("again (check %v): changes %q, error %v", check, again.Changes, err)
		}
	}
	return done
}

// refuses wants a task to fail, with a hint, in check mode too, and to change nothing.
func (s *served) refuses(want, hint string, module func() tasks.Module, more ...any) {
	s.t.Helper()
	before := s.state()
	for _, check := range []bool{true, false} {
		res, err := s.do(check, module, more...)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(explain(err), hint) {
			s.t.Errorf("check %v: want %q and the hint %q, got: %s", check, want, hint, explain(err))
		}
		if res.Changed {
			s.t.Errorf("check %v: it changed %q", check, res.Changes)
		}
	}
	if diff := cmp.Diff(before, s.state()); diff != "" {
		s.t.Errorf("it was refused, and changed the cluster:\n%s", diff)
	}
}

func (s *served) open() *etcd.Cluster {
	s.t.Helper()
	var all []etcd.Endpoint
	for i, h := range s.hosts {
		all = append(all, etcd.Endpoint{Name: h.name, URL: s.servers[i].Client, Dial: (&net.Dialer{}).DialContext})
	}
	c, err := etcd.Open(s.t.Context(), all, etcd.Options{TLS: s.tls()})
	mustDo(s.t, err)
	return c
}

// tls lets the administrator in; nil where there is none.
func (s *served) tls() *tls.Config {
	if s.pki == nil {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(s.file("admin.crt"), s.file("admin.key"))
	mustDo(s.t, err)
	c := &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{pair}}
	c.RootCAs.AddCert(s.pki.Cert)
	return c
}

func (s *served) urls() (all []string) {
	for _, server := range s.servers {
		all = append(all, server.Client)
	}
	return all
}

func (s *served) observe() *etcd.State {
	c := s.open()
	defer c.Close()
	return c.Observe(s.t.Context())
}

// state is all of a cluster that a task could change, as far as its members tell it.
func (s *served) state() (text []string) {
	c := s.open()
	defer c.Close()
	seen := c.Observe(s.t.Context())
	for _, e := range seen.Endpoints {
		text = append(text, fmt.Sprintf("%s: revision %d, compacted at %d, hash %d", e.Name, e.Revision, e.CompactRevision, e.Hash))
	}
	auth, err := c.ReadAuth(s.t.Context())
	return append(text, fmt.Sprint("alarms ", seen.Alarms), fmt.Sprint("auth ", auth, err))
}

// ctl runs etcdctl as one of the users, and returns what it says.
func (s *served) ctl(user, input string, args ...string) (string, error) {
	args = append(args, "--endpoints="+strings.Join(s.urls(), ","))
	if s.pki != nil {
		args = append(args, "--cacert="+s.file("ca.crt"), "--cert="+s.file(user+".crt"), "--key="+s.file(user+".key"))
	}
	cmd := exec.Command(etcdtest.Program(s.t, etcdtest.Version, "etcdctl"), args...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return strings.TrimSpace(out.String()), err
}

// must is what etcdctl says to the administrator.
func (s *served) must(args ...string) string {
	s.t.Helper()
	out, err := s.ctl("admin", "", args...)
	if err != nil {
		s.t.Fatalf("etcdctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// large writes a key of 128 KiB n times, or until there is no room: what is written
// counts only some time later.
func (s *served) large(n int) (full bool) {
	s.t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: s.urls(), TLS: s.tls(), DialTimeout: 30 * time.Second, Logger: zap.NewNop()})
	mustDo(s.t, err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	value := strings.Repeat("x", 128<<10)
	for range n {
		_, err := c.Put(ctx, "large", value)
		if errors.Is(err, rpctypes.ErrNoSpace) {
			return true
		}
		mustDo(s.t, err)
	}
	return false
}

// compact drops all old revisions, and waits until all members know of a few MiB
// that are unused now.
func (s *served) compact() {
	s.t.Helper()
	c := s.open()
	defer c.Close()
	seen := c.Observe(s.t.Context())
	mustDo(s.t, c.Compact(s.t.Context(), seen, seen.Endpoints[0].Revision-1))
	etcdtest.Eventually(s.t, func(ctx context.Context) error {
		for _, e := range c.Observe(ctx).Endpoints {
			if e.Err != nil || e.Waste() < 4<<20 {
				return fmt.Errorf("%s has %d unused bytes, error %v", e.Name, e.Waste(), e.Err)
			}
		}
		return nil
	})
}
