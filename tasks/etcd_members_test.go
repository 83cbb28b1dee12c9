package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

// etcdHosts are hosts on this machine, each with its own folder, where launch
// runs etcd without systemd.
type etcdHosts struct {
	t     *testing.T
	hosts []*etcdHost
	gone  map[string]bool // hosts that can't be reached
	files tasktest.Files  // the controller's
}

type etcdHost struct {
	name, dir, client, peer string
	conn                    tasks.Conn
	program                 string
}

func newEtcdHosts(t *testing.T, n int) *etcdHosts {
	t.Helper()
	program := etcdtest.Program(t, etcdtest.Version, "etcd")
	shells := tasktest.Shells(t)
	c := &etcdHosts{t: t, gone: map[string]bool{}}
	for i := range n {
		dir := t.TempDir()
		h := &etcdHost{
			name: fmt.Sprintf("peer%d", i+1), dir: dir, client: freeAddr(t), peer: freeAddr(t),
			conn: &tasktest.Conn{Shell: shells[i%len(shells)], Home: dir}, program: filepath.Join(dir, "etcd"),
		}
		copyFile(t, program, h.program) // so that each host's process is known by its path
		c.hosts = append(c.hosts, h)
		t.Cleanup(func() { h.end(t) })
	}
	return c
}

func (h *etcdHost) data() string { return filepath.Join(h.dir, "data") }

func (h *etcdHost) api() *value.Dict {
	return value.NewDict("endpoint", "http://"+h.client, "name", h.name, "peer_url", "http://"+h.peer)
}

// daemon are the arguments of launch.
func (h *etcdHost) daemon() *value.Dict {
	return value.NewDict(
		"name", "etcd", "command", h.program, "dir", h.dir, "manager", "nohup", "etcd", h.api(),
		"args", value.NewDict("name", h.name, "data-dir", h.data(), "initial-cluster-state", "existing",
			"initial-advertise-peer-urls", "http://"+h.peer, "listen-peer-urls", "http://"+h.peer,
			"advertise-client-urls", "http://"+h.client, "listen-client-urls", "http://"+h.client,
			"heartbeat-interval", 50, "election-timeout", 500, "unsafe-no-fsync", true, "log-level", "warn"),
		"first_args", value.NewDict("initial-cluster", h.name+"=http://"+h.peer, "initial-cluster-state", "new"),
		"alive", value.NewDict("url", "http://"+h.client+"/version", "timeout", 30),
		"ready", value.NewDict("url", "http://"+h.client+"/health", "timeout", 30),
	)
}

// An attempt is one run of a task on all hosts.
type attempt struct {
	check    bool
	killedAt int // the change before which the controller ends; 0: none
	begun    []string
}

var errKilled = errors.New("the controller was killed")

// run runs a task as the runner does: its arguments decoded for each host,
// gathered everywhere, run once.
func (c *etcdHosts) run(a *attempt, args func(*etcdHost) *value.Dict, make func() tasks.Module, on ...string) (tasks.Result, error) {
	c.t.Helper()
	ctx, kill := context.WithCancelCause(c.t.Context())
	defer kill(nil)
	target := &tasks.Target{Check: a.check, Files: c.files, Status: func(string) {}, Session: &tasks.Session{}, OnChange: func(what string) {
		a.begun = append(a.begun, what)
		if len(a.begun) == a.killedAt {
			kill(errKilled)
		}
	}}
	var first tasks.Module
	for _, h := range c.hosts {
		if len(on) > 0 && !slices.Contains(on, h.name) {
			continue
		}
		peer := tasks.Peer{Name: h.name, Conn: h.conn}
		target.Everyone = append(target.Everyone, peer)
		if c.gone[h.name] {
			continue
		}
		m := make()
		if err := tasks.Decode(m, args(h)); err != nil {
			c.t.Fatal(err)
		}
		if err := m.(tasks.Validator).Validate(); err != nil {
			return tasks.Result{}, err
		}
		own := *target
		own.Host, own.Conn = peer, h.conn
		gathered, err := m.(tasks.Gatherer).Gather(ctx, &own)
		if err != nil {
			c.t.Fatal(err)
		}
		peer.Gathered = gathered
		target.Peers = append(target.Peers, peer)
		if first == nil {
			first, target.Host, target.Conn = m, peer, h.conn
		}
	}
	return first.Run(ctx, target)
}

