package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// A controller that is killed, again and again, each time at another task: the
// run after it carries on from what it finds.
func TestKilledController(t *testing.T) {
	lab := three(t)
	inv := inventoryOf(t, lab, peers)
	kill := func(when string, is func(event) bool) {
		t.Helper()
		r := begin(t, lab, "site.yml", "-i", inv)
		r.await(when, is)
		r.signal(syscall.SIGKILL)
		if res := r.end(); res.code != -1 {
			t.Fatalf("at %s it was not killed but ended with %d\n%s", when, res.code, res.dump())
		}
		t.Logf("killed at %s", when)
	}
	kill(task("1.2 Create the user"))
	kill(task("1.3 Open the ports"))
	kill(task("1.5 Download"))
	kill(resultOf("peer2", "1.5 Download"))
	kill(task("1.6 Let the user log in"))
	kill(task("2.1 Start etcd"))
	kill(resultOf("peer1", "2.1 Start etcd"))
	kill(resultOf("peer2", "2.1 Start etcd"))
	kill(task("2.2 Verify"))

	play(t, lab, "site.yml", "-i", inv).want(0).showsCluster(peers...)
	play(t, lab, "site.yml", "-i", inv).want(0).wantUnchanged().showsCluster(peers...)
	wantLogins(t, lab, "etcd", peers)
	for _, name := range peers {
		if left := on(t, lab, name, "find / -xdev -name '*etcdplay-part*' -o -xdev -name '*etcdplay-tree*' -o -xdev -name '*etcdplay-lock*'"); left != "" {
			t.Errorf("%s: this was left: %s", name, left)
		}
	}
}

// work waits on each host until it is told to go on, with a child, as commands
// have them.
const work = `
- hosts: etcd
  gather_facts: false
  become: true
  tasks:
    - name: Work
      shell: |
        touch /var/tmp/started
        sh -c 'while [ ! -e /var/tmp/go ]; do sleep 0.2; done; : patience'
        touch /var/tmp/worked
    - name: Work on
      shell: touch /var/tmp/next
`

// Ctrl-C, as a terminal sends it: to all processes in the foreground.
func TestCtrlC(t *testing.T) {
	lab := mixed(t)
	names := []string{"peer1", "peer3", "peer4"} // root, busybox, sudo
	inv := inventoryOf(t, lab, names)
	book := write(t, "work.yml", work)
	exists := func(host, file string) bool {
		return on(t, lab, host, "[ -e "+file+" ] && echo yes || echo no") == "yes"
	}
	working := func(host string) bool {
		return on(t, lab, host, "ps -ef 2>/dev/null | grep '[p]atience' || ps | grep '[p]atience' || true") != ""
	}
	run := func() *running {
		r := begin(t, lab, book, "-i", inv)
		for _, name := range names {
			eventually(t, name+" works", func() bool { return exists(name, "/var/tmp/started") && working(name) })
		}
		return r
	}
	ctrlC := func(r *running) {
		if err := syscall.Kill(-r.cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("once: what runs comes to its end", func(t *testing.T) {
		r := run()
		ctrlC(r)
		for _, name := range names {
			on(t, lab, name, "touch /var/tmp/go")
		}
		res := r.end().want(99)
		for _, name := range names {
			if !exists(name, "/var/tmp/worked") {
				t.Errorf("%s: the task did not come to its end\n%s", name, res.dump())
			}
			if exists(name, "/var/tmp/next") {
				t.Errorf("%s: another task was begun\n%s", name, res.dump())
			}
			if got := strings.Join(res.ran(name), ", "); got != "Work" {
				t.Errorf("%s: these tasks were told: %s", name, got)
			}
			on(t, lab, name, "rm -f /var/tmp/started /var/tmp/go /var/tmp/worked")
		}
	})
	t.Run("twice: nothing is left on the hosts", func(t *testing.T) {
		r := run()
		ctrlC(r)
		time.Sleep(100 * time.Millisecond) // else they are one signal
		ctrlC(r)
		r.end().want(130)
		for _, name := range names {
			eventually(t, "the end of all processes on "+name, func() bool { return !working(name) })
			if exists(name, "/var/tmp/worked") {
				t.Errorf("%s: the task came to its end", name)
			}
		}
	})
}

// Ctrl-C in the midst of an operation: the step that was begun comes to its end,
// no other one is begun, and the same command goes on.
func TestCtrlCBetweenSteps(t *testing.T) {
	c := day2(t, 3, nil)
	oneHostMore(t, c)
	r := c.begin(t, nil, "", "scale-out.yml")
	eventually(t, "the first step of the operation", func() bool {
		return strings.Contains(strings.Join(r.all(), "\n"), "as a learner")
	})
	r.signal(syscall.SIGINT)
	res := r.end().want(99).says("stopped by Ctrl-C before this step", "run this again")
	members := 3
	for _, e := range res.events {
		if e.Task == "Add the hosts that are no members yet" && strings.Contains(strings.Join(e.Changes, "\n"), "as a learner") {
			members = 4 // else the cluster would not take the step yet
		}
	}
	if s := c.observe(t); len(s.Members) != members || s.Voters() != 3 {
		t.Errorf("%d members, %d voters\n%s", len(s.Members), s.Voters(), res.dump())
	}
	c.play(t, "scale-out.yml").want(0)
	c.healthy(t)
	c.play(t, "scale-out.yml").want(0).wantUnchanged()
}
