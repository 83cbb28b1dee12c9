package tasks

import (
	"context"
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

// well asks the gates that must pass, once and at the same time.
func (l *Launch) well(ctx context.Context, t *Target) bool {
	gates := []Gate{l.aliveGate()}
	if l.Ready.given() {
		switch _, before, need := l.standing(t); {
		case before >= need:
			gates = append(gates, l.Ready)
		case before+1 == need:
			return false // the others must be asked too
		}
	}
	var all sync.WaitGroup
	answers := make([]error, len(gates))
	for i, g := range gates {
		if !g.given() {
			continue
		}
		all.Go(func() {
			q, err := g.at(t.Conn, t.Files)
			if err == nil {
				err = q.ask(ctx)
			}
			answers[i] = err
		})
	}
	all.Wait()
	for _, err := range answers {
		if err != nil {
			return false
		}
	}
	return true
}