// found makes a cluster of the first host.
func (c *etcdHosts) found() {
	c.t.Helper()
	_, err := c.run(&attempt{}, (*etcdHost).daemon, func() tasks.Module { return &tasks.Launch{} }, c.hosts[0].name)
	if err != nil {
		c.t.Fatal(err)
	}
}

// change changes the members.
func (c *etcdHosts) change(a *attempt, operation string, more ...any) (tasks.Result, error) {
	c.t.Helper()
	return c.run(a, func(h *etcdHost) *value.Dict {
		d := value.NewDict(append([]any{"operation", operation, "launch", h.daemon(), "etcd", h.api(),
			"data", []any{h.data()}, "timeout", "30s"}, more...)...)
		return d
	}, func() tasks.Module { return &tasks.EtcdMembers{} })
}

// changes runs an operation to its end: what check mode predicts is what is
// done, and then nothing is left to do.
func (c *etcdHosts) changes(want []string, operation string, more ...any) {
	c.t.Helper()
	foreseen, err := c.change(&attempt{check: true}, operation, more...)
	if err != nil {
		c.t.Fatal(err)
	}
	done, err := c.change(&attempt{}, operation, more...)
	if err != nil {
		c.t.Fatal(err)
	}
	if diff := cmp.Diff(foreseen.Changes, done.Changes); diff != "" {
		c.t.Errorf("%s: foreseen (-), done (+):\n%s", operation, diff)
	}
	if diff := cmp.Diff(want, withoutMargins(done.Changes)); diff != "" {
		c.t.Errorf("%s: want (-), done (+):\n%s", operation, diff)
	}
	again, err := c.change(&attempt{}, operation, more...)
	if err != nil || again.Changed {
		c.t.Errorf("%s again: changes %v, error %v", operation, again.Changes, err)
	}
}

// withoutMargins is what can be known of changes: which of two members takes the
// lead can't.
func withoutMargins(changes []string) (out []string) {
	for _, ch := range changes {
		text, _, _ := strings.Cut(ch, " (")
		if strings.HasPrefix(text, "move the leader to ") {
			text = "move the leader"
		}
		out = append(out, text)
	}
	return out
}

// healthy fails the test unless exactly these are members, and all is well.
func (c *etcdHosts) healthy(names ...string) {
	c.t.Helper()
	list := make([]any, len(names))
	for i, n := range names {
		list[i] = n
	}
	_, err := c.run(&attempt{}, func(h *etcdHost) *value.Dict {
		d := h.api()
		d.Set("members", list)
		return value.NewDict("etcd", d, "timeout", "30s")
	}, func() tasks.Module { return &tasks.Verify{} }, names...)
	var f *tasks.Failure
	if errors.As(err, &f) {
		c.t.Fatalf("%v\n%s", err, f.Stderr)
	} else if err != nil {
		c.t.Fatal(err)
	}
}

func (c *etcdHosts) aside(i int) (kept []string) {
	kept, _ = filepath.Glob(c.hosts[i].data() + ".removed-*/member")
	return kept
}

