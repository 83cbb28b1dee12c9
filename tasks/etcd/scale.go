package etcd

import (
	"slices"
	"strings"
)

// ScaleOut is the next step on the way to a cluster that all of the wanted
// sites are voting members of; sites lists them with what was seen on their
// hosts. Further members stay. One member at a time is added, as a learner,
// and promoted when it has caught up.
func ScaleOut(s *State, sites []Site) (Step, error) {
	if wait, ok, err := s.steady(); !ok {
		return wait, err
	}
	for _, m := range s.Members {
		if m.Started() && !m.Learner {
			continue
		}
		site, ours := siteOf(m, sites)
		if !ours {
			return Step{}, refuse("finish or remove it first: etcdctl member remove "+m.ID.String(),
				"member %s with peer URL %s is half added, and is none of those wanted", m.ID, strings.Join(m.PeerURLs, ","))
		}
		return s.join(m, site), nil
	}
	for _, site := range sites {
		m, known := s.MemberAt(site.PeerURL)
		if known && m.Name != site.Name {
			return Step{}, refuse("", "peer URL %s is wanted for %s, but belongs to the member %s", site.PeerURL, site.Name, m.Name)
		}
		if m, named := s.MemberNamed(site.Name); !known && named {
			return Step{}, refuse("a member's peer URL is changed by `member update`, not by adding it again",
				"there is a member %s already, at %s instead of %s", site.Name, strings.Join(m.PeerURLs, ","), site.PeerURL)
		}
		if !known {
			return s.admit(site)
		}
	}
	return Step{Action: Done, Before: s.Margin(), After: s.Margin()}, nil
}

func siteOf(m Member, sites []Site) (Site, bool) {
	for _, site := range sites {
		for _, u := range m.PeerURLs {
			if u == site.PeerURL {
				return site, true
			}
		}
	}
	return Site{}, false
}

// admit adds a member to a cluster in which all are well: a change while one
// is down could be the end of the quorum.
func (s *State) admit(site Site) (Step, error) {
	before := s.Margin()
	if before.Healthy < before.Voters {
		return Step{}, refuse("mend or replace the members that are down first", "%s can't be added: %s", site.Name, before)
	}
	for _, a := range s.Alarms {
		return Step{}, refuse("see what `verify` says of it, and mend that first", "%s can't be added: there is an alarm %s", site.Name, a.Kind)
	}
	if site.Data {
		return Step{}, refuse("if it is not needed any more, replace.yml -e etcd_member="+site.Name+" moves it aside and adds the host",
			"%s is to join, but its data directory holds data already, perhaps of another cluster", site.Name)
	}
	return Step{Action: AddLearner, Name: site.Name, PeerURL: site.PeerURL, Before: before, After: before}, nil
}

// join brings a member that was added, but does not vote, to do so.
func (s *State) join(m Member, site Site) Step {
	margin := s.Margin()
	step := Step{Action: Start, Name: site.Name, ID: m.ID, Before: margin, After: margin}
	e := s.endpointOf(m.ID)
	switch {
	case !site.Running:
		step.Cluster = named(s.Members, m.ID, site.Name)
	case e == nil:
		step.Action, step.Why = Wait, "it does not answer yet"
	case !m.Learner: // it was added as a voter, by hand, and is about to say its name
		step.Action, step.Why = Wait, "it has not joined yet"
	default:
		// The server itself is content with nine tenths of the leader's index, which
		// on a long-lived cluster is an arbitrarily old copy.
		if s.lag(e) > NearEnough {
			step.Action, step.Why = Wait, "it is catching up"
		} else {
			step.Action = Promote
			step.After = Margin{margin.Voters + 1, margin.Healthy + 1}
		}
	}
	return step
}

// named gives the member that has not yet said its name the one that it is
// going to have: --initial-cluster wants a name for every member.
func named(members []Member, id ID, name string) []Member {
	out := append([]Member(nil), members...)
	for i := range out {
		if out[i].ID == id {
			out[i].Name = name
		}
	}
	return out
}

// lag is how many raft entries a member has still to apply.
func (s *State) lag(e *EndpointState) uint64 {
	newest := s.newest()
	return newest - min(newest, e.Applied)
}

// newest is the last raft entry that any member has told of.
func (s *State) newest() (index uint64) {
	for _, e := range s.Endpoints {
		if e.Err == nil {
			index = max(index, e.RaftIndex)
		}
	}
	return index
}

