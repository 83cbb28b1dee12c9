package runner

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/tasks"
)

// outcome turns what a task gave into what register sees.
func (c *call) outcome(res tasks.Result, err error) outcome {
	o := outcome{res: res, err: err}
	d := value.NewDict("changed", res.Changed)
	for k, v := range res.Data.All() {
		d.Set(k, v)
	}
	if res.Msg != "" {
		setDefault(d, "msg", res.Msg)
	}
	if len(res.Warnings) > 0 {
		d.Set("warnings", anys(res.Warnings))
	}
	var gone *tasks.Unreachable
	switch {
	case errors.As(err, &gone):
		o.status = UnreachableHost
		d.Set("unreachable", true)
		d.Set("msg", err.Error())
	case err != nil:
		o.status = Failed
		d.Set("failed", true)
		d.Set("msg", message(err)) // why it failed, not how far it came
		var f *tasks.Failure
		if errors.As(err, &f) && f.Code != 0 {
			setDefault(d, "rc", f.Code)
		}
	case res.Skipped:
		o.status = Skipped
		if !res.Changed && !c.check {
			o.status = OK // by its own reckoning there was nothing to do
		} else {
			d.Set("skipped", true)
		}
	case res.Changed:
		o.status = Changed
	}
	for _, stream := range []string{"stdout", "stderr"} {
		if text, ok := d.Get(stream); ok {
			d.Delete(stream + "_lines") // they stand at the end, as in Ansible
			d.Set(stream+"_lines", lines(value.Str(text)))
		}
	}
	if o.status != UnreachableHost {
		setDefault(d, "failed", o.status == Failed)
	}
	o.dict = d
	return o
}

func setDefault(d *value.Dict, key string, v any) {
	if _, ok := d.Get(key); !ok {
		d.Set(key, v)
	}
}

func lines(s string) []any {
	out := []any{}
	s = strings.TrimRight(s, "\n")
	if s == "" {
		return out
	}
	for _, l := range strings.Split(s, "\n") {
		out = append(out, strings.TrimRight(l, "\r"))
	}
	return out
}

// message is an error for one line of output.
func message(err error) string {
	var f *tasks.Failure
	if errors.As(err, &f) {
		var at *source.Error
		if !errors.As(err, &at) {
			return f.Msg
		}
	}
	return err.Error()
}

// conclude tells the outcome of a task without a loop, registers and notifies.
func (c *call) conclude(ctx context.Context, o outcome) {
	c.ignore(ctx, &o)
	c.register(o.dict)
	c.apply(ctx, o)
	c.tell(ctx, o, HostResult{})
	c.settle(ctx, o)
}

// ignore decides whether a failure counts.
func (c *call) ignore(ctx context.Context, o *outcome) {
	pick := func(k *playbooks.Common) *playbooks.Value { return k.IgnoreErrors }
	switch o.status {
	case Failed:
	case UnreachableHost:
		pick = func(k *playbooks.Common) *playbooks.Value { return k.IgnoreUnreachable }
	default:
		return
	}
	on, err := c.p.flag(ctx, c.sc, c.t, pick)
	if err != nil {
		c.p.run.warn(place(c.t), c.h.name, err.Error())
	}
	o.ignored = on
}

// settle counts the outcome and takes the host out of the play if it failed.
func (c *call) settle(ctx context.Context, o outcome) {
	h := c.h
	if o.status != Skipped {
		h.ran(c.t)
	}
	switch {
	case o.status == UnreachableHost && o.ignored:
		h.count(func(s *HostStats) { s.OK++; s.Ignored++ })
	case o.status == UnreachableHost:
		h.count(func(s *HostStats) { s.Unreachable++ })
		h.gone.Store(true)
	case o.status == Failed && o.ignored:
		h.count(func(s *HostStats) {
			s.OK++
			s.Ignored++
			if changed, _ := o.dict.Get("changed"); value.Truthy(changed) {
				s.Changed++
			}
		})
	case o.status == Failed:
		c.p.run.stopping(ctx) // the user may have ended it, and not a fault of its own
		h.count(func(s *HostStats) { s.Failed++ })
		h.fail(&failure{task: c.t, result: o.dict})
	case o.status == Skipped:
		h.count(func(s *HostStats) { s.Skipped++ })
	case o.status == Changed:
		h.count(func(s *HostStats) { s.OK++; s.Changed++ })
	default:
		h.count(func(s *HostStats) { s.OK++ })
	}
}

// register stores the result under the task's name for it.
func (c *call) register(d *value.Dict) {
	if c.t.Register != "" {
		c.h.setVar(c.t.Register, d)
	}
}

// apply makes facts and handlers of an outcome, ahead of what follows.
func (c *call) apply(ctx context.Context, o outcome) {
	on := c.h
	if c.delegate != nil {
		if to, err := c.p.flag(ctx, c.sc, c.t, func(k *playbooks.Common) *playbooks.Value { return k.DelegateFacts }); err == nil && to {
			on = c.delegate
		}
	}
	if o.res.Facts != nil {
		on.addFacts(o.res.Facts)
	}
	if o.status == Changed {
		c.p.notify(ctx, c.t, c.h, c.sc)
	}
}

