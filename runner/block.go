package runner

import (
	"context"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/playbooks"
)

// nodes runs a list of tasks and blocks on hosts, each on all of them before
// the next. A host that fails takes no part in what follows; its failure
// stays with it for whoever called.
func (p *play) nodes(ctx context.Context, nodes []playbooks.Node, hosts []*host) {
	for _, n := range nodes {
		on := activeOf(hosts)
		if len(on) == 0 || p.run.stopping(ctx) {
			return
		}
		switch n := n.(type) {
		case *playbooks.Task:
			p.task(ctx, n, on)
		case *playbooks.Block:
			p.block(ctx, n, on)
		}
	}
}

// block runs a block: its tasks, the rescue section on the hosts that failed
// in them, and the always section on all that began.
func (p *play) block(ctx context.Context, b *playbooks.Block, hosts []*host) {
	p.nodes(ctx, b.Tasks, hosts)
	if len(b.Rescue) > 0 {
		p.rescue(ctx, b, failedOf(hosts))
	}
	if len(b.Always) == 0 {
		return
	}
	// A failed host runs the always section too, and is as failed after it.
	held := map[*host]*failure{}
	var on []*host
	for _, h := range hosts {
		if h.gone.Load() || h.out.Load() {
			continue
		}
		if f := h.takeFailure(); f != nil {
			held[h] = f
		}
		on = append(on, h)
	}
	p.nodes(ctx, b.Always, on)
	for h, f := range held {
		if h.failing() == nil {
			h.fail(f)
		}
	}
}

func (p *play) rescue(ctx context.Context, b *playbooks.Block, hosts []*host) {
	if len(hosts) == 0 {
		return
	}
	before := map[*host]*failure{}
	for _, h := range hosts {
		f := h.takeFailure()
		before[h] = h.rescuing.Swap(f)
		if !f.quiet {
			h.count(func(s *HostStats) { s.Failed--; s.Rescued++ })
		}
	}
	p.aborted.Store(false)
	p.nodes(ctx, b.Rescue, hosts)
	for _, h := range hosts {
		h.rescuing.Store(before[h])
	}
}

func failedOf(hosts []*host) []*host {
	var out []*host
	for _, h := range hosts {
		if h.failing() != nil && !h.gone.Load() {
			out = append(out, h)
		}
	}
	return out
}

// place is where a task stands, for messages.
func place(t *playbooks.Task) source.Pos {
	if !t.ActionPos.IsZero() && t.Pos.IsZero() {
		return t.ActionPos
	}
	return t.Pos
}
