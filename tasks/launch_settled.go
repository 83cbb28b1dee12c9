package tasks

import (
	"context"
	"errors"
	"sync"
)

// Settled implements Settler: the daemon runs as it should, and what starts it
// after a reboot is right to the last bit. Where nothing supervises daemons the
// host is asked again in its turn.
func (l *Launch) Settled(t *Target) bool {
	d, ok := t.Host.Gathered.(*daemon)
	if !ok || l.State == "stopped" || !d.running() || d.manager != "systemd" {
		return false
	}
	p := l.plan(d, t.Check)
	return p.err == nil && p.act == leave && !p.stale && d.facts["unit"]+"\n" == p.plain &&
		d.facts["unit_attrs"] == "0 0 644" && d.props["UnitFileState"] == "enabled" && d.props["NeedDaemonReload"] != "yes"
}

// Confirm implements Settler: the daemon says that it is well. If it does not
// say so at once, it is waited for as after a start.
func (l *Launch) Confirm(ctx context.Context, t *Target) (Result, error) {
	if err := l.distinct(t); err != nil {
		return Result{}, err
	}
	d := t.Host.Gathered.(*daemon)
	if !t.Check && !l.well(ctx, t) {
		return l.Run(ctx, t)
	}
	res := t.Result()
	l.describe(&res, d, launchPlan{act: leave})
	if !t.Check {
		res.Set("pid", pidNumber(d.process.pid))
	}
	return res, nil
}

// well asks the gates that must pass, once and at the same time: its own, and the
// others' when only with this one there are enough for them to be ready.
func (l *Launch) well(ctx context.Context, t *Target) bool {
	type ask struct {
		Gate
		Conn
	}
	asks := []ask{{l.aliveGate(), t.Conn}}
	if l.Ready.given() {
		others, before, need := l.standing(t)
		if before+1 >= need {
			asks = append(asks, ask{l.Ready, t.Conn})
		}
		for _, p := range others {
			if d, ok := p.Gathered.(*daemon); ok && p.Conn != nil && before+1 == need {
				asks = append(asks, ask{d.ready, p.Conn})
			}
		}
	}
	var all sync.WaitGroup
	answers := make([]error, len(asks))
	for i, a := range asks {
		if !a.given() {
			continue
		}
		all.Go(func() {
			q, err := a.at(a.Conn, t.Files)
			if err == nil {
				err = q.ask(ctx)
			}
			answers[i] = err
		})
	}
	all.Wait()
	return errors.Join(answers...) == nil
}
