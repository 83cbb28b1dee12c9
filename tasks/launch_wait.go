package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/script"
)

const (
	// pollFirst and pollMost bound the pauses between two looks.
	pollFirst = 50 * time.Millisecond
	pollMost  = 500 * time.Millisecond
	// mustLive is how long a daemon without any gate must live.
	mustLive = time.Second
)

// waitFor waits until the gates pass that must pass now.
func (l *Launch) waitFor(ctx context.Context, t *Target, d *daemon) error {
	alive := l.aliveGate()
	if err := l.await(ctx, t, d, t.Host, alive, "alive", orElse(alive.Timeout, aliveTimeout)); err != nil {
		return err
	}
	if !l.Ready.given() {
		return nil
	}
	here, before, need := l.standing(t)
	if before+1 < need {
		return nil // nobody can be ready yet
	}
	limit := orElse(l.Ready.Timeout, readyTimeout)
	if before < need {
		// With this one there are enough: those that could not be asked till now.
		for _, peer := range here {
			if pd, ok := peer.Gathered.(*daemon); ok && peer.Conn != nil && peer.Name != t.Host.Name {
				if err := l.await(ctx, t, nil, peer, pd.ready, "ready", limit); err != nil {
					return err
				}
			}
		}
	}
	return l.await(ctx, t, d, t.Host, l.Ready, "ready", limit)
}

// aliveGate is the gate alive, or in its place the first of the ports.
func (l *Launch) aliveGate() Gate {
	alive := l.Alive
	if ports, _ := wantedPorts(l.Ports); !alive.given() && len(ports) > 0 {
		alive.Port = int(ports[0].Port())
		if a := ports[0].Addr(); !a.IsUnspecified() {
			alive.Address = a.String()
		}
	}
	return alive
}

// standing tells which hosts run the daemon when this one is done: the earlier
// ones of the sequence and those where it ran all along; how many of them are
// others than this; and how many it takes for one to be ready.
func (l *Launch) standing(t *Target) (running []Peer, others, need int) {
	passed := true
	for _, i := range l.Sequence(t.Peers) {
		p := t.Peers[i]
		if p.Name == t.Host.Name {
			passed = false
			continue
		}
		d, ok := p.Gathered.(*daemon)
		if passed && !p.Outside || ok && d.running() {
			running = append(running, p)
		}
	}
	need = l.majority(t)
	if l.Founders > 0 && slices.ContainsFunc(t.Peers, neverLaunched) {
		need = l.Founders
	} else if l.Etcd != nil {
		need = max(need, l.coldStart(t.Peers))
	}
	return running, len(running), need
}

// coldStart is how many members are to be started where none ran. All of them are,
// before the first is waited for: they come up while a leader is elected.
func (l *Launch) coldStart(peers []Peer) (n int) {
	for _, p := range peers {
		d, ok := p.Gathered.(*daemon)
		switch {
		case ok && d.running():
			return 0
		case ok && !p.Outside:
			n++
		}
	}
	return n
}

// neverLaunched reports whether the host had never run the daemon when it was
// looked at.
func neverLaunched(p Peer) bool {
	d, ok := p.Gathered.(*daemon)
	return ok && !d.running() && !d.launched()
}

func (l *Launch) majority(t *Target) int {
	return max(len(t.Everyone), len(t.Peers))/2 + 1
}

func orElse(d, other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return d
}

