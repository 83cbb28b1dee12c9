package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// An upkeep is maintenance of a healthy cluster, a member at a time.
type upkeep struct {
	t       *Target
	cluster *etcd.Cluster
	members []string // the names of all members
	timeout time.Duration
	state   *etcd.State // as it was seen last
	freed   int64       // bytes
}

// newUpkeep opens the cluster of these members.
func newUpkeep(ctx context.Context, t *Target, seats []seat, timeout time.Duration) (*upkeep, error) {
	u := &upkeep{t: t, timeout: timeout}
	names := map[string]string{}
	for _, s := range seats {
		names[s.Name] = s.member.named(s.Peer)
	}
	u.members = everyone(t, names)
	var err error
	u.cluster, err = openEtcd(ctx, t, seats)
	return u, err
}

// healthy looks at the cluster and refuses to go on where anything is wrong. A
// single bad look is looked at again, and an election is waited for: a member that
// was cut off needs a while to find its leader.
func (u *upkeep) healthy(ctx context.Context) error {
	var wrong *etcd.Problem
	for looks, begun := 1, time.Now(); looks <= 3 || u.state.Electing() && time.Since(begun) < electionPatience; looks++ {
		u.state = u.cluster.Observe(ctx)
		if !u.state.Reached() {
			return notReached(u.state)
		}
		if wrong = u.state.Unfit(u.members); wrong == nil {
			return nil
		}
		if err := u.t.pause(ctx, longPause); err != nil {
			return err
		}
	}
	f := Failf("the cluster is not healthy, so no member may be taken away for a while: %s", wrong).WithHint("mend that first; verify.yml tells all of it")
	if strings.Contains(wrong.Text, "CORRUPT") {
		f.Hint = "replace.yml replaces the member, then alarms.yml -e etcd_disarm=CORRUPT"
	}
	return f
}

// electionPatience is how long members may be without a leader.
const electionPatience = 30 * time.Second

// size is what all databases take, in bytes.
func (u *upkeep) size() (sum int64) {
	for _, e := range u.state.Endpoints {
		sum += e.DBSize
	}
	return sum
}

// moveLeader hands the lead over and waits until all know.
func (u *upkeep) moveLeader(ctx context.Context, to *etcd.EndpointState) error {
	if err := nextStep(ctx, u.t, "move the leader to "+to.Name); err != nil {
		return err
	}
	if !u.t.Would("move the leader to %s", to.Name) {
		return nil
	}
	if err := u.cluster.MoveLeader(ctx, u.state, to.Member); err != nil {
		return Failf("%w", err)
	}
	return u.await(ctx, to.Name+" to lead", func() bool {
		leader := u.state.Leader()
		return leader != nil && leader.Member == to.Member && u.state.Unfit(u.members) == nil
	})
}

// caughtUp waits until a member serves again and lacks nothing.
func (u *upkeep) caughtUp(ctx context.Context, member etcd.EndpointState) error {
	return u.await(ctx, member.Name+" to catch up", func() bool {
		return u.state.NearLeader(member.Member) && u.state.Unfit(u.members) == nil
	})
}

func (u *upkeep) await(ctx context.Context, what string, is func() bool) error {
	within, cancel := context.WithTimeout(ctx, u.timeout)
	defer cancel()
	u.t.Status("waiting for " + what)
	for {
		seen := u.cluster.Observe(within)
		if within.Err() == nil { // else nobody had the time to answer
			u.state = seen
		}
		switch {
		case is():
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case within.Err() != nil:
			f := Failf("waited for %s for %s, in vain", what, u.timeout).WithHint("nothing more was touched; look at its log, then run this again")
			for _, p := range etcd.Judge(u.state, etcd.Expect{Members: u.members}) {
				f.Stderr += p.String() + "\n"
			}
			return f
		}
		if err := u.t.pause(within, longPause/2); err != nil && u.t.interrupted() {
			return err
		}
	}
}

// disarm takes the alarms of a kind back, where their reason is gone.
func (u *upkeep) disarm(ctx context.Context, kind string, quota int64) error {
	raised := slices.DeleteFunc(slices.Clone(u.state.Alarms), func(a etcd.Alarm) bool { return a.Kind != kind })
	if len(raised) == 0 {
		return nil
	}
	if kind == "NOSPACE" && !u.t.Check {
		if full := u.state.Full(quota); len(full) > 0 {
			return Failf("there is no room yet on %s, so the alarm NOSPACE stays", strings.Join(full, ", ")).
				WithHint("delete keys, keep less history (-e etcd_defrag_history=0) or raise etcd_quota_backend_bytes (site.yml), then run defrag.yml again")
		}
	}
	if kind == "CORRUPT" {
		for _, a := range raised {
			if m, is := u.state.MemberByID(a.Member); is {
				return Failf("%s has raised the alarm CORRUPT and is still a member: its data can't be trusted", m.Name).
					WithHint("replace.yml -e etcd_member=%s gives it the others' data; then run this again", m.Name)
			}
		}
		if text := u.state.Diverged(); text != "" {
			return Failf("%s, so the alarm CORRUPT stays", text).WithHint("replace the member that differs from the majority")
		}
	}
	for _, a := range raised {
		if err := nextStep(ctx, u.t, "disarm the alarm "+a.Kind); err != nil {
			return err
		}
		if u.t.Would("disarm the alarm %s of %s", a.Kind, u.called(a.Member)) {
			if err := u.cluster.Disarm(ctx, u.state, a); err != nil {
				return Failf("%w", err)
			}
		}
	}
	if u.t.Check {
		return nil
	}
	return u.await(ctx, "the alarm to go", func() bool {
		return u.state.Quorum && u.state.AlarmsErr == nil && !slices.ContainsFunc(u.state.Alarms, func(a etcd.Alarm) bool { return slices.Contains(raised, a) })
	})
}

func (u *upkeep) called(id etcd.ID) string {
	if m, ok := u.state.MemberByID(id); ok && m.Started() {
		return m.Name
	}
	return fmt.Sprintf("%s, which is no member any more", id)
}

func alarmValues(s *etcd.State) []any {
	list := []any{}
	for _, a := range s.Alarms {
		m, _ := s.MemberByID(a.Member)
		list = append(list, value.NewDict("alarm", a.Kind, "id", a.Member.String(), "member", m.Name))
	}
	return list
}
