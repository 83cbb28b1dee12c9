package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner/action"
	"github.com/etcdplay/etcdplay/tasks"
)

// runnable is a decoded task: a module or an action.
type runnable interface {
	run(ctx context.Context, c *call) (tasks.Result, error)
}

// args evaluates the arguments: module_defaults first, then the task's own.
func (c *call) args(ctx context.Context) (*value.Dict, error) {
	args := value.NewDict()
	chain := c.t.Chain()
	for i := len(chain) - 1; i >= 0; i-- {
		for _, v := range chain[i].ModuleDefaults {
			x, err := c.sc.eval(ctx, v)
			if err != nil {
				return nil, err
			}
			all, ok := x.(*value.Dict)
			if !ok {
				return nil, source.Errorf(v.Pos, "module_defaults must be a dict")
			}
			for name, defaults := range all.All() {
				if d, ok := defaults.(*value.Dict); ok && playbooks.ShortName(value.Str(name)) == c.t.Action {
					for k, v := range d.All() {
						args.Set(k, v)
					}
				}
			}
		}
	}
	for _, written := range []*playbooks.Value{c.t.ArgsFrom, c.t.Args} {
		own, err := c.sc.eval(ctx, written)
		if err != nil {
			return nil, err
		}
		switch own := own.(type) {
		case nil:
		case *value.Dict:
			for k, v := range own.All() {
				args.Set(k, v)
			}
		default:
			return nil, source.Errorf(written.Pos, "the arguments must be a dict, not %s", value.Repr(own))
		}
	}
	if c.t.FreeForm != nil {
		text, err := c.sc.eval(ctx, c.t.FreeForm)
		if err != nil {
			return nil, err
		}
		name := c.freeForm()
		if name == "" {
			return nil, source.Errorf(c.t.FreeForm.Pos, "%s takes its arguments as a dict", c.t.Action)
		}
		args.Set(name, text)
	}
	clean, _ := withoutOmitted(args).(*value.Dict)
	return clean, nil
}

func (c *call) freeForm() string {
	if m, ok := c.p.run.cfg.Tasks.New(c.t.Action); ok {
		return tasks.FreeForm(m)
	}
	if a, ok := c.p.run.cfg.Actions.New(c.t.Action); ok {
		return tasks.FreeForm(a)
	}
	return ""
}

