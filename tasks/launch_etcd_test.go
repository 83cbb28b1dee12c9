package tasks_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

// newEtcdCluster is a cluster of real etcd members.
func newEtcdCluster(t *testing.T, n int) *cluster {
	t.Helper()
	program := etcdtest.Program(t, etcdtest.Version, "etcd")
	c := &cluster{t: t}
	peers := map[string]string{}
	var initial []string
	for i := range n {
		dir := t.TempDir()
		m := &member{name: []string{"peer1", "peer2", "peer3"}[i], dir: dir, addr: freeAddr(t), conn: &tasktest.Conn{Shell: tasktest.Shells(t)[0], Home: dir}}
		peers[m.name] = "http://" + freeAddr(t)
		initial = append(initial, m.name+"="+peers[m.name])
		bin := filepath.Join(dir, "etcd-v"+etcdtest.Version+"-linux-amd64", "daemon")
		if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
			t.Fatal(err)
		}
		copyFile(t, program, bin)
		client := "http://" + m.addr
		m.args = value.NewDict(
			"name", "daemon", "command", bin, "dir", dir, "manager", "nohup", "stop_timeout", 10,
			"etcd", value.NewDict("endpoint", client, "name", m.name, "peer_url", peers[m.name]),
			"args", value.NewDict("name", m.name, "data-dir", filepath.Join(dir, "data"), "initial-cluster-state", "existing",
				"listen-client-urls", client, "advertise-client-urls", client, "unsafe-no-fsync", true,
				"listen-peer-urls", peers[m.name], "initial-advertise-peer-urls", peers[m.name], "log-level", "warn"),
			"alive", value.NewDict("port", strings.Split(peers[m.name], ":")[2]),
			"ready", value.NewDict("url", client+"/health"),
		)
		c.hosts = append(c.hosts, m)
		t.Cleanup(func() { m.end(t) })
	}
	for _, m := range c.hosts {
		m.args.Set("first_args", value.NewDict("initial-cluster", strings.Join(initial, ","), "initial-cluster-state", "new"))
	}
	return c
}

// process is the member's, by the program below its folder.
func (m *member) process() (pid int) {
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range procs {
		text, err := os.ReadFile(p)
		if err == nil && strings.HasPrefix(string(text), m.dir+"/etcd-v") {
			pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(p)))
		}
	}
	return pid
}

// end kills the member.
func (m *member) end(t *testing.T) {
	t.Helper()
	for range 500 {
		pid := m.process()
		if pid == 0 {
			return
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // gone is as good
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s does not die", m.name)
}

func TestLaunchEtcd(t *testing.T) {
	t.Parallel()
	c := newEtcdCluster(t, 3)
	c.converge()

	// changed settings: the leader last, after it handed the lead over
	for _, m := range c.hosts {
		m.daemonArgs().Set("heartbeat-interval", 110)
	}
	res, order := c.converge()
	last := order[len(order)-1]
	for name, r := range res {
		text := strings.Join(r.Changes, "\n")
		if !strings.Contains(text, "--heartbeat-interval=110 added (3 of 3 voters healthy, 1 may fail; meanwhile 2 of 3, 0 may fail)") {
			t.Errorf("%s does not tell the margins: %s", name, text)
		}
		if moved := strings.Contains(text, "move the leader from "+name+" to "); moved != (name == last) {
			t.Errorf("%s, where %s is last: %s", name, last, text)
		}
	}

	refuse := func(what, want string) {
		t.Helper()
		pids := c.hosts[0].process()
		_, _, err := c.run()
		if err == nil || !strings.Contains(explain(err), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		if now := c.hosts[0].process(); now != pids {
			t.Errorf("%s: the member was touched", what)
		}
	}
	// members that disagree
	c.hosts[0].daemonArgs().Set("heartbeat-interval", 120)
	refuse("uneven timing", "heartbeat-interval is 120 on peer1 and 110 on peer2")
	c.hosts[0].daemonArgs().Set("heartbeat-interval", 110)

	// another data directory
	c.hosts[0].daemonArgs().Set("data-dir", filepath.Join(c.hosts[0].dir, "other"))
	refuse("another data directory", "would start without them")
	c.hosts[0].daemonArgs().Set("data-dir", filepath.Join(c.hosts[0].dir, "data"))

	// a version too far
	was, _ := c.hosts[0].args.Get("command")
	bin := filepath.Join(c.hosts[0].dir, "etcd-v3.8.1-linux-amd64", "daemon")
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		t.Fatal(err)
	}
	copyFile(t, was.(string), bin)
	c.hosts[0].args.Set("command", bin)
	refuse("a version too far", "a minor version would be skipped")
	c.hosts[0].args.Set("command", was)

	// a member that lost its data, while the others have a quorum
	c.hosts[2].end(t)
	if err := os.RemoveAll(filepath.Join(c.hosts[2].dir, "data")); err != nil {
		t.Fatal(err)
	}
	refuse("lost data", "its data was lost")

	// and not even when nothing is known of it any more
	if err := os.Remove(filepath.Join(c.hosts[2].dir, "daemon.run")); err != nil {
		t.Fatal(err)
	}
	refuse("a host that was made anew", "replace.yml")
}
