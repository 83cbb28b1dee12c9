package etcd

import (
	"fmt"
	"strings"
)

// NearEnough is how many raft entries a member may lack, with writes going on,
// and still count as caught up.
const NearEnough = 100

// Roll is the next step on the way to members that were all restarted, as
// upgrades and changes of configuration need: one at a time, the others
// healthy; the leader last, after it gave up the lead to one that was done
// already. order lists the members' names in the order to go by, and done says
// which need nothing more; restarted are those of them that were just restarted, the
// first one first: the lead goes to one that has been there for longer.
//
// A member that is not done and does not serve is the one that an earlier run
// was at; it goes first.
func Roll(s *State, order, restarted []string, done func(name string) bool) (Step, error) {
	if wait, ok, err := s.steady(); !ok {
		return wait, err
	}
	margin := s.Margin()
	for _, name := range order {
		if m, known := s.MemberNamed(name); known && done(name) && !s.Serves(m.ID) {
			return Step{Action: Wait, Name: name, ID: m.ID, Why: "it does not serve yet", Before: margin, After: margin}, nil
		}
	}
	next, err := s.nextToRoll(order, done)
	if err != nil {
		return Step{}, err
	}
	m, _ := s.MemberNamed(next)
	step := Step{Action: Restart, Name: next, ID: m.ID, Before: margin, During: margin, After: margin}
	if next == "" {
		step.Action = Done
		return step, nil
	}
	if s.Serves(m.ID) {
		step.During.Healthy-- // while it restarts
	} else {
		step.After.Healthy++
	}
	if err := s.calm(step); err != nil {
		return Step{}, err
	}
	if leader := s.Leader(); leader.Member == m.ID && margin.Healthy > 1 {
		return s.handOver(m.ID, restarted, func(other Member) bool { return done(other.Name) })
	}
	return step, nil
}

// calm refuses a restart while anything else is wrong with the cluster: a member
// that is away may not come back, and then nothing else must be.
func (s *State) calm(step Step) error {
	if step.Before.Voters > 2 && step.During.Spare() < 0 {
		return refuse("mend or replace the members that are down first",
			"%s can't be restarted now: that would leave %s", step.Name, step.During)
	}
	if text, hint := s.trouble(step.ID); text != "" {
		return refuse(hint, "%s can't be restarted now: %s", step.Name, text)
	}
	return nil
}

// Whole refuses a cluster with anything wrong: a member that does not serve, a
// learner, an alarm.
func (s *State) Whole() error {
	if _, ok, err := s.steady(); err != nil {
		return err
	} else if !ok {
		return refuse("", "a leader is being elected")
	}
	if text, hint := s.trouble(0); text != "" {
		return refuse(hint, "%s", text)
	}
	return nil
}

// trouble is what is wrong with a cluster, but for one of its members.
func (s *State) trouble(but ID) (text, hint string) {
	for _, m := range s.Members {
		switch e := s.endpointOf(m.ID); {
		case m.Learner:
			return fmt.Sprintf("the member at %s is a learner", strings.Join(m.PeerURLs, ",")), "scale-out.yml promotes it; scale-in.yml removes it"
		case m.ID == but:
		case e == nil || e.Leader == 0:
			return fmt.Sprintf("the member %s does not serve", m.called()), "start, mend or replace it first; the group `etcd` must list all members"
		case !e.Agreed:
			return fmt.Sprintf("no read through %s reaches a quorum", m.called()), "look at its connection to its peers"
		}
	}
	if s.AlarmsErr != nil {
		return fmt.Sprintf("the alarms could not be read: %v", s.AlarmsErr), ""
	}
	for _, a := range s.Alarms {
		m, _ := s.MemberByID(a.Member)
		return fmt.Sprintf("alarm %s is raised by %s", a.Kind, m.called()), "alarms.yml says what mends it"
	}
	return "", ""
}

// called is the member's name, or what it is known by without one.
func (m Member) called() string {
	switch {
	case m.Name != "":
		return m.Name
	case len(m.PeerURLs) > 0:
		return "at " + m.PeerURLs[0]
	}
	return m.ID.String()
}

// nextToRoll is the first follower that is not done, then the leader; "" when
// all are.
func (s *State) nextToRoll(order []string, done func(string) bool) (string, error) {
	follower, leader := "", ""
	for _, name := range order {
		m, known := s.MemberNamed(name)
		switch {
		case !known:
			return "", refuse("the group `etcd` must list the cluster's members", "%s is no member of the cluster", name)
		case m.Learner:
			return "", refuse("promote or remove it first", "%s is a learner", name)
		case done(name):
		case !s.Serves(m.ID):
			return name, nil
		case s.endpointOf(m.ID).IsLeader():
			leader = name
		case follower == "":
			follower = name
		}
	}
	if follower != "" {
		return follower, nil
	}
	return leader, nil
}

// CaughtUp is nil when a member serves as the others do: it follows a leader,
// reads through a quorum, and has applied nearly all that the leader has.
func (s *State) CaughtUp(name string) error {
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		switch {
		case e.Name != name:
		case e.Err != nil:
			return e.Err
		case e.Leader == 0:
			return refuse("", "it sees no leader")
		case !e.Agreed && !e.Learner:
			return refuse("", "no read through it reaches a quorum")
		case s.lag(e) > NearEnough:
			return refuse("", "it has still %d raft entries to apply", s.lag(e))
		default:
			return nil
		}
	}
	return refuse("", "it was not asked")
}

// Suppose is the state as it will be once some members that are down, by their
// names, serve: for plans of what is not done yet.
func (s *State) Suppose(serving func(name string) bool) *State {
	out := *s
	out.Endpoints = append([]EndpointState(nil), s.Endpoints...)
	leader := s.Leader()
	if leader == nil {
		return &out
	}
	for i, e := range out.Endpoints {
		m, known := s.MemberNamed(e.Name)
		if !known || !serving(e.Name) || e.Err == nil && e.Leader != 0 {
			continue
		}
		e.Err, e.Member, e.Cluster, e.Leader = nil, m.ID, leader.Cluster, leader.Member
		e.Agreed, e.Applied, e.RaftIndex = true, leader.Applied, leader.RaftIndex
		out.Endpoints[i] = e
	}
	return &out
}
