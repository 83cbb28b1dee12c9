package tasks

import (
	"cmp"
	"context"
	"errors"
	"sync"
)

// elsewhere is the same target on another host, with nothing recorded yet.
func (t *Target) elsewhere(p Peer) *Target {
	c := t.Fresh()
	c.Host, c.Conn = p, p.Conn
	return c
}

// note takes what was done on another host among this target's changes.
func (t *Target) note(p Peer, changes []string) {
	for _, c := range changes {
		t.changes = append(t.changes, p.Name+": "+c)
	}
}

// everywhere runs a step on some hosts at once. What it changed is noted in
// their order; the first failure is told, with its host.
func (t *Target) everywhere(ctx context.Context, hosts []Peer, step func(context.Context, *Target) error) error {
	var wg sync.WaitGroup
	targets, errs := make([]*Target, len(hosts)), make([]error, len(hosts))
	for i, p := range hosts {
		targets[i] = t.elsewhere(p)
		wg.Go(func() { errs[i] = step(ctx, targets[i]) })
	}
	wg.Wait()
	for i, p := range hosts {
		t.note(p, targets[i].changes)
	}
	for i, err := range errs {
		if err != nil {
			return onHost(hosts[i], err)
		}
	}
	return nil
}

// onHost puts the host's name before a failure, which is told of the host that the
// task runs for.
func onHost(p Peer, err error) error {
	if f, ok := errors.AsType[*Failure](err); ok {
		c := *f
		c.Msg = p.Name + ": " + f.Msg
		return &c
	}
	if u, ok := errors.AsType[*Unreachable](err); ok {
		c := *u
		c.Msg, c.Hint = p.Name+": "+u.Msg, cmp.Or(u.Hint, "when it is back, run this again: it goes on from what is there")
		return &c
	}
	return err
}
