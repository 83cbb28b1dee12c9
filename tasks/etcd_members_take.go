package tasks

import (
	"context"
	"errors"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// backup saves a snapshot when anything is to be done.
func (op *memberOperation) backup(ctx context.Context, steps []etcd.Step) error {
	if op.args.Backup == nil || len(steps) == 0 {
		return nil
	}
	sub := op.t.Fresh()
	sub.Peers = nil
	for _, h := range op.hosts {
		p := h.Peer
		p.Gathered = h.args.Backup
		sub.Peers = append(sub.Peers, p)
	}
	res, err := op.args.Backup.Run(ctx, sub)
	op.t.changes = append(op.t.changes, res.Changes...)
	op.res.Warnings = append(op.res.Warnings, res.Warnings...)
	return err
}

// take takes a step. An error that is again is a wait, or may be mended by looking
// again: etcd.ErrNotYet, a lost answer.
func (op *memberOperation) take(ctx context.Context, state *etcd.State, step etcd.Step) error {
	if step.Action == etcd.Wait {
		op.t.Status(step.String())
		return again{errors.New(step.String())}
	}
	text := stepText(step)
	if err := nextStep(ctx, op.t, step.String()); err != nil {
		return err
	}
	if op.told != text {
		op.told = text
		op.t.Would("%s", text)
	}
	op.t.Status(step.String())
	err := op.do(ctx, state, step)
	op.untaken = errors.Is(err, etcd.ErrNotYet)
	if err != nil {
		return err
	}
	if op.taken[text]++; op.taken[text] > memberTries {
		return Failf("%s: done %d times, and still to be done", step, memberTries).
			WithHint("see what the member says: its log, and `verify`")
	}
	return nil
}

// again is a reason to look again rather than to fail.
type again struct{ error }

func (a again) Unwrap() error { return a.error }

func (op *memberOperation) do(ctx context.Context, state *etcd.State, step etcd.Step) error {
	switch step.Action {
	case etcd.AddLearner:
		_, err := op.cluster.AddLearner(ctx, state, step.PeerURL)
		return asked(err)
	case etcd.Promote:
		if err := op.onHost(ctx, step, (*memberHost).settle); err != nil {
			return err
		}
		return asked(op.cluster.Promote(ctx, state, step.ID))
	case etcd.Remove:
		return asked(op.cluster.Remove(ctx, state, step.ID))
	case etcd.MoveLeader:
		return asked(op.cluster.MoveLeader(ctx, state, step.ID))
	case etcd.Start:
		return op.onHost(ctx, step, func(h *memberHost, ctx context.Context, t *Target) (Result, error) {
			return h.start(ctx, t, step.Cluster)
		})
	case etcd.Stop:
		return op.onHost(ctx, step, (*memberHost).stop)
	case etcd.SetData:
		return op.onHost(ctx, step, (*memberHost).setAside)
	}
	return Failf("this is a bug: %s", step)
}

// asked is what became of a request to the cluster. Whether one took effect whose
// answer was lost is seen by looking again.
func asked(err error) error {
	if err == nil {
		return nil
	}
	return again{err}
}

// onHost does a host's part of a step. What it changed there is the step itself.
func (op *memberOperation) onHost(ctx context.Context, step etcd.Step, do func(*memberHost, context.Context, *Target) (Result, error)) error {
	h := op.hostNamed(step.Name)
	if h == nil {
		return Failf("%s is on no host of the play", step.Name)
	}
	res, err := do(h, ctx, h.on(op.t))
	h.told(&op.res, res)
	return onHost(h.Peer, err)
}
