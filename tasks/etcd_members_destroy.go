package tasks

import (
	"context"
)

// destroy stops the members of all hosts for good, the leader's too, and moves
// their data aside.
func (m *EtcdMembers) destroy(ctx context.Context, t *Target) (Result, error) {
	var res Result
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
			h.told(&res, r)
			if err != nil {
				return withTold(t.Result(), res), onHost(h.Peer, err)
			}
		}
	}
	return withTold(t.Result(), res), nil
}
