package tasks_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

// byUnit runs the host's member as a unit hand.service of somebody else's does: with
// other arguments, and again whenever it ends. This machine has no systemd; what
// asks for it is answered in its place.
func (h *etcdHost) byUnit(t *testing.T) {
	t.Helper()
	bin := t.TempDir()
	member := script.New().Call(h.program, "--name="+h.name, "--data-dir="+h.data(), "--initial-cluster="+h.name+"=http://"+h.peer,
		"--initial-advertise-peer-urls=http://"+h.peer, "--listen-peer-urls=http://"+h.peer, "--unsafe-no-fsync",
		"--advertise-client-urls=http://"+h.client, "--listen-client-urls=http://"+h.client, "--log-level=error", "--max-txn-ops=200")
	unit := exec.Command("sh", "-c", fmt.Sprintf("cd %s; while :; do sh -c 'echo $$ >pid; exec \"$@\"' sh %s; sleep 0.1; done", bin, strings.TrimSpace(member.Body())))
	unit.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := unit.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-unit.Process.Pid, syscall.SIGKILL) // gone is as good
		_ = unit.Wait()
	})
	for name, text := range map[string]string{
		"sed": `case $3 in /proc/*/cgroup) echo hand.service ;; *) PATH=${PATH#*:} exec sed "$@" ;; esac`,
		"systemctl": fmt.Sprintf(`case $* in
			"show hand.service -p MainPID") echo "MainPID=$(cat %s/pid)" ;;
			"disable -q --now hand.service") kill -s KILL -- -%d ;;
			*) exit 1 ;;
			esac`, bin, unit.Process.Pid),
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.conn.(*tasktest.Conn).Before = bin
	etcdtest.Eventually(t, func(context.Context) error {
		resp, err := http.Get("http://" + h.client + "/health")
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	})
}

// process is that of the host's member, or 0.
func (h *etcdHost) process() (pid int) {
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range procs {
		if text, err := os.ReadFile(p); err == nil && strings.HasPrefix(string(text), h.program+"\x00") {
			pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(p)))
		}
	}
	return pid
}

// What a unit of another name would start again is stopped for good.
func TestLaunchStopsOtherUnit(t *testing.T) {
	t.Parallel()
	c := newEtcdHosts(t, 3) // one for each kind of shell
	for _, h := range c.hosts {
		if h.conn.(*tasktest.Conn).Shell.Path != "" {
			continue // busybox is no userland of systemd's
		}
		h.byUnit(t)
		for _, check := range []bool{true, false} {
			res, err := c.run(&attempt{check: check}, func(h *etcdHost) *value.Dict {
				d := h.daemon()
				d.Set("state", "stopped")
				return d
			}, func() tasks.Module { return &tasks.Launch{} }, h.name)
			if err != nil {
				t.Fatal(explain(err))
			}
			if diff := cmp.Diff([]string{"stop and disable the systemd unit hand", "stop etcd"}, res.Changes); diff != "" {
				t.Errorf("check %v: %s", check, diff)
			}
			if runs := h.process() != 0; runs != check {
				t.Errorf("check %v: it runs: %v", check, runs)
			}
		}
	}
}

// Data are not moved from under a member because a unit of another name runs it.
func TestEtcdMembersOtherUnit(t *testing.T) {
	t.Parallel()
	c := newEtcdHosts(t, 2)
	c.found()
	c.changes([]string{"add peer2 as a learner", "start peer2", "promote peer2"}, "scale-out")
	stopped := func(i int) {
		t.Helper()
		if h := c.hosts[i]; h.process() != 0 || len(c.aside(i)) != 1 {
			t.Errorf("%s runs as %d, and of its data is kept: %v", h.name, h.process(), c.aside(i))
		}
	}
	adopted := func(h *etcdHost) {
		t.Helper()
		h.end(t)
		for _, name := range []string{"etcd.run", "etcd.pid"} {
			if err := os.Remove(filepath.Join(h.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		h.byUnit(t)
	}
	adopted(c.hosts[1])
	c.changes([]string{"remove peer2", "stop peer2", "move the data directory of peer2 aside"}, "scale-in", "members", []any{"peer2"})
	stopped(1)
	adopted(c.hosts[0])
	c.changes([]string{"stop peer1", "move the data directory of peer1 aside"}, "destroy", "confirm", "token", "token", "token")
	stopped(0)
}
