package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

// daemonProgram builds testdata/daemon once.
var daemonProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "etcdplay-daemon")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "daemon")
	text, err := exec.Command("go", "build", "-o", out, "./testdata/daemon").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, text)
	}
	return out, nil
})

// A cluster is some hosts, all of them this machine, each with its own folder.
type cluster struct {
	t       *testing.T
	hosts   []*member
	limit   []int // the hosts of --limit; all when nil. The others can't be reached
	outside []int // hosts that --limit leaves out, and that are looked at
	check   bool
	stop    string // host at which the run is cut off, before its task runs
}

type member struct {
	name, dir, addr string
	conn            tasks.Conn
	args            *value.Dict // of the task
}

func newCluster(t *testing.T, sh tasktest.Shell, n int) *cluster {
	t.Helper()
	program, err := daemonProgram()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t}
	var addrs []any
	for i := range n {
		dir := t.TempDir()
		bin := filepath.Join(dir, "daemon")
		copyFile(t, program, bin)
		m := &member{name: fmt.Sprintf("peer%d", i+1), dir: dir, addr: freeAddr(t), conn: &tasktest.Conn{Shell: sh, Home: dir}}
		addrs = append(addrs, m.addr)
		m.args = value.NewDict(
			"name", "daemon", "command", bin, "dir", dir, "manager", "nohup", "stop_timeout", 5,
			"args", value.NewDict("listen", m.addr, "data", filepath.Join(dir, "data"), "state", "existing"),
			"first_args", value.NewDict("state", "new"),
			"alive", value.NewDict("url", "http://"+m.addr+"/livez", "timeout", 10),
			"ready", value.NewDict("url", "http://"+m.addr+"/readyz", "timeout", 10),
		)
		c.hosts = append(c.hosts, m)
		t.Cleanup(func() { m.kill(t) })
	}
	for _, m := range c.hosts {
		m.daemonArgs().Set("peers", addrs)
	}
	return c
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to+".new", text, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(to+".new", to); err != nil {
		t.Fatal(err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	return etcdtest.FreeAddr(t)
}

func (m *member) daemonArgs() *value.Dict {
	a, _ := m.args.Get("args")
	return a.(*value.Dict)
}

// pids are the processes that run the member's program.
func (m *member) pids() []int {
	var out []int
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range procs {
		text, err := os.ReadFile(p)
		if err == nil && bytes.HasPrefix(text, []byte(m.dir+"/daemon\x00")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(p)))
			out = append(out, pid)
		}
	}
	return out
}

func (m *member) kill(t *testing.T) {
	t.Helper()
	for _, pid := range m.pids() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // gone is as good
	}
	for range 200 {
		if len(m.pids()) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s does not die", m.name)
}

// run does what the runner does with a Sequential, gathering module.
func (c *cluster) run() (map[string]tasks.Result, []string, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	var everyone, peers []tasks.Peer
	var mods []*tasks.Launch
	for i, m := range c.hosts {
		everyone = append(everyone, tasks.Peer{Name: m.name, Address: m.addr})
		if c.limit != nil && !slices.Contains(c.limit, i) {
			continue
		}
		mod := &tasks.Launch{}
		if err := tasks.Decode(mod, m.args); err != nil {
			c.t.Fatal(err)
		}
		if err := mod.Validate(); err != nil {
			c.t.Fatal(err)
		}
		mods = append(mods, mod)
		peers = append(peers, tasks.Peer{Name: m.name, Address: m.addr, Conn: m.conn, Outside: slices.Contains(c.outside, i)})
	}
	target := func(i int) *tasks.Target {
		return &tasks.Target{Host: peers[i], Peers: peers, Everyone: everyone, Conn: peers[i].Conn, Check: c.check,
			Files: tasktest.Files{}, Status: func(string) {}}
	}
	for i, mod := range mods {
		g, err := mod.Gather(ctx, target(i))
		if err != nil {
			return nil, nil, err
		}
		peers[i].Gathered = g
	}
	results := map[string]tasks.Result{}
	var order []string
	for _, i := range mods[0].Sequence(peers) {
		if peers[i].Name == c.stop {
			return results, order, nil
		}
		if peers[i].Outside {
			continue
		}
		order = append(order, peers[i].Name)
		res, err := mods[i].Run(ctx, target(i))
		results[peers[i].Name] = res
		if err != nil {
			return results, order, fmt.Errorf("%s: %w", peers[i].Name, err)
		}
	}
	return results, order, nil
}

