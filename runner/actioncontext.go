package runner

import (
	"context"
	"fmt"
	"slices"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/tasks"
)

// actionContext is the run as an action sees it (action.Run).
type actionContext struct{ c *call }

func (a *actionContext) run() *Run { return a.c.p.run }

// target is the host whose variables an action sets.
func (a *actionContext) target() *host { return a.c.h }

// Host is the inventory name.
func (a *actionContext) Host() string { return a.c.h.name }

// Check reports check mode.
func (a *actionContext) Check() bool { return a.c.check }

// Eval evaluates an expression at the place of the task.
func (a *actionContext) Eval(ctx context.Context, expr string) (any, error) {
	sc := a.c.sc
	if !a.written(expr) {
		// It came out of a template, so it may be what a host answered: such
		// text must run nothing here.
		sc = newScope(sc.layers, sc.env)
		sc.env.NoLookups = true
	}
	return sc.expr(ctx, expr, place(a.c.t))
}

// written reports whether the playbook itself has the text, word for word,
// among the task's arguments.
func (a *actionContext) written(text string) bool {
	return holdsText(a.c.t.Args.Raw(), text) || holdsText(a.c.t.FreeForm.Raw(), text)
}

func holdsText(v any, text string) bool {
	switch x := v.(type) {
	case string:
		return x == text
	case []any:
		return slices.ContainsFunc(x, func(e any) bool { return holdsText(e, text) })
	case *value.Dict:
		for _, e := range x.All() {
			if holdsText(e, text) {
				return true
			}
		}
	}
	return false
}

// SetFact sets a variable of the host.
func (a *actionContext) SetFact(name string, v any) { a.target().setVar(name, v) }

// SetHostFact sets an ansible_fact.
func (a *actionContext) SetHostFact(name string, v any) { a.target().setFact(name, v) }

// IncludeVars gives the host variables.
func (a *actionContext) IncludeVars(vars *value.Dict) { a.target().include(vars) }

// ReadVars reads a file of variables and evaluates nothing in it.
func (a *actionContext) ReadVars(ctx context.Context, name string) (*value.Dict, error) {
	found, err := (files{a.c}).Find("vars", name)
	if err != nil {
		return nil, err
	}
	vars, err := a.run().cfg.Loader.ReadVars(ctx, found)
	if err != nil {
		return nil, err
	}
	d := value.NewDict()
	for _, v := range vars {
		d.Set(v.Name, v.Value.Raw())
	}
	return d, nil
}

// VarFiles finds a folder of variable files.
func (a *actionContext) VarFiles(dir string) (string, error) {
	return (files{a.c}).Find("vars", dir)
}

// AddHost adds a host to the inventory.
func (a *actionContext) AddHost(name string, groups []string, vars *value.Dict) (bool, error) {
	inv := a.run().cfg.Inventory
	known := inv.Host(name)
	added := known == nil || known.Implicit
	for _, g := range groups {
		added = added || !member(inv, g, name)
	}
	var list []inventory.Var
	for k, v := range vars.All() {
		list = append(list, inventory.Var{Name: value.Str(k), Value: v, From: place(a.c.t)})
	}
	_, err := inv.AddHost(name, groups, list...)
	return added, err
}

func member(inv *inventory.Inventory, group, host string) bool {
	g := inv.Group(group)
	return g != nil && slices.ContainsFunc(g.Hosts(), func(h *inventory.Host) bool { return h.Name == host })
}

// AddToGroup puts the host into a group.
func (a *actionContext) AddToGroup(group string, parents []string) (bool, error) {
	inv := a.run().cfg.Inventory
	group = groupName(group)
	if member(inv, group, a.c.h.name) {
		return false, nil
	}
	if _, err := inv.AddGroup(group, parents...); err != nil {
		return false, err
	}
	_, err := inv.AddHost(a.c.h.name, []string{group})
	return true, err
}

// groupName makes a group's name of any text, as group_by does.
func groupName(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r == ' ' {
			out[i] = '-'
		}
	}
	return string(out)
}

// Prompt asks the user.
func (a *actionContext) Prompt(ctx context.Context, text string, secret bool) (string, bool, error) {
	if a.run().cfg.Prompt == nil {
		return "", false, nil
	}
	return a.run().cfg.Prompt(ctx, text, secret)
}

// Warn tells the user something.
func (a *actionContext) Warn(text string) { a.run().warn(place(a.c.t), a.c.h.name, text) }

// Job looks a background job up.
func (a *actionContext) Job(id string) (bool, tasks.Result, error, bool) {
	return a.run().jobStatus(id)
}

// Reconnect drops the host's connections.
func (a *actionContext) Reconnect() { a.run().cfg.Connector.Reset(a.c.h.name) }

// Ping connects and runs an empty script.
func (a *actionContext) Ping(ctx context.Context) error {
	conn, err := a.run().cfg.Connector.Connect(ctx, a.c.settings)
	if err != nil {
		return err
	}
	out, err := conn.Exec(ctx, tasks.Command{Script: ":"})
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("the host's shell answers %d to nothing", out.Code)
	}
	return err
}

// include adds variables of include_vars to a host.
func (h *host) include(vars *value.Dict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, v := range vars.All() {
		h.included = append(h.included, rawVar(value.Str(k), v))
	}
}
