package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/test/etcdtest"
	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, servers []*etcdtest.Server) *etcd.Cluster {
	t.Helper()
	var endpoints []etcd.Endpoint
	for _, s := range servers {
		endpoints = append(endpoints, etcd.Endpoint{Name: s.Name, URL: s.Client})
	}
	c, err := etcd.Open(t.Context(), endpoints, etcd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func healthy(t *testing.T, c *etcd.Cluster, want etcd.Expect) (s *etcd.State) {
	t.Helper()
	etcdtest.Eventually(t, func(ctx context.Context) error {
		s = c.Observe(ctx)
		var errs []error
		for _, p := range etcd.Judge(s, want) {
			errs = append(errs, errors.New(p.String()))
		}
		return errors.Join(errs...)
	})
	return s
}

var three = etcd.Expect{Members: []string{"peer1", "peer2", "peer3"}, Version: etcdtest.Version}

func TestThreeMembers(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 3)
	etcdctl := etcdtest.Program(t, etcdtest.Version, "etcdctl")
	c := open(t, servers)

	s := c.Observe(t.Context())
	if s.Reached() || len(etcd.Judge(s, three)) != 3 {
		t.Errorf("before the start: %v", etcd.Judge(s, three))
	}
	if p := etcd.Judge(s, three)[0].String(); !strings.Contains(p, "connection refused") {
		t.Errorf("the dialler's reason is lost: %s", p)
	}

	etcdtest.Start(t, servers...)
	s = healthy(t, c, three)
	if err := c.TestWrite(t.Context()); err != nil {
		t.Error(err)
	}
	after := healthy(t, c, three)
	if got, was := after.Endpoints[0].Revision, s.Endpoints[0].Revision; got != was+2 {
		t.Errorf("the test write took the revision from %d to %d", was, got)
	}
	run := func(args ...string) string {
		cmd := exec.Command(etcdctl, append(args, "--endpoints="+servers[0].Client+","+servers[1].Client+","+servers[2].Client)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("etcdctl: %v\n%s", err, out)
		}
		return string(out)
	}
	if left := run("get", "--prefix", "--keys-only", ""); left != "" {
		t.Errorf("the test write left %s", left)
	}
	// etcdctl and Observe ask for a lot that moves the raft index; so it is taken out.
	if diff := cmp.Diff(run("member", "list", "-w", "table"), after.MemberTable()); diff != "" {
		t.Errorf("member list (-etcdctl +ours):\n%s", diff)
	}
	// A member frees pages when it likes, also between two looks.
	etcdtest.Eventually(t, func(ctx context.Context) error {
		ours := noIndex(c.Observe(ctx).StatusTable())
		if diff := cmp.Diff(noIndex(run("endpoint", "status", "-w", "table")), ours); diff != "" {
			return fmt.Errorf("endpoint status (-etcdctl +ours):\n%s", diff)
		}
		return nil
	})

	servers[2].Stop()
	etcdtest.Eventually(t, func(ctx context.Context) error {
		s = c.Observe(ctx)
		if !s.Quorum || s.Endpoints[2].Err == nil || s.Leader() == nil {
			return errors.New("two of three are no healthy majority yet")
		}
		return nil
	})
	if problems := etcd.Judge(s, three); len(problems) != 1 || problems[0].Member != "peer3" {
		t.Errorf("with peer3 dead: %v", problems)
	}

	servers[1].Stop()
	etcdtest.Eventually(t, func(ctx context.Context) error {
		if s = c.Observe(ctx); s.Quorum || s.Endpoints[0].Leader != 0 {
			return errors.New("one of three still believes in a quorum")
		}
		return nil
	})
	if text := words(etcd.Judge(s, three)); !strings.Contains(text, "no leader is seen by peer1") {
		t.Errorf("without a quorum: %s", text)
	}

	etcdtest.Start(t, servers[1], servers[2])
	healthy(t, c, three)
}

func noIndex(table string) string {
	lines := strings.Split(table, "\n")
	for i, line := range lines {
		if cells := strings.Split(line, "|"); len(cells) > 13 && !strings.Contains(line, "ENDPOINT") {
			cells[12], cells[13] = "", ""
			lines[i] = strings.Join(cells, "|")
		}
	}
	return strings.Join(lines, "\n")
}

func words(problems []etcd.Problem) string {
	var all []string
	for _, p := range problems {
		all = append(all, p.String())
	}
	return strings.Join(all, "\n")
}

func TestTwoClustersThatThinkTheyAreOne(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 2)
	for _, s := range servers { // what a wiped disk and the state "new" make of a member
		s.Args = []string{"--initial-cluster=" + s.Name + "=" + s.Peer, "--initial-cluster-token=" + s.Name}
	}
	etcdtest.Start(t, servers...)
	c := open(t, servers)
	var text string
	etcdtest.Eventually(t, func(ctx context.Context) error {
		s := c.Observe(ctx)
		text = words(etcd.Judge(s, etcd.Expect{Members: []string{"peer1", "peer2"}}))
		if s.Endpoints[0].Leader == 0 || s.Endpoints[1].Leader == 0 {
			return errors.New("not up: " + text)
		}
		return nil
	})
	for _, want := range []string{"different clusters", "more than one leader", "peer2: is not in the member list"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not among the problems:\n%s", want, text)
		}
	}
}

