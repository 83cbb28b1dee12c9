package tasks

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// hostLockPatience is how long a lock is waited for: the shell of a controller
// that was killed ends within moments.
const hostLockPatience = 10 * time.Second

// takeLock adds the taking of the lock to a script: from the run named, if any.
func (p *Preflight) takeLock(s *script.Script, t *Target, from string) {
	if p.Lock == "" || t.Check {
		return
	}
	if p.Takeover {
		from = "*"
	}
	me := thisHolder("")
	s.Call("lock_take", p.Lock, fmt.Sprintf("%s (process %d)", me.Owner, me.PID), runID(t.Session, me), from)
}

// A hostLock is where a host keeps the lock that this run has taken, and what the
// run is called there.
type hostLock struct{ file, run string }

// Close implements io.Closer. The lock ends with the shell that holds it.
func (hostLock) Close() error { return nil }

func hostLockName(host string) string { return "lock of " + host }

// keepLocks has every later script of this run look first whether the locks are
// still its own.
func (p *Preflight) keepLocks(t *Target, hosts []Peer) error {
	run := runID(t.Session, thisHolder(""))
	for _, h := range hosts {
		lock := hostLock{h.Gathered.(*survey).facts["lock.file"], run}
		if err := t.Session.Keep(hostLockName(h.Name), lock); err != nil {
			return err
		}
	}
	return nil
}

// lockGuard begins a script that changes the host: where another run has taken the
// host's lock over it ends there.
func (t *Target) lockGuard() string {
	if t.Check || t.Session == nil {
		return ""
	}
	lock, ok := t.Session.Kept(hostLockName(t.Host.Name)).(hostLock)
	if !ok {
		return ""
	}
	return script.New().Call("lock_keep", lock.file, lock.run).Body()
}

// runID names a run, and the process that is at it.
func runID(s *Session, h etcd.Holder) string {
	return fmt.Sprintf("%s %d %s", s.ID(), h.PID, h.Machine)
}

// goneRun reports whether a run was a process of this machine that has ended. The
// shell that holds its lock may not know yet: the network was cut off meanwhile.
func goneRun(id string) bool {
	_, rest, _ := strings.Cut(id, " ")
	pid, machine, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(pid)
	return err == nil && goneHolder(etcd.Holder{PID: n, Machine: machine})
}

// A lockTurn is the taking of the locks of all hosts, by whichever comes first.
type lockTurn struct {
	once sync.Once
	late bool // another controller was at work until now
	err  error
}

// locked sees to it that this controller holds the locks of all hosts. late says
// that what was seen of the hosts may be outdated.
func (p *Preflight) locked(ctx context.Context, t *Target) (late bool, err error) {
	var hosts []Peer
	for _, peer := range t.Peers {
		if s, ok := peer.Gathered.(*survey); ok && peer.Conn != nil && s.facts["lock"] != "" {
			hosts = append(hosts, peer)
		}
	}
	if len(hosts) == 0 {
		return false, nil
	}
	turn := &hosts[0].Gathered.(*survey).turn
	turn.once.Do(func() {
		if turn.late, turn.err = p.lockAll(ctx, t, hosts); turn.err == nil {
			turn.err = p.keepLocks(t, hosts)
		}
	})
	return turn.late, turn.err
}

// lockAll does nothing where all locks are ours. Where another controller holds
// one they are all given back and taken one after another, so that of two which
// begin at the same moment one gets them all.
func (p *Preflight) lockAll(ctx context.Context, t *Target, hosts []Peer) (late bool, err error) {
	theirs := func(h Peer) bool { return h.Gathered.(*survey).facts["lock"] != "taken" }
	if !slices.ContainsFunc(hosts, theirs) {
		return false, nil
	}
	p.unlock(ctx, t, hosts)
	begun, dead := time.Now(), ""
	for i := 0; i < len(hosts); {
		facts, err := p.lockOne(ctx, t, hosts[i], dead)
		if err != nil {
			return true, err
		}
		dead = ""
		switch {
		case facts["lock"] == "taken":
			i++
			continue
		case goneRun(facts["lock.run"]):
			dead = facts["lock.run"]
			continue
		}
		if time.Since(begun) > hostLockPatience {
			p.unlock(ctx, t, hosts)
			return true, heldElsewhere(hosts[i].Name, facts)
		}
		t.Status(fmt.Sprintf("waiting for %s on %s", facts["lock.owner"], hosts[i].Name))
		if err := pauseFor(ctx, pollMost); err != nil {
			return true, err
		}
	}
	return true, nil
}

func (p *Preflight) lockOne(ctx context.Context, t *Target, host Peer, from string) (map[string]string, error) {
	s := script.New()
	p.takeLock(s, t, from)
	_, facts, err := t.elsewhere(host).Query(ctx, s)
	return facts, err
}

// unlock gives back what is ours; what fails is given back at the run's end.
func (p *Preflight) unlock(ctx context.Context, t *Target, hosts []Peer) {
	for _, host := range hosts {
		_, _, _ = t.elsewhere(host).Query(ctx, script.New().Call("lock_drop", p.Lock))
	}
}

func heldElsewhere(host string, facts map[string]string) error {
	since := ""
	if n, err := strconv.Atoi(facts["lock.age"]); err == nil {
		since = ", for " + (time.Duration(n) * time.Second).String() + " now"
	}
	return Failf("another controller is at work on %s: %s%s", host, strings.TrimSpace(facts["lock.owner"]), since).
		WithHint("wait until it is done; if it certainly is dead, take its lock over with -e etcd_takeover=true")
}
