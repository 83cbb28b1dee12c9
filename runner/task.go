package runner

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sourcegraph/conc/panics"
	"github.com/sourcegraph/conc/pool"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner/action"
	"github.com/etcdplay/etcdplay/tasks"
)

// title is the name to show: with its role, its templates filled in as the
// first host has them.
func (p *play) title(ctx context.Context, t *playbooks.Task, h *host) string {
	name := t.Label()
	if t.Name.Dynamic() {
		if v, err := p.taskScope(h, t).eval(ctx, t.Name); err == nil {
			name = value.Str(v)
		}
	}
	if t.Role != nil {
		name = t.Role.RoleName + " : " + name
	}
	return name
}

// task runs one task on hosts.
func (p *play) task(ctx context.Context, t *playbooks.Task, hosts []*host) {
	r := p.run
	if p.aborted.Load() || !p.selected(t) || !p.reached(t) {
		return
	}
	hosts = slices.DeleteFunc(slices.Clone(hosts), func(h *host) bool { return h.repeats(t) })
	if len(hosts) == 0 {
		return
	}
	if r.step && !p.stepped(ctx, t) {
		return
	}
	sc := p.taskScope(hosts[0], t)
	once, err := p.flag(ctx, sc, t, func(c *playbooks.Common) *playbooks.Value { return c.RunOnce })
	if err != nil {
		p.fail(ctx, t, hosts[0], err)
		return
	}
	if act, ok := r.cfg.Actions.New(t.Action); ok {
		if _, flow := act.(action.Flow); flow {
			p.flow(ctx, t, hosts, once)
			return
		}
		if o, ok := act.(action.Order); ok && o.Order() == tasks.Once {
			once = true
		}
	}
	r.emit(TaskStart{Name: p.title(ctx, t, hosts[0]), Action: t.Action, Handler: t.Handler, Pos: place(t), Hosts: len(hosts)})
	on := hosts
	if once {
		on = hosts[:1]
	}
	if m, ok := r.cfg.Tasks.New(t.Action); ok && coordinated(m) {
		if p.free { // one that was included at run time
			p.fail(ctx, t, hosts[0], r.refuseFree(t))
			return
		}
		p.together(ctx, t, m, on)
	} else {
		who := p.rosterOf(ctx)
		_, module := r.cfg.Tasks.New(t.Action)
		forAll := once && len(hosts) > 1 && !module // a module's outcome is that of the host it ran on
		p.each(ctx, sc, t, on, func(h *host) { p.onHost(ctx, t, h, who, forAll) })
	}
	if once {
		p.shareOnce(t, on[0], hosts)
	}
	p.judge(ctx, sc, t, hosts)
}

// each runs f for every host, --forks (or `throttle`) at a time.
func (p *play) each(ctx context.Context, sc *scope, t *playbooks.Task, hosts []*host, f func(*host)) {
	width := p.run.cfg.Forks
	if v := playbooks.Nearest(t.Chain(), func(c *playbooks.Common) *playbooks.Value { return c.Throttle }); v != nil {
		if x, err := sc.eval(ctx, v); err == nil {
			if n, err := strconv.Atoi(value.Str(x)); err == nil && n > 0 {
				width = min(width, n)
			}
		}
	}
	guarded := func(h *host) {
		var catcher panics.Catcher
		catcher.Try(func() { f(h) })
		if rec := catcher.Recovered(); rec != nil {
			p.fail(ctx, t, h, tasks.Failf("this is a bug: %s", rec.String()))
		}
	}
	if len(hosts) == 1 {
		guarded(hosts[0])
		return
	}
	work := pool.New().WithMaxGoroutines(width)
	for _, h := range hosts {
		work.Go(func() {
			if ctx.Err() == nil { // what is queued still starts after a cancel
				guarded(h)
			}
		})
	}
	work.Wait()
}

// shareOnce gives the outcome of a run_once task to the other hosts.
func (p *play) shareOnce(t *playbooks.Task, first *host, hosts []*host) {
	if t.Register != "" {
		if v, ok := first.getVar(t.Register); ok {
			for _, h := range hosts[1:] {
				h.setVar(t.Register, v)
			}
		}
	}
	if t.Action == "set_fact" {
		set, _, _ := first.vars()
		for _, h := range hosts[1:] {
			for k, v := range set {
				if _, known := h.getVar(k); !known || p.setBy(t, k) {
					h.setVar(k, v)
				}
			}
		}
	}
	if f := first.failing(); f != nil || first.gone.Load() {
		for _, h := range hosts[1:] {
			h.fail(&failure{task: t, quiet: true})
		}
		p.aborted.Store(true)
		p.run.emit(NoMoreHosts{})
	}
}