// converge checks, runs, and runs again: the check foretells the run, and the
// second run has nothing to do.
func (c *cluster) converge() (map[string]tasks.Result, []string) {
	c.t.Helper()
	c.check = true
	foreseen, seenOrder, err := c.run()
	if err != nil {
		c.t.Fatalf("check: %v", explain(err))
	}
	c.check = false
	made, order, err := c.run()
	if err != nil {
		c.t.Fatalf("run: %v", explain(err))
	}
	if diff := cmp.Diff(seenOrder, order); diff != "" {
		c.t.Errorf("order in check mode and in the run:\n%s", diff)
	}
	for name := range made {
		if diff := cmp.Diff(foreseen[name].Changes, made[name].Changes, cmpopts.EquateEmpty()); diff != "" {
			c.t.Errorf("%s: foreseen and made:\n%s", name, diff)
		}
	}
	for _, check := range []bool{true, false} {
		c.check = check
		again, _, err := c.run()
		if err != nil {
			c.t.Fatalf("again: %v", explain(err))
		}
		for name, res := range again {
			if len(res.Changes) > 0 {
				c.t.Errorf("%s: the second run (check %v) makes %q", name, check, res.Changes)
			}
		}
	}
	c.check = false
	return made, order
}

func explain(err error) string {
	var f *tasks.Failure
	if !errors.As(err, &f) {
		return err.Error()
	}
	return fmt.Sprintf("%v (exit %d)\nhint: %s\nstderr: %s", err, f.Code, f.Hint, f.Stderr)
}

func eachShell(t *testing.T, f func(t *testing.T, sh tasktest.Shell)) {
	t.Parallel()
	for _, sh := range tasktest.Shells(t) {
		t.Run(sh.Name, func(t *testing.T) {
			t.Parallel()
			f(t, sh)
		})
	}
}

// A cutConn is lost at its nth script: before it is run, or after, when its
// answer does not come back.
type cutConn struct {
	tasks.Conn
	left  int
	after bool
}

func (c *cutConn) Exec(ctx context.Context, cmd tasks.Command) (script.Output, error) {
	lost := &tasks.Unreachable{Host: "peer1", Msg: "the connection was lost"}
	if c.left--; c.left < 0 || c.left == 0 && !c.after {
		return script.Output{}, lost
	}
	out, err := c.Conn.Exec(ctx, cmd)
	if c.left == 0 {
		return script.Output{}, lost
	}
	return out, err
}

func wantState(t *testing.T, res map[string]tasks.Result, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for name, r := range res {
		s, _ := r.Data.Get("state")
		got[name], _ = s.(string)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestLaunchBringUp(t *testing.T) {
	eachShell(t, func(t *testing.T, sh tasktest.Shell) {
		c := newCluster(t, sh, 3)
		res, order := c.converge()
		wantState(t, res, map[string]string{"peer1": "started", "peer2": "started", "peer3": "started"})
		if diff := cmp.Diff([]string{"peer1", "peer2", "peer3"}, order); diff != "" {
			t.Error(diff)
		}
		for _, m := range c.hosts {
			want := []string{"create " + m.dir + "/daemon.run", "start daemon"}
			if diff := cmp.Diff(want, res[m.name].Changes); diff != "" {
				t.Errorf("%s: %s", m.name, diff)
			}
			pids := m.pids()
			if len(pids) != 1 {
				t.Fatalf("%s runs as %v", m.name, pids)
			}
			if pid, _ := res[m.name].Data.Get("pid"); pid != pids[0] {
				t.Errorf("pid is %v, want %d", pid, pids[0])
			}
			run, err := os.ReadFile(m.dir + "/daemon.run")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(run), "--state=existing") || strings.Contains(string(run), "--state=new") {
				t.Errorf("what is recorded does not say existing:\n%s", run)
			}
			args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pids[0]))
			if err != nil || !bytes.Contains(args, []byte("--state=new")) {
				t.Errorf("the first start was made with %q, %v", args, err)
			}
		}

		// killed, it comes back with the plain arguments, and first
		c.hosts[1].kill(t)
		res, order = c.converge()
		wantState(t, res, map[string]string{"peer1": "running", "peer2": "started", "peer3": "running"})
		if order[0] != "peer2" {
			t.Errorf("the host that is down did not come first: %v", order)
		}
		// a wiped host does not start as new
		c.hosts[1].kill(t)
		if err := os.Remove(c.hosts[1].dir + "/data"); err != nil {
			t.Fatal(err)
		}
		_, _, err := c.run()
		if err == nil || !strings.Contains(explain(err), "no data, and the state is existing") || !strings.Contains(explain(err), "exit code 3") {
			t.Errorf("a wiped host: %v", err)
		}
	})
}