func TestEtcdMembers(t *testing.T) {
	t.Parallel()
	c := newEtcdHosts(t, 3)
	c.found()
	c.changes([]string{
		"add peer2 as a learner", "start peer2", "promote peer2",
		"add peer3 as a learner", "start peer3", "promote peer3",
	}, "scale-out")
	c.healthy("peer1", "peer2", "peer3")

	t.Log("the leader leaves, and its data is kept")
	c.changes([]string{
		"move the leader", "remove peer1", "stop peer1", "move the data directory of peer1 aside",
	}, "scale-in", "members", []any{"peer1"})
	c.healthy("peer2", "peer3")
	if kept := c.aside(0); len(kept) != 1 {
		t.Errorf("kept of peer1's data: %v", kept)
	}
	c.changes([]string{"add peer1 as a learner", "start peer1", "promote peer1"}, "scale-out")

	t.Log("a member dies with its disk")
	dead := c.hosts[1]
	dead.end(t)
	if err := os.RemoveAll(dead.data()); err != nil {
		t.Fatal(err)
	}
	c.changes([]string{"stop peer2", "remove peer2", "add peer2 as a learner", "start peer2", "promote peer2"}, "replace", "members", []any{"peer2"})
	c.healthy("peer1", "peer2", "peer3")

	t.Log("a host is gone")
	c.hosts[2].end(t)
	c.gone["peer3"] = true
	done, err := c.change(&attempt{}, "scale-in", "members", []any{"peer3"})
	if err != nil || len(done.Warnings) != 1 || !strings.Contains(done.Warnings[0], "peer3 can't be reached") {
		t.Errorf("warnings %v, error %v", done.Warnings, err)
	}
	c.healthy("peer1", "peer2")

	t.Log("the end")
	c.changes([]string{"stop peer1", "stop peer2", "move the data directory of peer1 aside", "move the data directory of peer2 aside"},
		"destroy", "confirm", "token", "token", "token")
	if len(c.aside(0)) != 2 || len(c.aside(1)) != 1 {
		t.Errorf("kept: %v %v", c.aside(0), c.aside(1))
	}
}

// Wherever the controller ends, the next run goes on.
func TestEtcdMembersKilled(t *testing.T) {
	t.Parallel()
	c := newEtcdHosts(t, 3)
	c.found()
	for _, op := range []struct {
		operation string
		more      []any
		members   []string
	}{
		{"scale-out", nil, []string{"peer1", "peer2", "peer3"}},
		{"replace", []any{"members", []any{"peer2"}, "force", true}, []string{"peer1", "peer2", "peer3"}},
		{"scale-in", []any{"members", []any{"peer3"}}, []string{"peer1", "peer2"}},
	} {
		ended := 0
		for {
			a := &attempt{killedAt: 2 + ended%3} // the first change repeats what the last run was cut off at
			_, err := c.change(a, op.operation, op.more...)
			if err == nil {
				break
			}
			if !errors.Is(err, errKilled) && !errors.Is(err, context.Canceled) {
				t.Fatalf("%s after %v: %v", op.operation, a.begun, err)
			}
			if ended++; ended > 30 {
				t.Fatalf("%s does not come to an end: %v", op.operation, a.begun)
			}
		}
		t.Logf("%s: killed %d times", op.operation, ended)
		c.healthy(op.members...)
	}
}

func TestEtcdMembersRefused(t *testing.T) {
	t.Parallel()
	c := newEtcdHosts(t, 2)
	c.found()
	for _, r := range []struct {
		want, operation string
		more            []any
	}{
		{"peer9 is neither a member nor a host of the play", "scale-in", []any{"members", []any{"peer9"}}},
		{"peer1 is the last member", "scale-in", []any{"members", []any{"peer1"}}},
		{"members: none is named", "replace", nil},
		{"this ends the cluster, which was not confirmed", "destroy", []any{"token", "x"}},
		{`this ends the cluster, and "y" is not its token`, "destroy", []any{"token", "x", "confirm", "y"}},
		{"peer1 runs etcd " + etcdtest.Version + ", and new members would run 3.5.0", "scale-out", []any{"version", "3.5.0"}},
		{"force means nothing but with operation: replace", "scale-out", []any{"force", true}},
	} {
		for _, check := range []bool{true, false} {
			res, err := c.change(&attempt{check: check}, r.operation, r.more...)
			if err == nil || !strings.Contains(err.Error(), r.want) || res.Changed {
				t.Errorf("%s: changes %v, error %v, want %q", r.operation, res.Changes, err, r.want)
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(c.hosts[1].data(), "member"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := c.change(&attempt{}, "scale-out"); err == nil || !strings.Contains(err.Error(), "its data directory holds data already") {
		t.Errorf("added onto data: %v", err)
	}
	c.healthy("peer1")
}

// end kills the host's member, as a power cut would.
func (h *etcdHost) end(t *testing.T) {
	t.Helper()
	for range 200 {
		living := false
		procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, p := range procs {
			text, err := os.ReadFile(p)
			if err != nil || !bytes.HasPrefix(text, []byte(h.program+"\x00")) {
				continue
			}
			living = true
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(p))); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // gone is as good
			}
		}
		if !living {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("etcd on %s does not end", h.name)
}
