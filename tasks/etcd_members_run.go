package tasks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

const (
	// memberTries is how often a step is taken whose outcome was not seen, or
	// which did not last.
	memberTries = 3
	// throughTimeout bounds the way to a member through another host.
	throughTimeout = 2 * time.Second
)

// A memberOperation is a change of members under way.
type memberOperation struct {
	t       *Target
	args    *EtcdMembers
	hosts   []*memberHost // those that can be reached
	cluster *etcd.Cluster
	res     Result // what hosts told beside the changes

	told    string         // the step that was told last
	untaken bool           // the cluster would not take it yet
	taken   map[string]int // how often each step was taken
	since   time.Time      // when something last came further
	seen    string         // what was seen then
}

func newMemberOperation(ctx context.Context, t *Target, m *EtcdMembers) (*memberOperation, error) {
	op := &memberOperation{t: t, args: m, taken: map[string]int{}, since: time.Now()}
	for _, p := range t.Peers {
		if h, ok := p.Gathered.(*memberHost); ok && h.args.Etcd != nil {
			h.Peer = p
			op.hosts = append(op.hosts, h)
		}
	}
	return op, op.open(ctx)
}

// open makes a client of the members on all hosts that can be reached, and of
// those of the cluster that only the other members reach.
func (op *memberOperation) open(ctx context.Context) (err error) {
	var seats []seat
	for _, h := range op.hosts {
		seats = append(seats, seat{h.Peer, h.args.Etcd})
	}
	if op.cluster, err = openEtcd(ctx, op.t, seats); err != nil {
		return err
	}
	state := op.cluster.Look(ctx)
	var further []seat
	for _, m := range state.Members {
		if len(m.ClientURLs) > 0 && op.hostOf(m) == nil && !slices.ContainsFunc(state.Endpoints, func(e etcd.EndpointState) bool { return e.Member == m.ID }) {
			through := *seats[0].member
			through.Name, through.Endpoint = m.Name, m.ClientURLs[0]
			further = append(further, seat{Peer{Name: m.Name, Conn: brief{seats[0].Conn}}, &through})
		}
	}
	if len(further) == 0 {
		return nil
	}
	_ = op.cluster.Close()
	op.cluster, err = openEtcd(ctx, op.t, append(seats, further...))
	return err
}

// hostOf is the host of a member, or nil.
func (op *memberOperation) hostOf(m etcd.Member) *memberHost {
	for _, h := range op.hosts {
		if slices.Contains(m.PeerURLs, h.args.Etcd.PeerURL) || m.Name == h.member() {
			return h
		}
	}
	return nil
}

func (op *memberOperation) hostNamed(name string) *memberHost {
	for _, h := range op.hosts {
		if h.Name == name || h.member() == name {
			return h
		}
	}
	return nil
}

// run works the whole way out, and then goes it step by step.
func (op *memberOperation) run(ctx context.Context) error {
	state, sites, err := op.settled(ctx)
	if err != nil {
		return err
	}
	if err := serving(state); err != nil {
		return err
	}
	plan, err := op.plan(state, sites)
	if err != nil {
		return refused(err)
	}
	steps, err := etcd.Foresee(state, sites, plan)
	if err != nil {
		return refused(err)
	}
	for _, step := range steps {
		if h := op.hostNamed(step.Name); h != nil && step.Action != etcd.MoveLeader {
			if err := h.fixed(); err != nil {
				return err
			}
		}
	}
	if err := op.backup(ctx, steps); err != nil {
		return err
	}
	if op.t.Check {
		for _, step := range steps {
			op.t.Would("%s", stepText(step))
		}
		return nil
	}
	for {
		step, err := plan(state, sites)
		if err != nil {
			return refused(err)
		}
		if step.Action == etcd.Done {
			return nil
		}
		no := op.take(ctx, state, step)
		if no != nil {
			if err := op.patience(ctx, step, no); err != nil {
				return err
			}
		}
		if state, sites, err = op.look(ctx); err != nil {
			return err
		}
		op.progress(state, step)
	}
}

// patience waits a little before the next look, or gives up.
func (op *memberOperation) patience(ctx context.Context, step etcd.Step, no error) error {
	var retry again
	if !errors.As(no, &retry) {
		return no
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if waited := time.Since(op.since); waited > op.args.Timeout {
		return Failf("%s: nothing came any further for %s: %w", step, waited.Round(time.Second), no).
			WithHint("what was done stays; when the reason is mended, run this again and it goes on from there")
	}
	op.t.Status(no.Error())
	if err := op.t.pause(ctx, pollMost); err != nil {
		return cmp.Or(op.t.mayBegin(step.String()), err)
	}
	return nil
}

// progress notes when something came further: another step, or a member that
// catches up.
func (op *memberOperation) progress(state *etcd.State, step etcd.Step) {
	var b strings.Builder
	b.WriteString(step.String())
	for _, e := range state.Endpoints {
		if e.Err == nil && e.Learner {
			fmt.Fprint(&b, " ", e.Applied)
		}
	}
	if now := b.String(); now != op.seen {
		op.seen, op.since = now, time.Now()
	}
}

// settled looks until no election is under way, as far as can be seen.
func (op *memberOperation) settled(ctx context.Context) (*etcd.State, []etcd.Site, error) {
	for {
		state, sites, err := op.look(ctx)
		if err != nil || !state.Reached() || !state.Quorum || state.Leader() != nil {
			return state, sites, err
		}
		if err := op.patience(ctx, etcd.Step{Action: etcd.Wait}, again{errors.New("a leader is being elected")}); err != nil {
			return nil, nil, err
		}
	}
}

// look observes the cluster and the hosts.
func (op *memberOperation) look(ctx context.Context) (*etcd.State, []etcd.Site, error) {
	errs := make(chan error, len(op.hosts))
	for _, h := range op.hosts {
		go func() { errs <- onHost(h.Peer, h.look(ctx, h.on(op.t))) }()
	}
	state := op.cluster.Look(ctx)
	var failed error
	for range op.hosts {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	if failed != nil {
		return nil, nil, failed
	}
	var sites []etcd.Site
	for _, h := range op.hosts {
		sites = append(sites, h.site())
	}
	return state, sites, nil
}

// result is what was done, and who is a member now.
func (op *memberOperation) result(ctx context.Context) Result {
	if op.untaken { // the run ends while it is waited for
		op.t.changes = op.t.changes[:len(op.t.changes)-1]
	}
	res := withTold(op.t.Result(), op.res)
	if op.t.Check {
		return res
	}
	state := op.cluster.Look(ctx)
	var names []any
	for _, m := range state.Members {
		names = append(names, m.Name)
	}
	res.Set("members", names)
	res.Msg = fmt.Sprintf("%s: %s", count(len(names), "member"), strings.Join(memberNames(state), ", "))
	return res
}

func memberNames(s *etcd.State) (names []string) {
	for _, m := range s.Members {
		name := m.Name
		if name == "" {
			name = m.ID.String()
		}
		names = append(names, name)
	}
	return names
}