func TestLaunchRestart(t *testing.T) {
	eachShell(t, func(t *testing.T, sh tasktest.Shell) {
		c := newCluster(t, sh, 3)
		c.converge()
		old := c.hosts[0].pids()
		set := func(what string, f func(m *member)) {
			t.Helper()
			for _, m := range c.hosts {
				f(m)
			}
			res, _ := c.converge()
			wantState(t, res, map[string]string{"peer1": "restarted", "peer2": "restarted", "peer3": "restarted"})
			if !strings.Contains(strings.Join(res["peer1"].Changes, "\n"), what) {
				t.Errorf("changes %q do not say %q", res["peer1"].Changes, what)
			}
			if now := c.hosts[0].pids(); len(now) != 1 || now[0] == old[0] {
				t.Errorf("processes before %v, after %v", old, now)
			}
			old = c.hosts[0].pids()
		}
		set("command line has changed", func(m *member) { m.daemonArgs().Set("extra", "it's \"a\" $HOME\n\\ ü") })
		set("environment or settings have changed", func(m *member) { m.args.Set("env", value.NewDict("COLOUR", "red $x")) })
		set("program was replaced", func(m *member) {
			program, _ := daemonProgram()
			copyFile(t, program, m.dir+"/daemon")
		})
		log, err := os.ReadFile(c.hosts[0].dir + "/daemon.log")
		if err != nil || !strings.Contains(string(log), `COLOUR="red $x"`) {
			t.Errorf("log: %s %v", log, err)
		}
		// never
		for _, m := range c.hosts {
			m.daemonArgs().Set("extra", "other")
			m.args.Set("restart", "never")
		}
		res, _, err := c.run()
		if err != nil || len(res["peer1"].Warnings) != 1 {
			t.Errorf("restart never: warnings %q, %v", res["peer1"].Warnings, err)
		}
		wantState(t, res, map[string]string{"peer1": "running", "peer2": "running", "peer3": "running"})
	})
}

func TestLaunchKeepsQuorum(t *testing.T) {
	t.Parallel()
	sh := tasktest.Shells(t)[0]
	c := newCluster(t, sh, 3)
	c.converge()
	for _, m := range c.hosts {
		m.daemonArgs().Set("extra", "new")
	}
	c.hosts[2].kill(t)
	c.limit = []int{0, 1}
	for _, c.check = range []bool{true, false} {
		before := c.hosts[0].pids()
		_, _, err := c.run()
		if err == nil || !strings.Contains(explain(err), "only 1 of 3 hosts would be ready") {
			t.Errorf("check %v: %v", c.check, err)
		}
		if diff := cmp.Diff(before, c.hosts[0].pids()); diff != "" {
			t.Errorf("peer1 was restarted all the same: %s", diff)
		}
	}
	c.limit = nil
	res, order := c.converge()
	wantState(t, res, map[string]string{"peer1": "restarted", "peer2": "restarted", "peer3": "started"})
	if order[0] != "peer3" {
		t.Errorf("order %v", order)
	}
	// no quorum, nothing to lose
	for _, m := range c.hosts {
		m.daemonArgs().Set("extra", "newer")
	}
	c.hosts[1].kill(t)
	c.hosts[2].kill(t)
	res, _ = c.converge()
	wantState(t, res, map[string]string{"peer1": "restarted", "peer2": "started", "peer3": "started"})
}