// ScaleIn is the next step on the way to a cluster without a member. Its host
// keeps its data, moved aside.
func ScaleIn(s *State, site Site) (Step, error) {
	if wait, ok, err := s.steady(); !ok {
		return wait, err
	}
	before := s.Margin()
	m, known := s.MemberNamed(site.Name)
	if !known {
		m, known = s.MemberAt(site.PeerURL)
	}
	step := Step{Name: site.Name, ID: m.ID, Before: before, After: before}
	switch {
	case !known && !site.stopped():
		step.Action = Stop
	case !known && (site.Data || site.Noted):
		step.Action = SetData
	case !known:
		step.Action = Done
	case before.Voters == 1 && !m.Learner:
		return Step{}, refuse("destroy.yml ends a whole cluster", "%s is the last member", site.Name)
	default:
		return s.dismiss(step, m)
	}
	return step, nil
}

// dismiss removes a member, after it gave up the lead.
func (s *State) dismiss(step Step, m Member) (Step, error) {
	step.Action = Remove
	if m.Learner {
		return step, nil
	}
	step.After.Voters--
	if s.Serves(m.ID) {
		step.After.Healthy--
	}
	if step.After.Spare() < 0 {
		return Step{}, refuse("mend or replace the members that are down first",
			"%s can't be removed: that would leave %s", step.Name, step.After)
	}
	if leader := s.Leader(); leader != nil && leader.Member == m.ID {
		return s.handOver(m.ID, nil, func(Member) bool { return true })
	}
	return step, nil
}

// handOver moves the lead away from a member: to the one among those preferred
// that lags least, or any other if none is preferred. Lags that are all right
// count as equal, so that the choice can be foreseen. Of equals it is one that was
// not restarted, else the one that was first: as etcd itself, when it is stopped,
// hands over to whom it has been connected to for longest.
func (s *State) handOver(from ID, restarted []string, prefer func(Member) bool) (Step, error) {
	type merit struct {
		less bool // not preferred
		lag  uint64
		turn int
	}
	var best *Member
	var most merit
	for i := range s.Members {
		m := &s.Members[i]
		if m.ID == from || m.Learner || !s.Serves(m.ID) {
			continue
		}
		own := merit{!prefer(*m), s.lag(s.endpointOf(m.ID)), slices.Index(restarted, m.Name)}
		if own.lag <= NearEnough {
			own.lag = 0
		}
		better := own.turn < most.turn
		switch {
		case best == nil:
			better = true
		case own.less != most.less:
			better = !own.less
		case own.lag != most.lag:
			better = own.lag < most.lag
		}
		if better {
			best, most = m, own
		}
	}
	if best == nil {
		return Step{}, refuse("", "there is no other healthy member to take the lead")
	}
	margin := s.Margin()
	return Step{Action: MoveLeader, Name: best.Name, ID: best.ID, Before: margin, After: margin}, nil
}

// Replace is the next step on the way to a new member in the place of one that
// is dead or has lost its data, under the same name and on the site given. The
// old one is removed before the new one is added: with one of three dead, a
// fourth would be refused, and a member without its data must never come back
// as itself. A member that serves is left as it is, unless it is condemned.
func Replace(s *State, site Site) (Step, error) {
	if wait, ok, err := s.steady(); !ok {
		return wait, err
	}
	margin := s.Margin()
	step := Step{Name: site.Name, Before: margin, After: margin}
	m, known := s.MemberAt(site.PeerURL)
	if !known {
		m, known = s.MemberNamed(site.Name)
	}
	step.ID = m.ID
	switch {
	case known && (m.Learner || !m.Started()): // added, by an earlier run too
		return s.join(m, site), nil
	case known && s.Serves(m.ID) && m.ID != site.Condemned:
		step.Action = Done
	case known && s.Serves(m.ID):
		return s.dismiss(step, m)
	case known: // dead
		if !site.stopped() {
			step.Action = Stop
			return step, nil
		}
		return s.dismiss(step, m)
	case !site.stopped():
		step.Action = Stop
	case site.Data:
		step.Action = SetData
	case margin.Healthy < margin.Voters:
		return Step{}, refuse("replace one member after another", "%s can't be added: %s", site.Name, margin)
	default:
		step.Action, step.PeerURL = AddLearner, site.PeerURL
	}
	return step, nil
}
