package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/tasks"
)

// A call is one task on one host for one item of its loop.
type call struct {
	p      *play
	t      *playbooks.Task
	h      *host
	sc     *scope
	item   *item // nil without a loop
	roster func() roster

	delegate *host // where it runs, if that is another host
	settings Settings
	check    bool
	diff     bool
	noLog    bool
	timeout  time.Duration
	run      runnable
	begun    time.Time
	forAll   bool // it speaks for all hosts
}

// An outcome is what a call came to.
type outcome struct {
	status  Status
	res     tasks.Result
	dict    *value.Dict
	err     error
	ignored bool
}

// onHost runs a task on one host: every item of its loop, one after another. forAll
// says that it is done there for all hosts.
func (p *play) onHost(ctx context.Context, t *playbooks.Task, h *host, who func() roster, forAll bool) {
	sc := p.taskScope(h, t)
	items, err := p.items(ctx, sc, t)
	if err != nil {
		p.failLoop(ctx, t, h, sc, err)
		return
	}
	if t.Loop == nil || items == nil {
		c := &call{p: p, t: t, h: h, sc: sc, roster: who, forAll: forAll}
		c.conclude(ctx, c.attempt(ctx))
		return
	}
	var results []outcome
	for i, it := range items {
		if i > 0 && it.pause > 0 {
			if sleep(ctx, it.pause) != nil {
				break
			}
		}
		c := &call{p: p, t: t, h: h, sc: sc.with(it.vars), item: &items[i], roster: who, forAll: forAll}
		o := c.attempt(ctx)
		c.tellItem(ctx, &o)
		results = append(results, o)
		if o.status == UnreachableHost || ctx.Err() != nil {
			break
		}
	}
	c := &call{p: p, t: t, h: h, sc: sc}
	c.concludeLoop(ctx, results)
}

// attempt runs a call until its `until` holds, or once.
func (c *call) attempt(ctx context.Context) outcome {
	c.begun = time.Now()
	noLog, err := c.p.flag(ctx, c.sc, c.t, func(k *playbooks.Common) *playbooks.Value { return k.NoLog })
	c.noLog = noLog || err != nil // in doubt hide
	if o, done := c.prepare(ctx); done {
		return o
	}
	if c.t.Async != nil {
		if o, started := c.async(ctx); started {
			return o
		}
	}
	tries, delay, err := c.retries(ctx)
	if err != nil {
		return c.failed(err)
	}
	for try := 1; ; try++ {
		o := c.judged(ctx, c.exec(ctx))
		if len(c.t.Until) == 0 && c.t.Retries == nil || o.status == UnreachableHost {
			return o
		}
		holds, err := c.untilHolds(ctx, &o)
		if err != nil {
			return c.failed(err)
		}
		o.dict.Set("attempts", try)
		if holds || c.p.run.stopping(ctx) {
			return o
		}
		if try >= tries {
			// Ansible counts the tries after the first.
			o.dict.Set("attempts", max(1, tries-1))
			if o.status != Failed {
				o.err = tasks.Failf("the condition of until did not hold after %d tries", tries)
				o.status = Failed
			}
			o.dict.Set("failed", true)
			return o
		}
		c.p.run.emit(Retry{Host: c.h.name, Task: c.p.title(ctx, c.t, c.h), Left: tries - try, Result: o.dict})
		if err := sleep(ctx, delay); err != nil {
			return o
		}
		if o, done := c.prepare(ctx); done { // arguments may have changed
			return o
		}
	}
}

func (c *call) retries(ctx context.Context) (tries int, delay time.Duration, err error) {
	if len(c.t.Until) == 0 && c.t.Retries == nil {
		return 1, 0, nil
	}
	n := 3
	if c.t.Retries != nil {
		v, err := c.sc.eval(ctx, c.t.Retries)
		if err != nil {
			return 0, 0, err
		}
		if _, err := fmt.Sscan(value.Str(v), &n); err != nil || n < 0 {
			return 0, 0, tasks.Failf("%s: retries: %s is no number", c.t.Retries.Pos, value.Repr(v))
		}
	}
	delay, err = c.p.seconds(ctx, c.sc, c.t.Delay, 5*time.Second)
	return n + 1, delay, err
}

func (c *call) untilHolds(ctx context.Context, o *outcome) (bool, error) {
	if len(c.t.Until) == 0 {
		return o.status != Failed, nil
	}
	return c.holds(ctx, c.t.Until, o.dict)
}

