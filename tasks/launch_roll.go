package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

const (
	// calmPatience is how long a cluster may take until it can spare a member: one
	// that was restarted a moment ago may still look for its peers, and on a busy
	// host answers get lost.
	calmPatience = 45 * time.Second
	// clearPatience is the same where all members answer, and say what is wrong.
	clearPatience = 5 * time.Second
	// leadPatience bounds the hand-over of the lead.
	leadPatience = 30 * time.Second
	// catchUpPatience is how long a member may take to apply what it missed.
	catchUpPatience = 5 * time.Minute
)

// spare waits until the cluster can spare the member, after it gave up the
// lead, and refuses the restart if that does not come.
func (u *turn) spare(ctx context.Context) error {
	cluster, err := u.open(ctx, func(string, *daemon) bool { return true })
	if err != nil {
		return err
	}
	defer cluster.Close()
	begun, moving := time.Now(), false
	for pause := pollFirst; ; pause = min(pause*2, pollMost) {
		u.t.Status("looking whether the cluster can spare " + u.name)
		s := u.look(ctx, cluster)
		if err := u.mayRun(s); err != nil {
			return refused(err)
		}
		step, err := u.next(s)
		switch {
		case err != nil:
		case step.Action == etcd.Wait:
			err = errors.New(step.Why)
		case step.Action == etcd.MoveLeader && u.handOver(step):
			if err := nextStep(ctx, u.t, "move the leader from "+u.name+" to "+step.Name); err != nil {
				return err
			}
			u.t.Status("moving the leader to " + step.Name)
			if !moving {
				begun, moving = time.Now(), true
			}
			if err = cluster.MoveLeader(ctx, s, step.ID); err == nil {
				continue
			}
		default:
			u.margins(step)
			if err := nextStep(ctx, u.t, "restart "+u.name); err != nil {
				return err
			}
			return u.announce(ctx, cluster, s)
		}
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if time.Since(begun) > patience(s, moving) {
			return u.giveUp(ctx, s, err)
		}
		u.t.Status(fmt.Sprintf("waiting until the cluster can spare %s: %v", u.name, err))
		if err := u.t.pause(ctx, pause); err != nil {
			return err
		}
	}
}

// patience is how long to wait with what was seen last.
func patience(s *etcd.State, moving bool) time.Duration {
	if moving {
		return leadPatience
	}
	for _, e := range s.Endpoints {
		if e.Err != nil || e.Leader == 0 || !e.Agreed && !e.Learner {
			return calmPatience
		}
	}
	return clearPatience
}

// next is the planner's answer for this member alone. A raised quota is what
// mends a full database.
func (u *turn) next(s *etcd.State) (etcd.Step, error) {
	if m, ok := s.MemberNamed(u.name); !ok {
		if m, ok = s.MemberAt(u.Etcd.PeerURL); ok && m.Started() {
			u.name = m.Name
		}
	}
	if words, err := u.words(false); err == nil && flagIn(words, "quota-backend-bytes") != flagIn(u.d.process.args, "quota-backend-bytes") {
		some := *s
		some.Alarms = slices.DeleteFunc(slices.Clone(s.Alarms), func(a etcd.Alarm) bool { return a.Kind == "NOSPACE" })
		s = &some
	}
	done := u.passed()
	var restarted []string
	for _, name := range u.inTurn() {
		if !u.left(name) {
			restarted = append(restarted, name)
		}
	}
	for _, p := range u.t.Peers {
		if d, ok := p.Gathered.(*daemon); ok && d.etcd != nil && d.act == leave {
			done[d.etcd.named(p)] = true
		}
	}
	return etcd.Roll(s, []string{u.name}, restarted, func(name string) bool { return name != u.name && done[name] })
}

// left reports whether the member of that name was to be left as it was.
func (u *turn) left(name string) bool {
	return slices.ContainsFunc(u.t.Peers, func(p Peer) bool {
		d, ok := p.Gathered.(*daemon)
		return ok && d.etcd != nil && d.act == leave && d.etcd.named(p) == name
	})
}

// handOver records that the lead is moved, and reports whether to do it.
func (u *turn) handOver(step etcd.Step) bool {
	if !u.moved {
		u.moved = true
		return u.t.Would("move the leader from %s to %s (%s)", u.name, step.Name, step.Before)
	}
	return !u.t.Check
}

// margins adds to the change's text how far the cluster is from losing its
// quorum, before and meanwhile.
func (u *turn) margins(step etcd.Step) {
	if step.Action == etcd.MoveLeader { // foreseen: it is restarted next
		step = etcd.Step{Action: etcd.Restart, Before: step.Before, During: step.Before, After: step.After}
		step.During.Healthy--
	}
	u.plan.margins = step.Margins()
	if n := step.Before.Voters; step.Action == etcd.Restart && n <= 2 {
		u.warning = fmt.Sprintf("%s on %s is away while it restarts: %s no majority to spare", u.Launch.Name, u.t.Host.Name,
			map[bool]string{true: "one member has", false: "two members have"}[n == 1])
	}
}

// giveUp refuses the restart. Only where no operation needs the cluster, and its
// settings have changed, may the restart be what mends one without a quorum.
func (u *turn) giveUp(ctx context.Context, s *etcd.State, why error) error {
	mends := bracketOf(u.t) == nil && u.Restart != "always" && u.Ready.given() && !s.Quorum
	if mends {
		if ready := u.readyHosts(ctx, u.t); len(ready) < u.majority(u.t) {
			u.warning = fmt.Sprintf("%s is restarted although the cluster can't be asked (%v): only %d of its hosts are ready", u.Launch.Name, why, len(ready))
			return nil
		}
	}
	f, ok := refused(why).(*Failure)
	if !ok {
		f = Failf("%w", why)
	}
	f.Msg = fmt.Sprintf("%s must be restarted (%s), but %s", u.Launch.Name, u.plan.why, f.Msg)
	f.Stderr = silent(s)
	if !s.Quorum {
		f.Hint = "start.yml starts the members that are down; if a majority is lost for good, recover-quorum.yml makes a cluster of what is left"
	}
	return f
}

// silent is why members don't answer, one on each line.
func silent(s *etcd.State) string {
	var lines []string
	for _, e := range s.Endpoints {
		if e.Err != nil {
			lines = append(lines, fmt.Sprintf("%s does not answer: %v", e.Name, e.Err))
		}
	}
	return strings.Join(lines, "\n")
}

// catchUp waits, once there can be a quorum, until the member serves as the
// others do.
func (u *turn) catchUp(ctx context.Context) error {
	if _, before, need := u.standing(u.t); u.Etcd == nil || u.plan.act == leave || before+1 < need {
		return nil
	}
	passed := u.passed()
	cluster, err := u.open(ctx, func(name string, d *daemon) bool { return d.running() || passed[name] || name == u.name })
	if err != nil {
		return err
	}
	defer cluster.Close()
	deadline := time.Now().Add(catchUpPatience)
	for pause := pollFirst / 2; ; pause = min(pause*2, pollMost) {
		no := cluster.Look(ctx).CaughtUp(u.name)
		if no == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return Failf("%s does not serve as the other members do within %s: %w", u.name, catchUpPatience, no).WithHint("%s", u.seeLog(u.d))
		}
		u.t.Status(fmt.Sprintf("waiting for %s to catch up: %v", u.name, no))
		if err := pauseFor(ctx, pause); err != nil {
			return err
		}
	}
}
