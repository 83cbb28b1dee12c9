package etcd

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A sim is a model of a cluster and its hosts that obeys etcd's rules, to run
// planners against: it observes, does one step, and checks that the rules are
// kept. Since a planner remembers nothing, being killed and started again is
// no different from the next look.
type sim struct {
	*rapid.T
	members []Member
	hosts   map[string]*simHost // by name
	leader  ID
	nextID  ID
	steps   []string
}

type simHost struct {
	Site
	id   ID     // of the member whose data it has
	lag  uint64 // raft entries that it lacks
	done bool   // restarted
}

func newSim(t *rapid.T, n int) *sim {
	s := &sim{T: t, hosts: map[string]*simHost{}, nextID: 0xa0}
	for i := range n {
		s.host(fmt.Sprintf("peer%d", i+1))
	}
	for i := range n {
		h := s.hosts[fmt.Sprintf("peer%d", i+1)]
		s.nextID++
		h.id, h.Running, h.Data = s.nextID, true, true
		s.members = append(s.members, Member{ID: h.id, Name: h.Name, PeerURLs: []string{h.PeerURL}})
	}
	s.leader = rapid.SampledFrom(s.members).Draw(t, "leader").ID
	return s
}

func (s *sim) host(name string) *simHost {
	h := &simHost{Site: Site{Name: name, PeerURL: "http://" + name}}
	s.hosts[name] = h
	return h
}

func (s *sim) hostOf(id ID) *simHost {
	for _, h := range s.hosts {
		if h.id == id && h.Running && h.Data {
			return h
		}
	}
	return nil
}

func (s *sim) margin() (m Margin) {
	for _, member := range s.members {
		if !member.Learner {
			m.Voters++
			if s.hostOf(member.ID) != nil {
				m.Healthy++
			}
		}
	}
	return m
}

func (s *sim) elect() {
	if s.leader != 0 && s.hostOf(s.leader) != nil && slices.ContainsFunc(s.members, func(m Member) bool { return m.ID == s.leader }) {
		return
	}
	s.leader = 0
	if s.margin().Spare() < 0 {
		return
	}
	for _, m := range s.members {
		if !m.Learner && s.hostOf(m.ID) != nil {
			s.leader = m.ID
		}
	}
}

func (s *sim) observe() *State {
	s.elect()
	st := &State{Quorum: s.leader != 0, Members: slices.Clone(s.members)}
	for _, name := range slices.Sorted(mapsKeys(s.hosts)) {
		h := s.hosts[name]
		e := EndpointState{Name: name, URL: name, Err: errors.New("refused")}
		if h.Running && h.Data && slices.ContainsFunc(s.members, func(m Member) bool { return m.ID == h.id }) {
			e.Err, e.Member, e.Cluster, e.Leader = nil, h.id, 0xc1, s.leader
			e.Agreed = s.leader != 0
			e.RaftIndex, e.Applied = 1000, 1000-h.lag
		}
		st.Endpoints = append(st.Endpoints, e)
	}
	return st
}

func mapsKeys(m map[string]*simHost) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (s *sim) member(id ID) *Member {
	for i := range s.members {
		if s.members[i].ID == id {
			return &s.members[i]
		}
	}
	return nil
}