// holds evaluates conditions with the result under its registered name.
func (c *call) holds(ctx context.Context, conds []*playbooks.Cond, result *value.Dict) (bool, error) {
	sc := c.sc
	if result != nil && c.t.Register != "" {
		sc = sc.with(finals{c.t.Register: result})
	}
	return holdAll(ctx, sc, conds)
}

func holdAll(ctx context.Context, sc *scope, conds []*playbooks.Cond) (bool, error) {
	for _, cond := range conds {
		if ok, err := cond.Eval(ctx, &sc.env); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// conditions are the `when`s of a task, the outermost first.
func conditions(t *playbooks.Task) []*playbooks.Cond {
	chain := t.Chain()
	var conds []*playbooks.Cond
	for i := len(chain) - 1; i >= 0; i-- {
		conds = append(conds, chain[i].When...)
	}
	return conds
}

// prepare asks `when`, and fills in the arguments. done: there is nothing to
// run, the outcome says why.
func (c *call) prepare(ctx context.Context) (o outcome, done bool) {
	ok, err := holdAll(ctx, c.sc, conditions(c.t))
	if err != nil {
		return c.failed(fmt.Errorf("the condition could not be evaluated: %w", err)), true
	}
	if !ok {
		d := value.NewDict("changed", false, "skipped", true, "skip_reason", "Conditional result was False")
		return outcome{status: Skipped, dict: d}, true
	}
	if err := c.fill(ctx); err != nil {
		return c.failed(err), true
	}
	return outcome{}, false
}

// fill evaluates the keywords and arguments of the call.
func (c *call) fill(ctx context.Context) error {
	p, t := c.p, c.t
	chain := t.Chain()
	var err error
	if c.check, err = p.flagOr(ctx, c.sc, t, func(k *playbooks.Common) *playbooks.Value { return k.CheckMode }, p.run.cfg.Check); err != nil {
		return err
	}
	if c.diff, err = p.flagOr(ctx, c.sc, t, func(k *playbooks.Common) *playbooks.Value { return k.Diff }, p.run.cfg.Diff); err != nil {
		return err
	}
	timeout := playbooks.Nearest(chain, func(k *playbooks.Common) *playbooks.Value { return k.Timeout })
	if c.timeout, err = p.seconds(ctx, c.sc, timeout, p.run.cfg.Timeout); err != nil {
		return err
	}
	if err := c.findDelegate(ctx, chain); err != nil {
		return err
	}
	args, err := c.args(ctx)
	if err != nil {
		return err
	}
	return c.decode(args)
}

// failed makes the outcome of a call that could not even run.
func (c *call) failed(err error) outcome {
	return c.outcome(tasks.Result{}, err)
}

// exec runs the call once, within its time.
func (c *call) exec(ctx context.Context) outcome {
	ctx, cancel := c.within(ctx)
	defer cancel()
	res, err := c.run.run(ctx, c)
	return c.outcome(res, c.timedOut(ctx, err))
}

// judged applies changed_when and failed_when to an outcome.
func (c *call) judged(ctx context.Context, o outcome) outcome {
	if o.status == UnreachableHost || o.status == Skipped && c.check {
		return o
	}
	if len(c.t.ChangedWhen) > 0 {
		changed, err := c.holds(ctx, c.t.ChangedWhen, o.dict)
		if err != nil {
			return c.failed(fmt.Errorf("changed_when: %w", err))
		}
		o.dict.Set("changed", changed)
		if o.status == OK || o.status == Changed {
			o.status = OK
			if changed {
				o.status = Changed
			}
		}
	}
	if len(c.t.FailedWhen) > 0 {
		failed, err := c.holds(ctx, c.t.FailedWhen, o.dict)
		if err != nil {
			return c.failed(fmt.Errorf("failed_when: %w", err))
		}
		o.dict.Set("failed", failed)
		o.dict.Set("failed_when_result", failed)
		if failed {
			o.status = Failed
			if o.err == nil {
				o.err = tasks.Failf("failed_when says so")
			}
		} else {
			o.err, o.status = nil, OK
			if changed, _ := o.dict.Get("changed"); value.Truthy(changed) {
				o.status = Changed
			}
		}
	}
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isUndefined reports whether an error is about something not defined.
func isUndefined(err error) bool {
	var u *jinja.UndefinedError
	return errors.As(err, &u)
}
