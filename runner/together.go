package runner

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/tasks"
)

// coordinated reports whether a module's hosts have to know of each other.
func coordinated(m tasks.Module) bool {
	if _, ok := m.(tasks.Gatherer); ok {
		return true
	}
	if _, ok := m.(tasks.Preparer); ok {
		return true
	}
	o, ok := m.(tasks.Orderer)
	return ok && o.Order() != tasks.Parallel
}

// together runs a coordinated module, item by item of its loop: everywhere
// its arguments are filled in, then everywhere it gathers and prepares, then
// it runs in its order.
func (p *play) together(ctx context.Context, t *playbooks.Task, m tasks.Module, hosts []*host) {
	loops := map[*host][]item{}
	done := map[*host][]outcome{}
	longest := 0
	var on []*host
	for _, h := range hosts {
		sc := p.taskScope(h, t)
		items, err := p.items(ctx, sc, t)
		if err != nil {
			p.failLoop(ctx, t, h, sc, err)
			continue
		}
		loops[h] = items
		longest = max(longest, len(items))
		on = append(on, h)
	}
	if t.Loop == nil {
		p.round(ctx, t, m, on, nil, func(c *call, o outcome) { c.conclude(ctx, o) })
		return
	}
	for i := range longest {
		var turn []*host
		for _, h := range on {
			if i < len(loops[h]) && h.active() {
				turn = append(turn, h)
			}
		}
		var mu sync.Mutex
		p.round(ctx, t, m, turn, func(h *host) *item { return &loops[h][i] }, func(c *call, o outcome) {
			c.tellItem(ctx, &o)
			mu.Lock()
			defer mu.Unlock()
			done[c.h] = append(done[c.h], o)
		})
	}
	for _, h := range on {
		c := &call{p: p, t: t, h: h, sc: p.taskScope(h, t)}
		c.concludeLoop(ctx, done[h])
	}
}

// part is one host's share in a coordinated task.
type part struct {
	c      *call
	target *tasks.Target
	module tasks.Module
	did    tasks.Result // what Prepare did
	err    error
}

// round runs a coordinated module once; end is called for each host.
func (p *play) round(ctx context.Context, t *playbooks.Task, m tasks.Module, hosts []*host, itemOf func(*host) *item, end func(*call, outcome)) {
	var mu sync.Mutex
	parts := map[*host]*part{}
	broken := false // a host that should take part can't
	sc := p.taskScope(hosts[0], t)
	who := p.rosterOf(ctx)
	start := func(h *host) {
		hsc := p.taskScope(h, t)
		c := &call{p: p, t: t, h: h, sc: hsc, begun: time.Now(), roster: who}
		if itemOf != nil {
			c.item = itemOf(h)
			c.sc = hsc.with(c.item.vars)
		}
		pt, o, ended := p.begin(ctx, c)
		if ended {
			end(c, o)
		}
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			parts[h] = pt
		}
		broken = broken || !h.active()
	}
	p.each(ctx, sc, t, hosts, start)

	// Hosts that --limit leaves out are peers all the same: they are asked, and
	// not changed. One that can't be asked counts as down.
	var outside []*host
	if _, ok := m.(tasks.Gatherer); ok && itemOf == nil {
		for _, h := range p.peers {
			if !h.inPlay {
				outside = append(outside, h)
			}
		}
	}
	asked := map[*host]*part{}
	if len(parts) > 0 && len(outside) > 0 {
		p.each(ctx, sc, t, outside, func(h *host) {
			c := &call{p: p, t: t, h: h, sc: p.taskScope(h, t), begun: time.Now(), roster: who}
			c.sc.warn = nil // what earlier tasks would have found out is not known here
			if pt, _, ended := p.begin(ctx, c); !ended {
				mu.Lock()
				defer mu.Unlock()
				asked[h] = pt
			}
		})
	}
	p.gather(ctx, t, sc, parts, asked)

	var ready []*part
	for _, h := range hosts {
		switch pt := parts[h]; {
		case pt == nil:
		case pt.err != nil:
			end(pt.c, pt.c.judged(ctx, pt.c.outcome(pt.did, pt.err)))
		default:
			ready = append(ready, pt)
		}
	}
	p.inOrder(ctx, t, m, sc, ready, broken || len(ready) < len(parts), end)
}

