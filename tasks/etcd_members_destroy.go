package tasks

import (
	"context"
	"fmt"
)

// destroy stops the members of all hosts for good, the leader's too, and moves
// their data aside.
func (m *EtcdMembers) destroy(ctx context.Context, t *Target) (Result, error) {
	var res Result
	done := func(r Result) { res = joinHosts(res, r) }
	for _, stage := range []struct {
		text    string
		needed  func(*memberHost) bool
		proceed func(*memberHost, context.Context, *Target) (Result, error)
	}{
		{"stop %s", func(h *memberHost) bool { s := h.site(); return s.Running || s.Enabled }, (*memberHost).stop},
		{"move the data directory of %s aside", func(h *memberHost) bool { s := h.site(); return s.Data || s.Noted }, (*memberHost).setAside},
	} {
		for _, p := range t.Peers {
			h, ok := p.Gathered.(*memberHost)
			if !ok || p.Outside {
				continue
			}
			h.Peer = p
			if !stage.needed(h) || !t.Would(stage.text, h.member()) {
				continue
			}
			r, err := stage.proceed(h, ctx, h.on(t))
			if aside, ok := r.Data.Get("aside"); ok {
				r.Warnings = append(r.Warnings, fmt.Sprintf("its data is kept in %s; remove it when it is not needed any more", aside))
			}
			for i := range r.Warnings {
				r.Warnings[i] = h.Name + ": " + r.Warnings[i]
			}
			done(r)
			if err != nil {
				return joinHosts(t.Result(), res), onHost(h.Peer, err)
			}
		}
	}
	return joinHosts(t.Result(), res), nil
}

// joinHosts adds what another host told; the changes are told by the steps.
func joinHosts(a, b Result) Result {
	a.Warnings = append(a.Warnings, b.Warnings...)
	a.Diffs = append(a.Diffs, b.Diffs...)
	return a
}