func TestDialsThroughTheTunnelOnly(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 1)
	etcdtest.Start(t, servers...)
	addr := strings.TrimPrefix(servers[0].Client, "http://")
	var dialled []string
	c, err := etcd.Open(t.Context(), []etcd.Endpoint{{
		Name: "peer1", URL: "http://192.0.2.1:2379", // nobody's address (RFC 5737)
		Dial: func(ctx context.Context, network, to string) (net.Conn, error) {
			dialled = append(dialled, network+" "+to)
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	}}, etcd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	healthy(t, c, etcd.Expect{Members: []string{"peer1"}})
	for _, d := range dialled {
		if d != "tcp 192.0.2.1:2379" {
			t.Errorf("dialled %s", d)
		}
	}
}

func TestParseURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://192.168.161.3:2379": "192.168.161.3:2379", "192.168.161.3:2379": "192.168.161.3:2379",
		"https://[fd00::3]:2379/": "[fd00::3]:2379 tls", "peer1:2379": "peer1:2379",
		"http://peer1": "!host and a port", "peer1": "!host and a port", "unix://x": "!begin with http", "": "!host and a port",
		"http://peer1:2379/v3": "!nothing may follow", "http://fd00::3:2379": "!", "http://peer1:x": "!",
	} {
		addr, secure, err := etcd.ParseURL(in)
		got := addr
		if secure {
			got += " tls"
		}
		if msg, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), msg) {
				t.Errorf("ParseURL(%q) = %q, %v; want an error with %q", in, got, err, msg)
			}
		} else if err != nil || got != want {
			t.Errorf("ParseURL(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestOtherVersions(t *testing.T) {
	for _, version := range []string{"3.5.35", "3.7.3"} {
		t.Run(version, func(t *testing.T) {
			servers := etcdtest.Servers(t, version, 3)
			etcdtest.Start(t, servers...)
			c := open(t, servers)
			healthy(t, c, etcd.Expect{Members: three.Members, Version: version})
			if err := c.TestWrite(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAlarmAndLearner(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 1)
	servers[0].Args = append(servers[0].Args, "--quota-backend-bytes=1")
	etcdtest.Start(t, servers...)
	c := open(t, servers)
	etcdctl := etcdtest.Program(t, etcdtest.Version, "etcdctl")
	etcdtest.Eventually(t, func(ctx context.Context) error {
		if !c.Observe(ctx).Quorum {
			return errors.New("no quorum")
		}
		return nil
	})
	if err := c.TestWrite(t.Context()); err == nil || !strings.Contains(err.Error(), "database space exceeded") {
		t.Errorf("a write beyond the quota: %v", err)
	}
	if out, err := exec.Command(etcdctl, "--endpoints="+servers[0].Client, "member", "add", "peer2", "--learner", "--peer-urls=http://127.0.0.1:1").CombinedOutput(); err != nil {
		t.Fatalf("member add: %v\n%s", err, out)
	}
	s := c.Observe(t.Context())
	text := words(etcd.Judge(s, etcd.Expect{Members: []string{"peer1"}}))
	for _, want := range []string{"peer1: alarm NOSPACE", "with peer URL http://127.0.0.1:1 was added but has never started"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not among the problems:\n%s", want, text)
		}
	}
}