// do takes a step as etcd and the hosts would, or refuses as they would.
func (s *sim) do(step Step) {
	h := s.hosts[step.Name]
	switch step.Action {
	case AddLearner:
		if m := s.margin(); m.Healthy < m.Voters {
			s.Fatalf("added a member while one is down: %v", s.steps)
		}
		for _, m := range s.members {
			if m.Learner {
				s.Fatalf("a second learner: %v", s.steps)
			}
		}
		s.nextID++
		s.members = append(s.members, Member{ID: s.nextID, PeerURLs: []string{step.PeerURL}, Learner: true})
	case Start:
		if !h.Data {
			if len(step.Cluster) != len(s.members) || !slices.ContainsFunc(step.Cluster, func(m Member) bool { return m.ID == step.ID && m.Name == step.Name }) {
				s.Fatalf("--initial-cluster of %s would be %v", step.Name, step.Cluster)
			}
			h.id, h.lag = step.ID, uint64(rapid.IntRange(0, 500).Draw(s.T, "lag"))
		}
		if h.id != step.ID {
			s.Fatalf("%s was started as %s on the data of %s: %v", step.Name, step.ID, h.id, s.steps)
		}
		h.Running, h.Data = true, true
		s.member(step.ID).Name = step.Name
	case Promote:
		if h.lag > NearEnough {
			s.Fatalf("promoted with a lag of %d", h.lag)
		}
		s.member(step.ID).Learner = false
	case MoveLeader:
		if m := s.member(step.ID); m == nil || m.Learner || s.hostOf(step.ID) == nil {
			s.Fatalf("moved the lead to %s, which can't have it", step.Name)
		}
		s.leader = step.ID
	case Remove:
		if step.ID == s.leader {
			s.Fatalf("removed the leader: %v", s.steps)
		}
		s.members = slices.DeleteFunc(s.members, func(m Member) bool { return m.ID == step.ID })
	case Stop:
		h.Running = false
	case SetData:
		if h.Running {
			s.Fatalf("moved the data of a running member")
		}
		if s.member(h.id) != nil {
			s.Fatalf("moved the data of a member: %v", s.steps)
		}
		h.Data, h.id = false, 0
	case Restart:
		if step.ID == s.leader && len(s.members) > 1 {
			s.Fatalf("restarted the leader: %v", s.steps)
		}
		h.Running = false
		if len(s.members) > 2 && s.margin().Spare() < 0 {
			s.Fatalf("the restart of %s cost the quorum: %v", step.Name, s.steps)
		}
		h.done = true
		// the controller may be killed, or the start fail, before it runs again
		h.Running = rapid.Bool().Draw(s.T, "comes back")
	case Wait:
		h.lag /= 2
		h.Running = true
	}
}

// run steps until the planner is done. Steps get lost now and then: the
// request fails, or the controller dies before it.
func (s *sim) run(plan func(*State) (Step, error)) error {
	for range 200 {
		step, err := plan(s.observe())
		if err != nil {
			return err
		}
		s.steps = append(s.steps, step.String())
		if step.Action == Done {
			return nil
		}
		if before := s.margin(); step.Before != before {
			s.Fatalf("%s thinks that the margin is %v, it is %v", step, step.Before, before)
		}
		if rapid.IntRange(0, 4).Draw(s.T, "lost") == 0 {
			continue
		}
		s.do(step)
		if m := s.margin(); m.Spare() < 0 && m.Voters > 2 { // one or two can't be restarted without
			s.Fatalf("the quorum is lost: %v", s.steps)
		}
	}
	s.Fatalf("does not come to an end: %v", s.steps)
	return nil
}

func (s *sim) sites(names ...string) (all []Site) {
	for _, n := range names {
		all = append(all, s.hosts[n].Site)
	}
	return all
}

func (s *sim) voters() (names []string) {
	for _, m := range s.members {
		if !m.Learner && s.hostOf(m.ID) != nil {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *sim) expect(names ...string) {
	if !slices.Equal(s.voters(), names) || len(s.members) != len(names) {
		s.Fatalf("the members are %v, voting %v, want %v, after %v", s.members, s.voters(), names, s.steps)
	}
}

func TestScaleOutConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSim(t, rapid.SampledFrom([]int{1, 3}).Draw(t, "members"))
		var names []string
		for i := range 5 {
			name := fmt.Sprintf("peer%d", i+1)
			names = append(names, name)
			if s.hosts[name] == nil {
				s.host(name)
			}
		}
		if err := s.run(func(st *State) (Step, error) { return ScaleOut(st, s.sites(names...)) }); err != nil {
			t.Fatalf("%v after %v", err, s.steps)
		}
		s.expect(names...)
	})
}

func TestScaleInConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSim(t, rapid.SampledFrom([]int{2, 3, 5}).Draw(t, "members"))
		before := len(s.members)
		if err := s.run(func(st *State) (Step, error) { return ScaleIn(st, s.hosts["peer1"].Site) }); err != nil {
			t.Fatalf("%v after %v", err, s.steps)
		}
		if h := s.hosts["peer1"]; h.Running || h.Data || len(s.members) != before-1 {
			t.Fatalf("peer1 is %+v, members %v", h, s.members)
		}
	})
}

func TestReplaceConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{3, 5}).Draw(t, "members")
		s := newSim(t, n)
		h := s.hosts["peer2"]
		switch rapid.SampledFrom([]string{"dead", "wiped", "new host", "well"}).Draw(t, "state") {
		case "dead":
			h.Running = false
		case "wiped":
			h.Running, h.Data, h.id = rapid.Bool().Draw(t, "crashes in a loop"), false, 0
		case "new host":
			h.Running, h.Data, h.id = false, false, 0
			h.PeerURL = "http://elsewhere"
		}
		if err := s.run(func(st *State) (Step, error) { return Replace(st, s.hosts["peer2"].Site) }); err != nil {
			t.Fatalf("%v after %v", err, s.steps)
		}
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("peer%d", i+1))
		}
		s.expect(names...)
	})
}

func TestRollConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSim(t, rapid.SampledFrom([]int{1, 3, 5}).Draw(t, "members"))
		var order []string
		for _, m := range s.members {
			order = append(order, m.Name)
		}
		if len(order) > 1 && rapid.Bool().Draw(t, "an earlier run was killed in a restart") {
			s.hosts[order[len(order)-1]].Running = false
		}
		err := s.run(func(st *State) (Step, error) {
			if len(order) == 1 {
				s.hosts["peer1"].Running = true // alone, it can only be waited for
				st = s.observe()
			}
			return Roll(st, order, nil, func(name string) bool { return s.hosts[name].done })
		})
		if err != nil {
			t.Fatalf("%v after %v", err, s.steps)
		}
		s.expect(order...)
		for _, h := range s.hosts {
			if !h.done {
				t.Fatalf("%s was not restarted: %v", h.Name, s.steps)
			}
		}
	})
}