// withoutOmitted drops the entries whose value is `omit`.
func withoutOmitted(v any) any {
	switch x := v.(type) {
	case *value.Dict:
		out := value.NewDict()
		for k, e := range x.All() {
			if _, gone := e.(omitted); !gone {
				out.Set(k, withoutOmitted(e))
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(x))
		for _, e := range x {
			if _, gone := e.(omitted); !gone {
				out = append(out, withoutOmitted(e))
			}
		}
		return out
	}
	return v
}

// decode makes the module or action of the call from its arguments.
func (c *call) decode(args *value.Dict) error {
	if m, ok := c.p.run.cfg.Tasks.New(c.t.Action); ok {
		if err := c.decodeInto(m, args); err != nil {
			return err
		}
		c.run = moduleRun{m}
		return nil
	}
	if a, ok := c.p.run.cfg.Actions.New(c.t.Action); ok {
		if err := c.decodeInto(a, args); err != nil {
			return err
		}
		c.run = actionRun{a}
		return nil
	}
	return source.Errorf(place(c.t), "there is no task %q", c.t.Action)
}

func (c *call) decodeInto(m any, args *value.Dict) error {
	if err := tasks.Decode(m, args); err != nil {
		return c.placed(err)
	}
	for _, a := range tasks.Args(m) {
		if a.Secret {
			if v, ok := args.Get(a.Name); ok {
				c.p.run.secrets.add(value.Str(v))
			}
		}
	}
	if v, ok := m.(tasks.Validator); ok {
		return c.placed(v.Validate())
	}
	return nil
}

// placed gives an error of the arguments the place of the argument.
func (c *call) placed(err error) error {
	if err == nil {
		return nil
	}
	at := place(c.t)
	var arg *tasks.ArgError
	hint := ""
	if errors.As(err, &arg) {
		hint = arg.Hint
		if _, pos, ok := c.t.Args.Entry(arg.Arg); ok {
			at = pos
		}
	}
	e := source.Errorf(at, "%s: %w", c.t.Action, err)
	e.Hint = hint
	return e
}

// findDelegate works out where the call runs and how that host is reached.
func (c *call) findDelegate(ctx context.Context, chain []*playbooks.Common) error {
	r := c.p.run
	c.delegate = nil
	on, sc := c.h, c.sc
	if v := playbooks.Nearest(chain, func(k *playbooks.Common) *playbooks.Value { return k.Delegate }); v != nil {
		x, err := c.sc.eval(ctx, v)
		if err != nil {
			return err
		}
		name := value.Str(x)
		if name == "" {
			return source.Errorf(v.Pos, "delegate_to is empty")
		}
		if r.cfg.Inventory.Host(name) == nil {
			return source.Errorf(v.Pos, "delegate_to: there is no host %q in the inventory", name).
				WithHint("%s", source.DidYouMean(name, r.inventoryNames()))
		}
		on = r.host(name)
		if on != c.h {
			c.delegate = on
			// Its own connection variables, and the task's for everything else.
			sc = r.hostScope(on)
		}
	}
	s, err := r.settings(ctx, on, chain, sc)
	c.settings = s
	return err
}

func (r *Run) inventoryNames() []string {
	var names []string
	for _, h := range r.cfg.Inventory.Hosts() {
		names = append(names, h.Name)
	}
	return names
}

// environment is what `environment:` gives, the outermost first.
func (c *call) environment(ctx context.Context) ([]tasks.EnvVar, error) {
	chain := c.t.Chain()
	all := value.NewDict()
	for i := len(chain) - 1; i >= 0; i-- {
		for _, v := range chain[i].Environment {
			x, err := c.sc.eval(ctx, v)
			if err != nil {
				return nil, err
			}
			d, ok := x.(*value.Dict)
			if !ok {
				if x == nil || x == "" {
					continue
				}
				return nil, source.Errorf(v.Pos, "environment must be a dict, not %s", value.Repr(x))
			}
			for k, v := range d.All() {
				all.Set(k, v)
			}
		}
	}
	var env []tasks.EnvVar
	for k, v := range all.All() {
		e := tasks.EnvVar{Name: value.Str(k), Value: value.Str(v)}
		if err := e.Validate(); err != nil {
			return nil, fmt.Errorf("environment: %w", err)
		}
		env = append(env, e)
	}
	return env, nil
}

// moduleRun runs a module on the call's host.
type moduleRun struct{ m tasks.Module }

func (r moduleRun) run(ctx context.Context, c *call) (tasks.Result, error) {
	t, err := c.target(ctx)
	if err != nil {
		return tasks.Result{}, err
	}
	return r.m.Run(ctx, t)
}

// A roster is who takes part in a task; all its calls share it.
type roster struct{ everyone, reachable []tasks.Peer }

// rosterOf works the roster out when it is first asked for.
func (p *play) rosterOf(ctx context.Context) func() roster {
	return sync.OnceValue(func() roster {
		var r roster
		for _, h := range p.peers {
			peer := tasks.Peer{Name: h.name, Address: p.run.address(ctx, h)}
			r.everyone = append(r.everyone, peer)
			if h.inPlay && !h.gone.Load() && h.failing() == nil {
				r.reachable = append(r.reachable, peer)
			}
		}
		return r
	})
}

// target connects and describes the call's host to a module.
func (c *call) target(ctx context.Context) (*tasks.Target, error) {
	env, err := c.environment(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := c.p.run.cfg.Connector.Connect(ctx, c.settings)
	if err != nil {
		return nil, err
	}
	on := c.h
	if c.delegate != nil {
		on = c.delegate
	}
	t := &tasks.Target{
		Host: tasks.Peer{Name: on.name, Address: c.p.run.address(ctx, on), Conn: conn},
		Conn: conn, Check: c.check, Diff: c.diff, Env: env,
		Files:   files{c},
		Session: &c.p.run.session, OnChange: c.onChange(), Interrupted: c.p.run.cfg.Interrupted,
		Status: func(text string) { c.p.run.emit(Progress{Host: c.h.name, Task: c.t.Label(), Text: text}) },
	}
	r := c.roster()
	t.Everyone, t.Peers = r.everyone, r.reachable
	return t, nil
}

// onChange tells changes with the name of the task.
func (c *call) onChange() func(what string) {
	tell := c.p.run.cfg.OnChange
	if tell == nil {
		return nil
	}
	return func(what string) { tell(c.t.Label() + ": " + what) }
}

// actionRun runs an action.
type actionRun struct{ a action.Action }

func (r actionRun) run(ctx context.Context, c *call) (tasks.Result, error) {
	return r.a.Run(ctx, &actionContext{c})
}
