package action

import (
	"context"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// Debug prints a message or a variable.
type Debug struct {
	Msg       any    `arg:"msg" doc:"What to print; any type"`
	Var       string `arg:"var" doc:"An expression to print, without braces; instead of msg"`
	Verbosity int    `arg:"verbosity" doc:"Print only from this many -v on"`
}

// Doc describes the task.
func (Debug) Doc() tasks.Doc {
	return tasks.Doc{
		Summary: "Print a message or the value of an expression",
		Examples: `- debug:
    msg: "{{ inventory_hostname }} is at {{ ansible_host }}"
- debug:
    var: result.stdout_lines
`,
	}
}

// Validate refuses msg and var together.
func (d *Debug) Validate() error {
	if d.Msg != nil && d.Var != "" {
		return tasks.Failf("msg and var exclude each other")
	}
	return nil
}

// Run prints.
func (d *Debug) Run(ctx context.Context, r Run) (tasks.Result, error) {
	res := tasks.Result{Data: value.NewDict()}
	switch {
	case d.Var != "":
		v, err := r.Eval(ctx, d.Var)
		if err != nil {
			return res, err
		}
		res.Set(d.Var, v)
	case d.Msg != nil:
		res.Set("msg", d.Msg)
	default:
		res.Set("msg", "Hello world!")
	}
	return res, nil
}