// await asks a gate of a host until it passes and the daemon lives. d is nil
// for other hosts, whose process is not watched.
func (l *Launch) await(ctx context.Context, t *Target, d *daemon, at Peer, g Gate, what string, limit time.Duration) error {
	conn := at.Conn
	if d != nil {
		conn = t.Conn
	}
	q, err := g.at(conn, t.Files)
	if err != nil {
		return err
	}
	begun := time.Now()
	for pause := pollFirst; ; pause = min(pause*5/4, pollMost) {
		var no error
		switch {
		case g.given():
			no = q.ask(ctx)
		case d.fresh && time.Since(begun) < mustLive:
			no = fmt.Errorf("it must live for %s", mustLive)
		}
		if d != nil {
			if err := l.lives(ctx, t, d, at); err != nil {
				return err
			}
		}
		if no == nil {
			return nil
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if time.Since(begun) > limit {
			return l.gateFailure(ctx, t, d, at, g, what, limit, no)
		}
		t.Status(fmt.Sprintf("waiting for %s on %s to be %s: %v", l.Name, at.Name, what, no))
		if err := pauseFor(ctx, pause); err != nil {
			return err
		}
	}
}

func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lives fails if the daemon has ended. A gate alone would not tell: something
// else may answer.
func (l *Launch) lives(ctx context.Context, t *Target, d *daemon, at Peer) error {
	s := script.New()
	if d.manager == "systemd" {
		s.Call("launch_alive", "", "", l.Name)
	} else {
		s.Call("launch_alive", d.process.pid, d.process.since)
	}
	_, facts, err := t.Query(ctx, s)
	if err != nil {
		return err
	}
	if d.manager != "systemd" {
		if facts["alive"] != "yes" {
			return l.ended(ctx, t, d, "no exit code: it was not our child", "")
		}
		return nil
	}
	props := properties(facts["props"])
	switch {
	case facts["alive"] == "yes":
		if d.running() && d.process.pid != facts["pid"] {
			return l.ended(ctx, t, d, "systemd started it again", "")
		}
		d.process, d.by = &process{pid: facts["pid"]}, "systemd"
		return nil
	case props["ActiveState"] == "active", props["ActiveState"] == "activating" && props["SubState"] != "auto-restart":
		return nil // before or without a main process
	case props["Job"] != "" && props["Job"] != "0" && props["SubState"] != "auto-restart":
		return nil // systemd has not begun yet
	}
	code := props["ExecMainStatus"]
	return l.ended(ctx, t, d, fmt.Sprintf("%s, exit code %s", props["Result"], code), code)
}

// ended is the failure of a daemon that did not stay up.
func (l *Launch) ended(ctx context.Context, t *Target, d *daemon, how, code string) error {
	f := Failf("%s ended (%s)", l.Name, how)
	f.Stderr = l.tail(ctx, t, d)
	switch {
	case code == "203" && d.facts["selinux"] == "1" && strings.HasPrefix(l.Command, "/home/"):
		f.Hint = fmt.Sprintf("SELinux lets no service run a program in /home: move %s to /usr/local/bin", l.Command)
	case code == "203" && d.manager == "systemd", code == "126":
		f.Hint = fmt.Sprintf("%s can't be executed: was it built for %s, and may user %s reach it?", l.Command, d.facts["arch"], orRoot(l.User))
	case code == "200" && d.manager == "systemd":
		f.Hint = fmt.Sprintf("the directory %s can't be entered", l.Dir)
	case code == "217" && d.manager == "systemd":
		f.Hint = fmt.Sprintf("there is no user %s", l.User)
	case code == "125" && d.manager == "nohup":
		f.Hint = fmt.Sprintf("user %s must be able to write %s.pid: see owner and mode of the directory", orRoot(l.User), d.base)
	default:
		f.Hint = l.seeLog(d)
	}
	return f
}

func orRoot(user string) string {
	if user == "" {
		return "root"
	}
	return user
}

func (l *Launch) seeLog(d *daemon) string {
	if d.log != "" {
		return fmt.Sprintf("its log is %s; %s starts it in the same way", d.log, d.record)
	}
	return fmt.Sprintf("see journalctl -u %s", l.Name)
}

// gateFailure is the failure of a daemon that lives but says no.
func (l *Launch) gateFailure(ctx context.Context, t *Target, d *daemon, at Peer, g Gate, what string, limit time.Duration, no error) error {
	where := ""
	if d == nil {
		where = " on " + at.Name
	}
	f := Failf("%s%s did not get %s within %s: %s: %v", l.Name, where, what, limit, g, no)
	if d == nil {
		f.Hint = "it was started earlier in this task; look at its log there"
		return f
	}
	f.Stderr = l.tail(ctx, t, d)
	f.Hint = l.seeLog(d)
	return f
}

// tail is the end of the daemon's log, or "".
func (l *Launch) tail(ctx context.Context, t *Target, d *daemon) string {
	unit := ""
	if d.manager == "systemd" {
		unit = l.Name
	}
	out, _, err := t.Query(ctx, script.New().Call("launch_tail", d.log, unit))
	if err != nil {
		return "" // the failure itself matters more
	}
	return strings.TrimSpace(string(out))
}
