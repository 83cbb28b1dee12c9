// Package action holds the tasks that change the run and not a host:
// set_fact, debug, assert, include_tasks and their like. They have the shape
// of a tasks.Module, with the run where the host's connection would be.
package action

import (
	"context"
	"sort"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// An Action is one such task with its arguments filled in.
type Action interface {
	Run(ctx context.Context, r Run) (tasks.Result, error)
	Doc() tasks.Doc
}

// Run is what an action sees of the run: bound to one task on one host.
type Run interface {
	// Host is the inventory name of the host.
	Host() string
	// Check reports whether nothing may be changed.
	Check() bool
	// Eval evaluates an expression, without the braces.
	Eval(ctx context.Context, expr string) (any, error)
	// SetFact sets a variable of the host that lasts for the run.
	SetFact(name string, v any)
	// SetHostFact sets one of ansible_facts.
	SetHostFact(name string, v any)
	// IncludeVars gives the host the variables of include_vars.
	IncludeVars(vars *value.Dict)
	// ReadVars reads a file of variables, found as Files.Find does for "vars".
	ReadVars(ctx context.Context, name string) (*value.Dict, error)
	// VarFiles lists a folder of variable files for include_vars.
	VarFiles(dir string) (string, error)
	// AddHost makes a host known, in the given groups, with variables; it
	// reports whether anything is new.
	AddHost(name string, groups []string, vars *value.Dict) (bool, error)
	// AddToGroup puts the host into a group; it reports whether that is new.
	AddToGroup(group string, parents []string) (bool, error)
	// Prompt shows a text and waits for Enter, or for a line of input; false
	// when there is nobody to ask.
	Prompt(ctx context.Context, text string, secret bool) (string, bool, error)
	// Warn tells the user something.
	Warn(text string)
	// Job looks an async job up.
	Job(id string) (finished bool, res tasks.Result, err error, known bool)
	// Reconnect drops the host's connections, so that the next task dials anew.
	Reconnect()
	// Ping opens a connection anew and runs nothing on it.
	Ping(ctx context.Context) error
}

// Flow is an action that the runner itself carries out, because it steers the
// order of things: includes and meta. Its Run is never called.
type Flow interface{ Flow() }

// Order says how an action goes over the hosts; those that touch the whole
// run (add_host, pause) run once.
type Order interface{ Order() tasks.Order }

// A Registry knows the actions by their names.
type Registry struct{ make map[string]func() Action }

// Builtin lists the actions.
func Builtin() *Registry {
	return &Registry{map[string]func() Action{
		"add_host":            func() Action { return &AddHost{} },
		"assert":              func() Action { return &Assert{} },
		"async_status":        func() Action { return &AsyncStatus{} },
		"debug":               func() Action { return &Debug{} },
		"fail":                func() Action { return &Fail{} },
		"group_by":            func() Action { return &GroupBy{} },
		"import_role":         func() Action { return &ImportRole{} },
		"import_tasks":        func() Action { return &ImportTasks{} },
		"include_role":        func() Action { return &IncludeRole{} },
		"include_tasks":       func() Action { return &IncludeTasks{} },
		"include_vars":        func() Action { return &IncludeVars{} },
		"meta":                func() Action { return &Meta{} },
		"pause":               func() Action { return &Pause{} },
		"set_fact":            func() Action { return &SetFact{} },
		"wait_for_connection": func() Action { return &WaitForConnection{} },
	}}
}

// New makes an action by its name.
func (r *Registry) New(name string) (Action, bool) {
	f, ok := r.make[name]
	if !ok {
		return nil, false
	}
	return f(), true
}

// Names lists the actions, sorted.
func (r *Registry) Names() []string {
	var names []string
	for n := range r.make {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
