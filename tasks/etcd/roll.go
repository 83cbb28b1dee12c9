package etcd

// Roll is the next step on the way to members that were all restarted, as
// upgrades and changes of configuration need: one at a time, the others
// healthy; the leader last, after it gave up the lead to one that was done
// already. order lists the members' names in the order to go by, and done says
// which need nothing more.
//
// A member that is not done and does not serve is the one that an earlier run
// was at; it goes first.
func Roll(s *State, order []string, done func(name string) bool) (Step, error) {
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
	step := Step{Action: Restart, Name: next, ID: m.ID, Before: margin, After: margin}
	switch {
	case next == "":
		step.Action = Done
		return step, nil
	case !s.Serves(m.ID):
		step.After.Healthy++
		return step, nil
	}
	down := Margin{margin.Voters, margin.Healthy - 1} // while it restarts
	if margin.Voters > 2 && down.Spare() < 0 {
		return Step{}, refuse("mend or replace the members that are down first",
			"%s can't be restarted now: that would leave %s", next, down)
	}
	if leader := s.Leader(); leader != nil && leader.Member == m.ID && margin.Healthy > 1 {
		return s.handOver(m.ID, func(other Member) bool { return done(other.Name) })
	}
	return step, nil
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
