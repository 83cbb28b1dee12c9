package tasks

import (
	"context"
	"fmt"
	"slices"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// EtcdCheck are the arguments of verify's etcd mode.
type EtcdCheck struct {
	EtcdMember
	Members []string `arg:"members" doc:"The names of all members, the hosts of others need not answer; by default those of all hosts of the play"`
	Version string   `arg:"version" doc:"The version that all members must run; by default any one, but the same on all"`
	Write   bool     `arg:"write" default:"true" doc:"Write a key, read it back through every member and remove it"`
}

// etcdProbe watches an etcd cluster.
type etcdProbe struct {
	cluster *etcd.Cluster
	expect  etcd.Expect
	write   bool
	last    *etcd.State
	wrote   bool
}

func newEtcdProbe(ctx context.Context, t *Target, hosts []subject) (*etcdProbe, error) {
	p := &etcdProbe{}
	var seats []seat
	names := map[string]string{} // by inventory name
	var first *EtcdCheck
	for _, h := range hosts {
		c := h.args.Etcd
		if c == nil {
			return nil, Failf("etcd is given for %s, but not for %s", t.Host.Name, h.Name)
		}
		if first == nil || h.Name == t.Host.Name { // what earlier tasks registered, hosts that --limit leaves out don't know
			first = c
		}
		names[h.Name] = c.named(h.Peer)
		seats = append(seats, seat{h.Peer, &c.EtcdMember})
	}
	if first != nil && first.Members != nil { // others need not answer
		seats = slices.DeleteFunc(seats, func(s seat) bool { return !slices.Contains(first.Members, s.member.named(s.Peer)) })
	}
	var err error
	if p.cluster, err = openEtcd(ctx, t, seats); err != nil {
		return nil, err
	}
	p.expect = etcd.Expect{Members: first.Members, Version: first.Version}
	p.write = first.Write
	if p.expect.Members == nil {
		p.expect.Members = everyone(t, names)
	}
	return p, nil
}

// everyone names the members that there should be: also those whose hosts are
// out of reach or left out by --limit.
func everyone(t *Target, names map[string]string) (all []string) {
	hosts := t.Everyone
	if hosts == nil {
		hosts = t.Peers
	}
	for _, h := range hosts {
		if n, ok := names[h.Name]; ok {
			all = append(all, n)
		} else {
			all = append(all, h.Name)
		}
	}
	return all
}

func (p *etcdProbe) look(ctx context.Context) (wrong []finding, reached bool) {
	s := p.cluster.Observe(ctx)
	if p.last == nil || ctx.Err() == nil { // a look that the deadline cut short says less than the one before
		p.last = s
	}
	for _, problem := range etcd.Judge(s, p.expect) {
		wrong = append(wrong, finding{problem.String(), problem.Hint})
	}
	return wrong, s.Reached()
}

func (p *etcdProbe) prove(ctx context.Context) []finding {
	if !p.write || p.wrote {
		return nil
	}
	if err := p.cluster.TestWrite(ctx); err != nil {
		return []finding{{text: "test " + err.Error()}}
	}
	p.wrote = true
	p.last = p.cluster.Observe(ctx) // so that the tables show the write
	return nil
}

func (p *etcdProbe) tell(res *Result) {
	s := p.last
	if s == nil || !s.Reached() {
		return
	}
	res.Text = s.MemberTable() + s.StatusTable()
	members := []any{}
	for _, m := range s.Members {
		members = append(members, memberValue(s, m))
	}
	res.Set("members", members)
	leader := s.Leader()
	if leader == nil {
		return
	}
	res.Set("leader", leader.Name)
	res.Set("cluster_id", leader.Cluster.String())
	res.Set("revision", int(leader.HashRevision))
	res.Msg = fmt.Sprintf("%s, leader %s, etcd %s, data equal at revision %d", count(len(s.Members), "member"), leader.Name, leader.Version, leader.HashRevision)
	if p.wrote {
		res.Msg += ", test write committed"
	}
	res.Text += res.Msg + "\n"
}

func memberValue(s *etcd.State, m etcd.Member) *value.Dict {
	d := value.NewDict("id", m.ID.String(), "name", m.Name, "peer_urls", texts(m.PeerURLs),
		"client_urls", texts(m.ClientURLs), "learner", m.Learner)
	i := slices.IndexFunc(s.Endpoints, func(e etcd.EndpointState) bool { return e.Err == nil && e.Member == m.ID })
	if i >= 0 {
		e := s.Endpoints[i]
		d.Set("version", e.Version)
		d.Set("db_size", int(e.DBSize))
		d.Set("leader", e.IsLeader())
	}
	return d
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func (p *etcdProbe) close() { _ = p.cluster.Close() }
