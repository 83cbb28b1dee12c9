package runner

import (
	"context"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
)

// notify marks the handlers that a changed task names.
func (p *play) notify(ctx context.Context, t *playbooks.Task, h *host, sc *scope) {
	for _, n := range t.Notify {
		v, err := sc.eval(ctx, n)
		if err != nil {
			p.run.warn(n.Pos, h.name, "notify: "+err.Error())
			continue
		}
		names, isList := v.([]any)
		if !isList {
			names = []any{v}
		}
		for _, name := range names {
			found := false
			for _, handler := range p.handlers(h) {
				if p.answers(handler, value.Str(name)) {
					h.notify(handler)
					found = true
				}
			}
			if !found {
				p.run.warn(n.Pos, h.name, "notify: there is no handler "+value.Repr(name))
			}
		}
	}
}

// answers reports whether a handler goes by a name.
func (p *play) answers(handler *playbooks.Task, name string) bool {
	if handler.Label() == name {
		return true
	}
	for _, l := range handler.Listen {
		if l == name {
			return true
		}
	}
	return handler.Role != nil && handler.Role.RoleName+" : "+handler.Label() == name
}

// handlers lists all handlers of the play in order of definition.
func (p *play) handlers(*host) []*playbooks.Task {
	p.filesMu.Lock()
	defer p.filesMu.Unlock()
	return flatten(append(append([]playbooks.Node(nil), p.spec.Handlers...), p.included...), nil)
}

func flatten(nodes []playbooks.Node, out []*playbooks.Task) []*playbooks.Task {
	for _, n := range nodes {
		switch n := n.(type) {
		case *playbooks.Task:
			out = append(out, n)
		case *playbooks.Block:
			for _, list := range [][]playbooks.Node{n.Tasks, n.Rescue, n.Always} {
				out = flatten(list, out)
			}
		}
	}
	return out
}

// flushHandlers runs what is notified on hosts, in order of definition, until
// nothing is left: handlers may notify handlers.
func (p *play) flushHandlers(ctx context.Context, hosts []*host) {
	for range maxHandlerRounds {
		ran := false
		for _, handler := range p.handlers(nil) {
			if p.run.stopping(ctx) {
				return
			}
			var on []*host
			for _, h := range activeOf(hosts) {
				if h.takeNotified(handler) {
					on = append(on, h)
				}
			}
			if len(on) > 0 {
				ran = true
				p.task(ctx, handler, on)
			}
		}
		if !ran {
			return
		}
	}
	p.run.warn(p.spec.Pos, "", "handlers notify each other without end: stopped")
}

// maxHandlerRounds bounds handlers that notify each other in a circle.
const maxHandlerRounds = 100

// forceHandlers runs handlers on failed hosts too (force_handlers).
func (p *play) forceHandlers(ctx context.Context, hosts []*host) {
	held := map[*host]*failure{}
	var on []*host
	for _, h := range hosts {
		if h.failing() != nil && !h.gone.Load() && len(h.notified) > 0 {
			held[h] = h.takeFailure()
			on = append(on, h)
		}
	}
	if len(on) == 0 {
		return
	}
	p.aborted.Store(false)
	p.flushHandlers(ctx, on)
	for h, f := range held {
		if h.failing() == nil {
			h.fail(f)
		}
	}
}
