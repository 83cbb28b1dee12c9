package etcd

import (
	"errors"
	"slices"
)

// mostSteps bounds a plan that would not come to an end.
const mostSteps = 200

// Foresee walks a planner over what is seen now and what each step would make
// of it, and returns the steps, without those that only wait. The error is the
// refusal that the operation would run into, with the steps before it.
func Foresee(s *State, sites []Site, plan func(*State, []Site) (Step, error)) ([]Step, error) {
	var steps []Step
	for range mostSteps {
		step, err := plan(s, sites)
		switch {
		case err != nil:
			return steps, err
		case step.Action == Done, step.Action == Wait && step.Name == "":
			return steps, nil
		case step.Action != Wait:
			steps = append(steps, step)
		}
		s, sites = foreseen(s, sites, step)
	}
	return steps, errors.New("this is a bug: the plan does not come to an end")
}

// foreseen is what a step makes of a cluster and its hosts.
func foreseen(was *State, wasSites []Site, step Step) (*State, []Site) {
	now := *was
	s, sites := &now, slices.Clone(wasSites)
	s.Members, s.Endpoints = slices.Clone(was.Members), slices.Clone(was.Endpoints)
	site := &Site{}
	if i := slices.IndexFunc(sites, func(site Site) bool { return site.Name == step.Name }); i >= 0 {
		site = &sites[i]
	}
	member := &Member{}
	if i := slices.IndexFunc(s.Members, func(m Member) bool { return m.ID == step.ID && step.ID != 0 }); i >= 0 {
		member = &s.Members[i]
	}
	switch step.Action {
	case AddLearner:
		s.Members = append(s.Members, Member{ID: max(s.freeID(), site.Condemned+1), PeerURLs: []string{step.PeerURL}, Learner: true})
	case Start, Restart, Wait:
		site.Running, site.Enabled, site.Data, site.Noted = true, true, true, true
		member.Name = step.Name
		s.serve(member)
	case Promote:
		member.Learner = false
	case MoveLeader:
		for i := range s.Endpoints {
			if e := &s.Endpoints[i]; e.Err == nil && e.Leader != 0 {
				e.Leader = step.ID
			}
		}
	case Remove:
		s.fall(step.ID)
		s.Members = slices.DeleteFunc(s.Members, func(m Member) bool { return m.ID == step.ID })
	case Stop:
		site.Running, site.Enabled = false, false
		s.fall(step.ID)
	case SetData:
		site.Data, site.Noted = false, false
	}
	return s, sites
}

// freeID is an ID that no member has.
func (s *State) freeID() (id ID) {
	for _, m := range s.Members {
		id = max(id, m.ID)
	}
	return id + 1
}

// serve lets a member answer, with all that there is: where much is written, a
// member that was asked a little later than the leader has told of more.
func (s *State) serve(m *Member) {
	e := EndpointState{Name: m.Name, Member: m.ID, Learner: m.Learner}
	if leader := s.Leader(); leader != nil {
		e.Cluster, e.Leader, e.Version = leader.Cluster, leader.Member, leader.Version
	}
	e.RaftIndex = s.newest()
	e.Applied = e.RaftIndex
	i := slices.IndexFunc(s.Endpoints, func(have EndpointState) bool { return have.Name == m.Name })
	if i < 0 {
		s.Endpoints = append(s.Endpoints, e)
		return
	}
	e.URL = s.Endpoints[i].URL
	s.Endpoints[i] = e
}

var errDown = errors.New("it is stopped")

// fall lets a member not answer any more.
func (s *State) fall(id ID) {
	for i := range s.Endpoints {
		if e := &s.Endpoints[i]; e.Err == nil && e.Member == id {
			s.Endpoints[i] = EndpointState{Name: e.Name, URL: e.URL, Err: errDown}
		}
	}
}
