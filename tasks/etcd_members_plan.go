package tasks

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// A memberPlan is the next step of an operation; see etcd.Foresee.
type memberPlan func(*etcd.State, []etcd.Site) (etcd.Step, error)

// plan is the planner of the operation, for what is seen at its beginning.
func (op *memberOperation) plan(state *etcd.State, sites []etcd.Site) (memberPlan, error) {
	if op.args.Operation == "scale-out" {
		return op.growth(state)
	}
	var plans []memberPlan
	for _, name := range op.args.Members {
		plan, err := op.planFor(state, sites, name)
		if err != nil {
			return nil, err
		}
		plans = append(plans, plan)
	}
	return inTurn(plans), nil
}

// inTurn goes on to the next plan when one is done.
func inTurn(plans []memberPlan) memberPlan {
	return func(state *etcd.State, sites []etcd.Site) (etcd.Step, error) {
		var step etcd.Step
		var err error
		for _, plan := range plans {
			if step, err = plan(state, sites); err != nil || step.Action != etcd.Done {
				break
			}
		}
		return step, err
	}
}

// growth is scale-out: to all hosts that --limit does not leave out.
func (op *memberOperation) growth(state *etcd.State) (memberPlan, error) {
	for _, e := range state.Endpoints {
		if want := op.args.Version; e.Err == nil && want != "" && e.Version != want {
			return nil, Failf("%s runs etcd %s, and new members would run %s", e.Name, e.Version, want).
				WithHint("members join with the version that runs: leave etcd_version out, or upgrade first")
		}
	}
	wanted := func(site etcd.Site) bool { h := op.hostNamed(site.Name); return h != nil && !h.Outside }
	return func(state *etcd.State, sites []etcd.Site) (etcd.Step, error) {
		return etcd.ScaleOut(state, slices.DeleteFunc(slices.Clone(sites), func(s etcd.Site) bool { return !wanted(s) }))
	}, nil
}

// planFor is scale-in or replace of one member.
func (op *memberOperation) planFor(state *etcd.State, sites []etcd.Site, name string) (memberPlan, error) {
	h := op.hostNamed(name)
	if h == nil {
		return op.planAbsent(state, name)
	}
	find := func(sites []etcd.Site) etcd.Site {
		return sites[slices.IndexFunc(sites, func(s etcd.Site) bool { return s.Name == h.member() })]
	}
	if op.args.Operation == "scale-in" {
		return func(state *etcd.State, sites []etcd.Site) (etcd.Step, error) {
			return etcd.ScaleIn(state, find(sites))
		}, nil
	}
	var condemned etcd.ID
	if op.args.Force {
		condemned = votingMember(state, find(sites))
	}
	if condemned != 0 && !op.t.Check {
		op.res.Warnings = append(op.res.Warnings, fmt.Sprintf("%s serves, and is replaced all the same because force is true: "+
			"so it is by each further run with it", name))
	}
	return func(state *etcd.State, sites []etcd.Site) (etcd.Step, error) {
		site := find(sites)
		site.Condemned = condemned
		return etcd.Replace(state, site)
	}, nil
}

// votingMember is the member of a site, unless it is only being added: by an
// earlier run, which this one goes on with.
func votingMember(state *etcd.State, site etcd.Site) etcd.ID {
	m, known := state.MemberAt(site.PeerURL)
	if !known {
		m, known = state.MemberNamed(site.Name)
	}
	if !known || m.Learner || !m.Started() {
		return 0
	}
	return m.ID
}

// planAbsent is for a host that can't be reached, or stands in no inventory any
// more.
func (op *memberOperation) planAbsent(state *etcd.State, name string) (memberPlan, error) {
	_, member := state.MemberNamed(name)
	inPlay := slices.ContainsFunc(op.t.Everyone, func(p Peer) bool { return p.Name == name })
	switch {
	case !member && !inPlay:
		return nil, Failf("%s is neither a member nor a host of the play", name).
			WithHint("the members are %s", strings.Join(memberNames(state), ", "))
	case op.args.Operation == "replace" && !inPlay:
		return nil, Failf("the member %s can't be replaced: the play has no such host", name).
			WithHint("put the host that is to be its new one into the group etcd, under that name; to only take the old one off the member list: scale-in.yml -e etcd_remove=%s", name)
	case op.args.Operation == "replace":
		return nil, Failf("%s can't be replaced: its host can't be reached", name).
			WithHint("the new member needs its host; to only take the old one off the member list: scale-in.yml -e etcd_remove=%s", name)
	}
	op.res.Warnings = append(op.res.Warnings, fmt.Sprintf("%s can't be reached: it is only taken off the member list. "+
		"Its etcd and its data are still there: see to it that it does not start again", name))
	return func(state *etcd.State, _ []etcd.Site) (etcd.Step, error) {
		return etcd.ScaleIn(state, etcd.Site{Name: name})
	}, nil
}

// brief is a way to a member through another host, which may lead nowhere.
type brief struct{ Conn }

// DialContext gives up soon.
func (b brief) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, throughTimeout)
	defer cancel()
	return b.Conn.DialContext(ctx, network, addr)
}