// What must not be done is refused, and says why.
func TestRefusals(t *testing.T) {
	dead := func(s *State, name string) {
		for i := range s.Endpoints {
			if s.Endpoints[i].Name == name {
				s.Endpoints[i] = EndpointState{Name: name, Err: errors.New("refused")}
			}
		}
	}
	site := func(name string) Site { return Site{Name: name, PeerURL: "http://" + name + ":2380"} }
	for name, c := range map[string]struct {
		breaks func(*State)
		plan   func(*State) (Step, error)
		want   string
	}{
		"no quorum": {func(s *State) { s.Quorum = false }, func(s *State) (Step, error) { return ScaleOut(s, nil) },
			"the cluster has no quorum"},
		"nobody there": {func(s *State) { *s = State{} }, func(s *State) (Step, error) { return Roll(s, nil, nil, nil) },
			"no member answers"},
		"two clusters": {func(s *State) { s.Endpoints[0].Cluster = 9 }, func(s *State) (Step, error) { return ScaleIn(s, site("peer1")) },
			"the endpoints belong to two clusters, 9 and c1"},
		"add while one is down": {func(s *State) { dead(s, "peer3") }, func(s *State) (Step, error) { return ScaleOut(s, []Site{site("peer4")}) },
			"peer4 can't be added: 2 of 3 voters healthy, 0 may fail"},
		"add onto data": {nil, func(s *State) (Step, error) {
			return ScaleOut(s, []Site{{Name: "peer4", PeerURL: "http://peer4:2380", Data: true}})
		},
			"peer4 is to join, but its data directory holds data already, perhaps of another cluster"},
		"someone else's addition": {func(s *State) {
			s.Members = append(s.Members, Member{ID: 0xee, PeerURLs: []string{"http://x:1"}})
		}, func(s *State) (Step, error) { return ScaleOut(s, []Site{site("peer4")}) },
			"member ee with peer URL http://x:1 is half added, and is none of those wanted"},
		"another peer URL": {nil, func(s *State) (Step, error) { return ScaleOut(s, []Site{{Name: "peer1", PeerURL: "http://new"}}) },
			"there is a member peer1 already, at http://peer1:2380 instead of http://new"},
		"a taken peer URL": {nil, func(s *State) (Step, error) {
			return ScaleOut(s, []Site{{Name: "peer9", PeerURL: "http://peer1:2380"}})
		},
			"peer URL http://peer1:2380 is wanted for peer9, but belongs to the member peer1"},
		"remove while one is down": {func(s *State) { dead(s, "peer3") }, func(s *State) (Step, error) { return ScaleIn(s, site("peer1")) },
			"peer1 can't be removed: that would leave 1 of 2 voters healthy, no quorum"},
		"remove the last": {func(s *State) { s.Members, s.Endpoints = s.Members[1:2], s.Endpoints[1:2] }, func(s *State) (Step, error) { return ScaleIn(s, site("peer2")) },
			"peer2 is the last member"},
		"restart while one is down": {func(s *State) { dead(s, "peer3") }, func(s *State) (Step, error) {
			return Roll(s, []string{"peer1"}, nil, func(string) bool { return false })
		},
			"peer1 can't be restarted now: that would leave 1 of 3 voters healthy, no quorum"},
		"restart beside a learner": {func(s *State) { s.Members[2].Learner = true }, func(s *State) (Step, error) {
			return Roll(s, []string{"peer1"}, nil, func(string) bool { return false })
		},
			"peer1 can't be restarted now: the member at http://peer3:2380 is a learner"},
		"restart beside one that is cut off": {func(s *State) { s.Endpoints[2].Agreed = false }, func(s *State) (Step, error) {
			return Roll(s, []string{"peer1"}, nil, func(string) bool { return false })
		},
			"peer1 can't be restarted now: no read through peer3 reaches a quorum"},
		"restart under an alarm": {func(s *State) { s.Alarms = []Alarm{{Member: 0xa2, Kind: "CORRUPT"}} }, func(s *State) (Step, error) {
			return Roll(s, []string{"peer1"}, nil, func(string) bool { return false })
		},
			"peer1 can't be restarted now: alarm CORRUPT is raised by peer2"},
		"restart one of five while one is down": {func(s *State) {
			for _, n := range []string{"peer4", "peer5"} {
				id := ID(len(s.Members) + 0xa1)
				s.Members = append(s.Members, Member{ID: id, Name: n})
				s.Endpoints = append(s.Endpoints, EndpointState{Name: n, Cluster: 0xc1, Member: id, Leader: 0xa2, Agreed: true})
			}
			dead(s, "peer3")
		}, func(s *State) (Step, error) {
			return Roll(s, []string{"peer1"}, nil, func(string) bool { return false })
		},
			"peer1 can't be restarted now: the member peer3 does not serve"},
		"restart a stranger": {nil, func(s *State) (Step, error) {
			return Roll(s, []string{"peer7"}, nil, func(string) bool { return false })
		},
			"peer7 is no member of the cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			s := whole()
			if c.breaks != nil {
				c.breaks(s)
			}
			step, err := c.plan(s)
			refusal, ok := errors.AsType[*Refusal](err)
			if !ok || refusal.Text != c.want {
				t.Errorf("step %v, error %v; want %q", step, err, c.want)
			}
		})
	}
}

// The lead goes to a member that was not restarted, else to the one that was first.
func TestLeadGoesToTheLongestThere(t *testing.T) {
	healthy := func() *State {
		s := &State{Quorum: true}
		for i, name := range []string{"peer1", "peer2", "peer3", "peer4", "peer5"} {
			id := ID(i + 1)
			s.Members = append(s.Members, Member{ID: id, Name: name, PeerURLs: []string{"http://" + name + ":2380"}})
			s.Endpoints = append(s.Endpoints, EndpointState{Name: name, Member: id, Leader: 1, Agreed: true, RaftIndex: 1000, Applied: 1000})
		}
		return s
	}
	all := func(name string) bool { return name != "peer1" }
	for want, restarted := range map[string][]string{
		"peer4": {"peer4", "peer2", "peer3", "peer5"},
		"peer3": {"peer5", "peer2", "peer4"},
	} {
		step, err := Roll(healthy(), []string{"peer1"}, restarted, all)
		if err != nil || step.Action != MoveLeader || step.Name != want {
			t.Errorf("after %v: %v, %v; want the lead at %s", restarted, step, err, want)
		}
	}
	s := healthy()
	s.Endpoints[3].Applied = 1 // peer4 is far behind
	if step, err := Roll(s, []string{"peer1"}, []string{"peer4", "peer2", "peer3", "peer5"}, all); err != nil || step.Name != "peer2" {
		t.Errorf("with peer4 behind: %v, %v", step, err)
	}
}