// begin fills a call in and connects. ended: the outcome says why it does not run.
func (p *play) begin(ctx context.Context, c *call) (*part, outcome, bool) {
	noLog, err := p.flag(ctx, c.sc, c.t, func(k *playbooks.Common) *playbooks.Value { return k.NoLog })
	c.noLog = noLog || err != nil
	if o, done := c.prepare(ctx); done {
		return nil, o, true
	}
	target, err := c.target(ctx)
	if err != nil {
		return nil, c.failed(err), true
	}
	return &part{c: c, target: target, module: c.run.(moduleRun).m}, outcome{}, false
}

// gather asks every host, then lets those that take part prepare, and tells
// everybody what came of it.
func (p *play) gather(ctx context.Context, t *playbooks.Task, sc *scope, parts, asked map[*host]*part) {
	told := map[*host]any{}
	var mu sync.Mutex
	phase := func(of map[*host]*part, f func(*part) (any, error)) {
		var on []*host
		for _, h := range p.peers {
			if of[h] != nil && of[h].err == nil {
				on = append(on, h)
			}
		}
		if len(on) == 0 {
			return
		}
		p.each(ctx, sc, t, on, func(h *host) {
			v, err := f(of[h])
			mu.Lock()
			defer mu.Unlock()
			of[h].err = err
			if err == nil {
				told[h] = v
			}
		})
	}
	gather := func(pt *part) (any, error) {
		if g, ok := pt.module.(tasks.Gatherer); ok {
			ctx, cancel := pt.c.within(ctx)
			defer cancel()
			return g.Gather(ctx, pt.target)
		}
		return nil, nil
	}
	phase(parts, gather)
	phase(asked, gather)
	share := func() {
		everyone, reachable := p.peersTold(ctx, parts, asked, told)
		for _, pt := range parts {
			pt.target.Everyone, pt.target.Peers = everyone, reachable
			for _, peer := range reachable {
				if peer.Name == pt.target.Host.Name {
					pt.target.Host = peer
				}
			}
		}
	}
	share()
	if !anyPrepares(parts) {
		return
	}
	phase(parts, func(pt *part) (any, error) {
		ctx, cancel := pt.c.within(ctx)
		defer cancel()
		next, did, err := pt.module.(tasks.Preparer).Prepare(ctx, pt.target.Fresh())
		pt.did = did
		return next, err
	})
	share()
}

func anyPrepares(parts map[*host]*part) bool {
	for _, pt := range parts {
		_, ok := pt.module.(tasks.Preparer)
		return ok // they are all of one kind
	}
	return false
}

// peersTold describes the hosts of the play with what they gathered.
func (p *play) peersTold(ctx context.Context, parts, asked map[*host]*part, told map[*host]any) (everyone, reachable []tasks.Peer) {
	for _, h := range p.peers {
		peer := tasks.Peer{Name: h.name, Address: p.run.address(ctx, h)}
		everyone = append(everyone, peer)
		pt := parts[h]
		if pt == nil {
			pt = asked[h]
		}
		if pt != nil && pt.err == nil {
			peer.Gathered, peer.Conn, peer.Outside = told[h], pt.target.Conn, parts[h] == nil
			reachable = append(reachable, peer)
		}
	}
	return everyone, reachable
}