// tell emits a result; base has what the caller knows better.
func (c *call) tell(ctx context.Context, o outcome, base HostResult) {
	e := base
	e.Host, e.Task, e.Action, e.Pos = c.h.name, c.p.title(ctx, c.t, c.h), c.t.Action, place(c.t)
	e.Handler, e.ForAll = c.t.Handler, c.forAll
	e.Status, e.Ignored, e.NoLog = o.status, o.ignored, c.noLog
	e.Elapsed = time.Since(c.begun)
	if c.delegate != nil {
		e.Delegate = c.delegate.name
	}
	e.Verbose = c.t.Action == "debug"
	if c.noLog {
		changed, _ := o.dict.Get("changed")
		e.Result = value.NewDict("censored", "the output has been hidden due to the fact that 'no_log: true' was specified for this result", "changed", changed)
		if e.Item {
			e.Label = "None"
		}
		c.p.run.emit(e)
		return
	}
	e.Result, e.Diffs, e.Text, e.Changes = o.dict, o.res.Diffs, o.res.Text, o.res.Changes
	var f *tasks.Failure
	if errors.As(o.err, &f) {
		e.Stderr, e.Hint = f.Stderr, f.Hint
	}
	var u *tasks.Unreachable
	if errors.As(o.err, &u) {
		e.Hint = u.Hint
	}
	var at *source.Error
	if errors.As(o.err, &at) {
		if !at.Pos.IsZero() {
			e.Pos = at.Pos
		}
		if e.Hint == "" {
			e.Hint = at.Hint
		}
	}
	e.Rescued = o.status == Failed && rescuable(c.t)
	c.p.run.emit(e)
}

// tellItem tells the outcome of one item of a loop.
func (c *call) tellItem(ctx context.Context, o *outcome) {
	c.ignore(ctx, o)
	o.dict.Set(c.item.name, c.item.value)
	o.dict.Set("ansible_loop_var", c.item.name)
	if c.item.index != "" {
		v, _ := c.item.vars[c.item.index]
		o.dict.Set("ansible_index_var", c.item.index)
		o.dict.Set(c.item.index, v)
	}
	c.apply(ctx, *o)
	c.tell(ctx, *o, HostResult{Item: true, Label: c.label(ctx)})
}

// label is how an item is shown.
func (c *call) label(ctx context.Context) string {
	if v := c.t.Loop.Label; v != nil {
		if x, err := c.sc.eval(ctx, v); err == nil {
			return value.Str(x)
		}
	}
	return value.Str(c.item.value)
}

// concludeLoop sums the items of a loop up.
func (c *call) concludeLoop(ctx context.Context, items []outcome) {
	sum := outcome{status: Skipped, dict: value.NewDict()}
	results := []any{}
	changed, failed, skipped, gone, ignored := false, false, len(items) > 0, false, true
	for _, o := range items {
		results = append(results, o.dict)
		if v, _ := o.dict.Get("changed"); value.Truthy(v) {
			changed = true
		}
		switch o.status {
		case Failed:
			failed, ignored = true, ignored && o.ignored
		case UnreachableHost:
			gone, ignored = true, ignored && o.ignored
			sum.err = o.err
		}
		if o.status != Skipped {
			skipped = false
		}
	}
	c.noLog, _ = c.p.flag(ctx, c.sc, c.t, func(k *playbooks.Common) *playbooks.Value { return k.NoLog })
	d := sum.dict
	d.Set("results", results)
	switch {
	case len(items) == 0:
		d.Set("changed", false)
		d.Set("skipped", true)
		d.Set("skipped_reason", "No items in the list")
	case skipped:
		d.Set("changed", false)
		d.Set("msg", "All items skipped")
		d.Set("skipped", true)
	case failed:
		sum.status = Failed
		d.Set("msg", "One or more items failed")
	default:
		sum.status = OK
		if changed {
			sum.status = Changed
		}
		d.Set("msg", "All items completed")
		d.Set("skipped", false)
	}
	if len(items) > 0 && !skipped {
		d.Set("changed", changed)
		d.Set("failed", failed)
		d.Set("skipped", false)
	}
	if gone {
		sum.status = UnreachableHost
		d.Set("unreachable", true)
	}
	sum.ignored = ignored && (failed || gone)
	c.begun = time.Now()
	c.register(d)
	c.tell(ctx, sum, HostResult{Loop: true})
	c.settle(ctx, sum)
}

// failLoop is a task whose loop could not be worked out: it is skipped if its
// condition is false, else it fails.
func (p *play) failLoop(ctx context.Context, t *playbooks.Task, h *host, sc *scope, err error) {
	c := &call{p: p, t: t, h: h, sc: sc, begun: time.Now()}
	if conds := conditions(t); len(conds) > 0 && isUndefined(err) {
		if ok, cerr := holdAll(ctx, sc, conds); cerr == nil && !ok {
			c.conclude(ctx, outcome{status: Skipped, dict: value.NewDict("changed", false, "skipped", true, "skip_reason", "Conditional result was False")})
			return
		}
	}
	c.conclude(ctx, c.failed(err))
}

// fail is a failure outside any call.
func (p *play) fail(ctx context.Context, t *playbooks.Task, h *host, err error) {
	c := &call{p: p, t: t, h: h, sc: newScope(nil, jinja.Env{}), begun: time.Now()}
	c.conclude(ctx, c.failed(err))
}
