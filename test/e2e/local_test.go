package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// A cluster on one machine, by a user who is not root.
func TestLocal(t *testing.T) {
	lab := three(t)
	const user = 65534
	home := t.TempDir()
	for dir := home; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(home, user, user); err != nil {
		t.Fatal(err)
	}
	local := func(args ...string) result {
		t.Helper()
		return start(t, asUser(lab, home, append([]string{"run", "--output", "json", "local.yml", "-e", mirrorsJSON(t, lab)}, args...)...)).end()
	}
	t.Cleanup(func() { // whatever happened
		for _, pid := range members(home) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	before := look(t, lab)

	local("--check").want(0)
	if files := find(t, home); files != "" {
		t.Errorf("check mode made %s", files)
	}
	local().want(0).showsCluster(peers...)
	local().want(0).wantUnchanged().showsCluster(peers...)
	if n := len(members(home)); n != 3 {
		t.Errorf("%d members run", n)
	}
	t.Run("Ctrl-C does not end the members", func(t *testing.T) {
		r := start(t, asUser(lab, home, "run", "--output", "json", "local.yml", "-e", mirrorsJSON(t, lab)))
		r.await(task("Verify"))
		if err := syscall.Kill(-r.cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		r.end()
		local().want(0).wantUnchanged().showsCluster(peers...)
	})
	stopped := local("-e", "etcd_state=stopped").want(0)
	if len(stopped.changed()) != 3 {
		t.Errorf("stopped: %v", stopped.changed())
	}
	if left := members(home); len(left) > 0 {
		t.Errorf("these still run: %v", left)
	}
	local("-e", "etcd_state=stopped").want(0).wantUnchanged()
	local().want(0).showsCluster(peers...) // with their data
	local("-e", "etcd_state=stopped").want(0)
	before.wantUntouched(t, lab)
}

// members are the processes of etcd whose data is in a home.
func members(home string) (pids []int) {
	out, _ := exec.Command("pgrep", "-U", "65534", "-f", "--", "--data-dir="+home+"/").Output() // exit code 1: none
	for _, field := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func mirrorsJSON(t *testing.T, lab *hosts.Lab) string {
	return extra(t, map[string]any{"etcd_mirrors": lab.MirrorURL()})
}

// asUser is the program run by a user without any rights, in the lab's network
// for the sake of its releases.
func asUser(lab *hosts.Lab, home string, args ...string) *exec.Cmd {
	cmd := commandAt(lab, home, args...)
	cmd.Args = append([]string{"nsenter", "--net=" + lab.Netns(), "--", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"}, cmd.Args[3:]...)
	cmd.Env = append(cmd.Env, "USER=nobody", "LOGNAME=nobody")
	cmd.Dir = home
	return cmd
}

func find(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("find", dir, "-mindepth", "1").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