// inOrder runs the parts as their module wants it.
func (p *play) inOrder(ctx context.Context, t *playbooks.Task, m tasks.Module, sc *scope, ready []*part, broken bool, end func(*call, outcome)) {
	if len(ready) == 0 {
		return
	}
	order := tasks.Parallel
	if o, ok := m.(tasks.Orderer); ok {
		order = o.Order()
	}
	settled := order == tasks.Sequential && !broken && allSettled(ready)
	if settled {
		order = tasks.Parallel
	}
	run := func(pt *part) outcome {
		ctx, cancel := pt.c.within(ctx)
		defer cancel()
		do := pt.module.Run
		if settled {
			do = pt.module.(tasks.Settler).Confirm
		}
		res, err := do(ctx, pt.target.Fresh())
		return pt.c.judged(ctx, pt.c.outcome(joinResults(pt.did, res), pt.c.timedOut(ctx, err)))
	}
	switch order {
	case tasks.Parallel:
		byHost := map[*host]*part{}
		var hosts []*host
		for _, pt := range ready {
			byHost[pt.c.h] = pt
			hosts = append(hosts, pt.c.h)
		}
		p.each(ctx, sc, t, hosts, func(h *host) { end(byHost[h].c, run(byHost[h])) })
	case tasks.Once:
		first := ready[0]
		first.c.forAll = len(ready) > 1
		o := run(first)
		end(first.c, o)
		for _, pt := range ready[1:] {
			p.share(pt.c, o)
		}
	case tasks.Sequential:
		p.sequential(ctx, m, ready, broken, run, end)
	}
}

// allSettled reports whether the module has nothing to do on any host.
func allSettled(ready []*part) bool {
	for _, pt := range ready {
		s, ok := pt.module.(tasks.Settler)
		if !ok || !s.Settled(pt.target) {
			return false
		}
	}
	return true
}

// share gives one host's outcome to another, without telling it again.
func (p *play) share(c *call, o outcome) {
	c.register(o.dict)
	if o.status == Failed && !o.ignored {
		c.h.fail(&failure{task: c.t, result: o.dict, quiet: true})
	}
}

// sequential runs one host after another, and none after a failure: a cluster
// of which one member did not start is no place to go on.
func (p *play) sequential(ctx context.Context, m tasks.Module, ready []*part, broken bool, run func(*part) outcome, end func(*call, outcome)) {
	order := make([]int, len(ready))
	for i := range order {
		order[i] = i
	}
	if s, ok := ready[0].module.(tasks.Sequencer); ok {
		order = p.sequence(s, ready)
	}
	culprit := ""
	if broken {
		culprit = "another host"
	}
	for _, i := range order {
		pt := ready[i]
		if culprit != "" || p.run.stopping(ctx) {
			why := culprit + " failed in this task"
			if culprit == "" {
				why = "the run was interrupted"
			}
			end(pt.c, pt.c.failed(tasks.Failf("not begun, because %s", why).
				WithHint("mend it and run again: what is done already stays")))
			continue
		}
		o := run(pt)
		end(pt.c, o)
		if (o.status == Failed || o.status == UnreachableHost) && !o.ignored {
			culprit = pt.c.h.name
		}
	}
}

// sequence asks a module for its order of the hosts that take part.
func (p *play) sequence(s tasks.Sequencer, ready []*part) []int {
	peers := make([]tasks.Peer, len(ready))
	for i, pt := range ready {
		peers[i] = pt.target.Host
	}
	order := s.Sequence(peers)
	seen := make([]bool, len(ready))
	for _, i := range order {
		if i < 0 || i >= len(ready) || seen[i] {
			panic(fmt.Sprintf("%T.Sequence gave no permutation: %v", s, order))
		}
		seen[i] = true
	}
	return order
}

func joinResults(a, b tasks.Result) tasks.Result {
	b.Changed = a.Changed || b.Changed
	b.Changes = append(a.Changes, b.Changes...)
	b.Diffs = append(a.Diffs, b.Diffs...)
	b.Warnings = append(a.Warnings, b.Warnings...)
	return b
}