func TestLaunchConverges(t *testing.T) {
	t.Parallel()
	sh := tasktest.Shells(t)[0]
	for _, at := range []string{"peer1", "peer2", "peer3"} {
		t.Run("cut off before "+at, func(t *testing.T) {
			c := newCluster(t, sh, 3)
			c.stop = at
			if _, _, err := c.run(); err != nil {
				t.Fatal(explain(err))
			}
			c.stop = ""
			c.converge()
		})
	}
	t.Run("cut off after the first start, before it was noted", func(t *testing.T) {
		c := newCluster(t, sh, 1)
		m := c.hosts[0]
		m.args.Set("alive", value.NewDict("url", "http://"+m.addr+"/livez", "status", 999, "timeout", 0.2))
		if _, _, err := c.run(); err == nil {
			t.Fatal("the gate did not hold it up")
		}
		m.args.Set("alive", value.NewDict("url", "http://"+m.addr+"/livez"))
		res, _ := c.converge()
		if diff := cmp.Diff([]string{"update " + m.dir + "/daemon.run"}, res["peer1"].Changes); diff != "" {
			t.Error(diff)
		}
	})
	for n := 1; n < 20; n++ {
		done := false
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("cut off at round trip %d, done %v", n, after), func(t *testing.T) {
				c := newCluster(t, sh, 1)
				m := c.hosts[0]
				whole := m.conn
				m.conn = &cutConn{Conn: whole, left: n, after: after}
				_, _, err := c.run()
				done = err == nil
				m.conn = whole
				c.converge()
				if pids := m.pids(); len(pids) != 1 {
					t.Errorf("it runs as %v", pids)
				}
				if run, err := os.ReadFile(m.dir + "/daemon.run"); err != nil || strings.Contains(string(run), "--state=new") {
					t.Errorf("what is recorded is not for good: %s %v", run, err)
				}
			})
		}
		if done {
			break
		}
	}
	t.Run("the pid file is lost", func(t *testing.T) {
		c := newCluster(t, sh, 1)
		c.converge()
		m := c.hosts[0]
		before := m.pids()
		if err := os.Remove(m.dir + "/daemon.pid"); err != nil {
			t.Fatal(err)
		}
		c.converge()
		if diff := cmp.Diff(before, m.pids()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("started by hand", func(t *testing.T) {
		c := newCluster(t, sh, 1)
		m := c.hosts[0]
		hand := exec.Command(m.dir+"/daemon", "--listen="+m.addr, "--data="+m.dir+"/data", "--state=new", "--peers="+m.addr)
		if err := hand.Start(); err != nil {
			t.Fatal(err)
		}
		go hand.Wait()
		time.Sleep(50 * time.Millisecond)
		res, _ := c.converge()
		wantState(t, res, map[string]string{"peer1": "running"})
		if pids := m.pids(); len(pids) != 1 || pids[0] != hand.Process.Pid {
			t.Errorf("runs as %v, started by hand as %d", pids, hand.Process.Pid)
		}
	})
}

func TestLaunchFailures(t *testing.T) {
	cases := []struct {
		name   string
		change func(t *testing.T, m *member)
		want   []string
	}{
		{"ends at once", func(_ *testing.T, m *member) { m.daemonArgs().Set("exit", 7) }, []string{"exit code 7", "told to exit", "daemon.log"}},
		{"unknown flag", func(_ *testing.T, m *member) { m.daemonArgs().Set("nonsense", 1) }, []string{"daemon ended", "-nonsense"}},
		{"ends later", func(_ *testing.T, m *member) {
			m.daemonArgs().Set("slow", "500ms")
			m.daemonArgs().Set("listen", "127.0.0.1:99999")
		}, []string{"daemon ended", "invalid port"}},
		{"never alive", func(_ *testing.T, m *member) {
			m.daemonArgs().Set("slow", "1h")
			m.args.Set("alive", value.NewDict("url", "http://"+m.addr+"/livez", "timeout", 0.3))
		}, []string{"did not get alive within 300ms", "refused", "starting as"}},
		{"never ready", func(_ *testing.T, m *member) {
			m.daemonArgs().Set("peers", "127.0.0.1:1,127.0.0.1:2")
			m.args.Set("ready", value.NewDict("url", "http://"+m.addr+"/readyz", "timeout", 0.3))
		}, []string{"did not get ready within 300ms", "503"}},
		{"no program", func(_ *testing.T, m *member) { m.args.Set("command", "/nonexistent/daemon") }, []string{"there is no program /nonexistent/daemon"}},
		{"arguments in command", func(_ *testing.T, m *member) { m.args.Set("command", m.dir+"/daemon --x") }, []string{"its arguments go to args"}},
		{"no user", func(_ *testing.T, m *member) { m.args.Set("user", "nosuchuser") }, []string{"there is no user nosuchuser"}},
		{"no directory", func(_ *testing.T, m *member) { m.args.Set("dir", m.dir+"/nowhere") }, []string{"there is no directory"}},
		{"port taken", func(t *testing.T, m *member) {
			l, err := net.Listen("tcp", m.addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, []string{"needs port", fmt.Sprintf("process %d listens", os.Getpid())}},
	}
	eachShell(t, func(t *testing.T, sh tasktest.Shell) {
		for _, tc := range cases {
			t.Run(tc.name, func(t *testing.T) {
				c := newCluster(t, sh, 1)
				tc.change(t, c.hosts[0])
				_, _, err := c.run()
				if err == nil {
					t.Fatal("it did not fail")
				}
				for _, w := range tc.want {
					if !strings.Contains(explain(err), w) {
						t.Errorf("the error does not say %q:\n%s", w, explain(err))
					}
				}
			})
		}
	})
}

func TestLaunchStop(t *testing.T) {
	eachShell(t, func(t *testing.T, sh tasktest.Shell) {
		c := newCluster(t, sh, 2)
		for _, m := range c.hosts {
			m.daemonArgs().Set("deaf", true)
			m.args.Set("stop_timeout", 1)
		}
		c.converge()
		for _, m := range c.hosts {
			m.args.Set("state", "stopped")
		}
		res, _ := c.converge()
		for _, m := range c.hosts {
			if pids := m.pids(); len(pids) != 0 {
				t.Errorf("%s still runs as %v", m.name, pids)
			}
			if len(res[m.name].Warnings) != 1 {
				t.Errorf("no word of the kill: %q", res[m.name].Warnings)
			}
		}
	})
}

func TestLaunchAsUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	eachShell(t, func(t *testing.T, sh tasktest.Shell) {
		c := newCluster(t, sh, 1)
		m := c.hosts[0]
		for _, d := range []string{m.dir, sh.Path} {
			for ; strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
				if err := os.Chmod(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := os.Chown(m.dir, 65534, -1); err != nil {
			t.Fatal(err)
		}
		m.args.Set("user", "nobody")
		c.converge()
		log, err := os.ReadFile(m.dir + "/daemon.log")
		if err != nil || !strings.Contains(string(log), "uid 65534") {
			t.Errorf("log: %s %v", log, err)
		}
		m.args.Set("user", "root")
		res, _ := c.converge()
		if !strings.Contains(strings.Join(res["peer1"].Changes, "\n"), "another user") {
			t.Errorf("changes: %q", res["peer1"].Changes)
		}
	})
}

func TestLaunchDistinct(t *testing.T) {
	t.Parallel()
	c := newCluster(t, tasktest.Shells(t)[0], 2)
	c.hosts[1].args.Set("dir", c.hosts[0].dir)
	_, _, err := c.run()
	if err == nil || !strings.Contains(err.Error(), "are the same machine") {
		t.Errorf("two hosts with one run file: %v", err)
	}
}
