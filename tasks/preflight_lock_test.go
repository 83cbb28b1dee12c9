package tasks_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

// lockHosts are hosts of which each has a /run of its own.
type lockHosts struct {
	t     *testing.T
	shell tasktest.Shell
	run   []string
}

// controller is a run of its own: shells on all hosts.
func (l *lockHosts) controller() (conns []tasks.Conn) {
	for _, dir := range l.run {
		c := &tasktest.Conn{Shell: l.shell, Binds: []string{dir, "/run"}, Home: l.t.TempDir()}
		l.t.Cleanup(func() { c.Close() })
		conns = append(conns, c)
	}
	return conns
}

// preflight runs it on all hosts; the error is the first host's.
func (l *lockHosts) preflight(conns []tasks.Conn, check, takeover bool) error {
	l.t.Helper()
	return l.preflightOf(&tasks.Session{}, conns, check, takeover)
}

func (l *lockHosts) preflightOf(session *tasks.Session, conns []tasks.Conn, check, takeover bool) error {
	l.t.Helper()
	target := &tasks.Target{Check: check, Status: func(string) {}, Session: session}
	var all []*tasks.Preflight
	for i, conn := range conns {
		p := &tasks.Preflight{}
		if err := tasks.Decode(p, value.NewDict("lock", "test", "takeover", takeover, "shared", true)); err != nil {
			l.t.Fatal(err)
		}
		own := *target
		own.Conn = conn
		gathered, err := p.Gather(l.t.Context(), &own)
		if err != nil {
			l.t.Fatal(err)
		}
		target.Peers = append(target.Peers, tasks.Peer{Name: fmt.Sprintf("peer%d", i+1), Conn: conn, Gathered: gathered})
		all = append(all, p)
	}
	var first error
	for i, p := range all {
		own := *target
		own.Host, own.Conn = target.Peers[i], conns[i]
		if _, err := p.Run(l.t.Context(), &own); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// held are the hosts on which a lock lies.
func (l *lockHosts) held() (n int) {
	for _, dir := range l.run {
		if _, err := os.Stat(filepath.Join(dir, "etcdplay", "test.lock")); err == nil {
			n++
		}
	}
	return n
}

func TestPreflightLock(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: hosts with a /run of their own need root")
	}
	for _, shell := range tasktest.Shells(t) {
		t.Run(shell.Name, func(t *testing.T) {
			t.Parallel()
			l := &lockHosts{t: t, shell: shell, run: []string{t.TempDir(), t.TempDir()}}
			alice, bob := l.controller(), l.controller()
			if err := l.preflight(bob, true, false); err != nil || l.held() != 0 {
				t.Errorf("check mode: %d locks, error %v", l.held(), err)
			}
			for range 2 { // a run may look twice
				if err := l.preflight(alice, false, false); err != nil || l.held() != 2 {
					t.Fatalf("alice: %d locks, error %v", l.held(), err)
				}
			}
			owner := fmt.Sprintf("(process %d)", os.Getpid())
			if err := l.preflight(bob, false, false); err == nil || !strings.Contains(err.Error(), "another controller is at work on peer1: ") || !strings.Contains(err.Error(), owner) {
				t.Errorf("bob is not kept off: %v", err)
			}
			if err := l.preflight(bob, true, false); err != nil {
				t.Errorf("check mode while alice is at work: %v", err)
			}

			// Alice's controller has ended, and her shells don't know.
			gone := exec.Command("true")
			if err := gone.Run(); err != nil {
				t.Fatal(err)
			}
			for _, dir := range l.run {
				lock := filepath.Join(dir, "etcdplay", "test.lock")
				text, err := os.ReadFile(lock)
				if err != nil {
					t.Fatal(err)
				}
				was, now := fmt.Sprintf(" %d ", os.Getpid()), fmt.Sprintf(" %d ", gone.Process.Pid)
				if err := os.WriteFile(lock, []byte(strings.Replace(string(text), was, now, 1)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			carol := l.controller()
			if err := l.preflight(carol, false, false); err != nil {
				t.Errorf("a dead controller keeps carol off: %v", err)
			}
			for _, c := range carol {
				c.Close()
			}
			if err := l.preflight(alice, false, false); err != nil {
				t.Errorf("alice is back: %v", err)
			}

			// One of alice's shells ends: she holds the other host still.
			if err := alice[0].Close(); err != nil {
				t.Fatal(err)
			}
			if err := l.preflight(bob, false, true); err != nil {
				t.Errorf("bob takes over: %v", err)
			}
			if err := l.preflight(alice[1:], false, true); err != nil {
				t.Errorf("and alice: %v", err)
			}
			for _, c := range append(alice, bob...) {
				c.Close() // some twice
			}
			if err := l.preflight(l.controller(), false, false); err != nil {
				t.Errorf("nobody is left, but %v", err)
			}

			// What an older etcdplay left behind says no more than its process.
			for _, old := range []string{"1 1\nroot@old (process 1)\n", "1 1", ""} {
				for _, dir := range l.run {
					if err := os.WriteFile(filepath.Join(dir, "etcdplay", "test.lock"), []byte(old), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				next := l.controller()
				if err := l.preflight(next, false, false); err != nil {
					t.Errorf("a lock that says %q: %v", old, err)
				}
				for _, c := range next {
					c.Close()
				}
			}

			l.overtaken(l.controller(), l.controller())

			one := t.TempDir()
			twins := &lockHosts{t: t, shell: shell, run: []string{one, one}}
			if err := twins.preflight(twins.controller(), false, false); err != nil {
				t.Errorf("a host that stands twice in the inventory: %v", err)
			}
		})
	}
}

// overtaken has the lock of a run taken over: it changes nothing any more.
func (l *lockHosts) overtaken(alices, bobs []tasks.Conn) {
	l.t.Helper()
	var alice, bob tasks.Session
	change := func(s *tasks.Session, conn tasks.Conn, check bool) error {
		t := &tasks.Target{Host: tasks.Peer{Name: "peer2", Conn: conn}, Conn: conn, Check: check, Status: func(string) {}, Session: s}
		_, err := t.Script(l.t.Context(), script.New().Text("would something || :"))
		return err
	}
	if err := l.preflightOf(&alice, alices, false, false); err != nil {
		l.t.Fatal(err)
	}
	if err := change(&alice, alices[1], false); err != nil {
		l.t.Errorf("alice holds the lock, but %v", err)
	}
	if err := l.preflightOf(&bob, bobs, false, true); err != nil {
		l.t.Fatal(err)
	}
	for _, ended := range []bool{false, true} {
		if err := change(&alice, alices[1], false); err == nil || !strings.Contains(err.Error(), "has taken over from this run, which stops here") {
			l.t.Errorf("bob took the lock over (ended: %v), but alice goes on: %v", ended, err)
		}
		if ended {
			break
		}
		if err := change(&bob, bobs[1], false); err != nil {
			l.t.Errorf("bob holds the lock, but %v", err)
		}
		for _, c := range bobs {
			c.Close()
		}
	}
	if err := change(&alice, alices[1], true); err != nil {
		l.t.Errorf("check mode: %v", err)
	}
	// A host that was rebooted knows of no lock.
	for _, dir := range l.run {
		if err := os.Remove(filepath.Join(dir, "etcdplay", "test.lock")); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := change(&alice, alices[1], false); err != nil {
		l.t.Errorf("nobody holds the lock, but %v", err)
	}
	for _, c := range alices {
		c.Close()
	}
}
