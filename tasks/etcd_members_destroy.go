package tasks

import (
	"context"
	"fmt"
	"strings"
)

// destroy stops the members of all hosts for good, the leader's too, and moves
// their data aside.
func (m *EtcdMembers) destroy(ctx context.Context, t *Target) (Result, error) {
	var res Result
	if err := m.confirmed(t); err != nil {
		return res, err
	}
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

// confirmed refuses to end a cluster that was not called by its name. What to type
// is for the user to know: who is told types it without a thought.
func (m *EtcdMembers) confirmed(t *Target) error {
	if m.Confirm == m.Token {
		return nil
	}
	var losses []string
	for _, p := range t.Peers {
		h, ok := p.Gathered.(*memberHost)
		if !ok || p.Outside {
			continue
		}
		site := h.site()
		switch {
		case site.Data:
			losses = append(losses, fmt.Sprintf("%s: its member ends, and %s is moved aside", p.Name, strings.Join(h.args.Data, " and ")))
		case site.Running || site.Enabled:
			losses = append(losses, p.Name+": its member ends")
		default:
			losses = append(losses, p.Name+": it has no member any more")
		}
	}
	f := Failf("this ends the cluster, and %q is not its token", m.Confirm)
	if m.Confirm == "" {
		f = Failf("this ends the cluster, which was not confirmed")
	}
	f.Stderr = strings.Join(losses, "\n")
	return f.WithHint("if that is meant, name the cluster by its token, -e etcd_confirm=TOKEN: it is etcd_cluster_token of this inventory, " +
		"or the default that `etcdplay doc etcd/vars.yml` tells. Nothing was touched")
}