// setBy reports whether a set_fact task sets the name.
func (p *play) setBy(t *playbooks.Task, name string) bool {
	_, _, ok := t.Args.Entry(name)
	return ok
}

// judge applies any_errors_fatal and max_fail_percentage after a task.
// Unreachable hosts count as failed.
func (p *play) judge(ctx context.Context, sc *scope, t *playbooks.Task, hosts []*host) {
	bad := 0
	for _, h := range hosts {
		if h.failing() != nil || h.gone.Load() {
			bad++
		}
	}
	if bad == 0 || p.aborted.Load() {
		return
	}
	fatal, err := p.flag(ctx, sc, t, func(c *playbooks.Common) *playbooks.Value { return c.AnyErrorsFatal })
	if err != nil {
		p.run.warn(place(t), "", "any_errors_fatal: "+err.Error())
	}
	if !fatal && p.spec.MaxFailPercent != nil {
		v, err := p.keyword(ctx, p.spec.MaxFailPercent)
		limit, perr := strconv.ParseFloat(strings.TrimSuffix(value.Str(v), "%"), 64)
		if err == nil && perr == nil {
			all := 0
			for _, h := range p.batch {
				if h.failing() != nil || h.gone.Load() {
					all++
				}
			}
			fatal = float64(all)/float64(len(p.batch))*100 > limit
		}
	}
	if !fatal {
		return
	}
	for _, h := range hosts {
		if h.active() {
			h.fail(&failure{task: t, quiet: true})
		}
	}
	if !rescuable(t) {
		p.aborted.Store(true)
		p.run.emit(NoMoreHosts{})
	}
}

// rescuable reports whether a block above the task has a rescue section.
func rescuable(t *playbooks.Task) bool {
	for b := t.Parent; b != nil; b = b.Parent {
		if len(b.Rescue) > 0 {
			return true
		}
	}
	return false
}

// flag evaluates a yes-or-no keyword that a task inherits; false when nobody gives it.
func (p *play) flag(ctx context.Context, sc *scope, t *playbooks.Task, pick func(*playbooks.Common) *playbooks.Value) (bool, error) {
	return p.flagOr(ctx, sc, t, pick, false)
}

func (p *play) flagOr(ctx context.Context, sc *scope, t *playbooks.Task, pick func(*playbooks.Common) *playbooks.Value, def bool) (bool, error) {
	v := playbooks.Nearest(t.Chain(), pick)
	if v == nil {
		return def, nil
	}
	x, err := sc.eval(ctx, v)
	if err != nil {
		return def, err
	}
	if x == nil {
		return def, nil
	}
	return truth(x)
}

// seconds evaluates a keyword that is a time; def when nobody gives it.
func (p *play) seconds(ctx context.Context, sc *scope, v *playbooks.Value, def time.Duration) (time.Duration, error) {
	if v == nil {
		return def, nil
	}
	x, err := sc.eval(ctx, v)
	if err != nil || x == nil {
		return def, err
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(value.Str(x)), 64)
	if err != nil || f < 0 {
		return def, tasks.Failf("%s: %s is no number of seconds", v.Pos, value.Repr(x))
	}
	return time.Duration(f * float64(time.Second)), nil
}

// selected reports whether --tags and --skip-tags let the task run.
func (p *play) selected(t *playbooks.Task) bool {
	return playbooks.Selected(t, p.run.cfg.Only, p.run.cfg.Skip)
}

// reached reports whether --start-at-task has been come to.
func (p *play) reached(t *playbooks.Task) bool {
	r := p.run
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.startAt == "" {
		return true
	}
	if t.Label() != r.startAt {
		return false
	}
	r.startAt = ""
	return true
}

// stepped asks whether to run the task (--step).
func (p *play) stepped(ctx context.Context, t *playbooks.Task) bool {
	answer, err := p.run.cfg.Step(ctx, t.Label())
	if err != nil {
		p.run.setInterrupted()
		return false
	}
	if answer == StepContinue {
		p.run.step = false
	}
	return answer != StepSkip
}
