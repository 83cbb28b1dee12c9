package action

import (
	"context"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// Assert fails unless all conditions hold.
type Assert struct {
	That       []any `arg:"that,required" doc:"Conditions, as in when"`
	FailMsg    any   `arg:"fail_msg" alias:"msg" doc:"What to say when one does not hold"`
	SuccessMsg any   `arg:"success_msg" doc:"What to say when all hold"`
	Quiet      bool  `arg:"quiet" doc:"Say nothing when all hold"`
}

// Doc describes the task.
func (Assert) Doc() tasks.Doc {
	return tasks.Doc{
		Summary: "Fail unless conditions hold",
		Examples: `- assert:
    that:
      - groups.etcd | length is odd
      - etcd_version is version("3.5", ">=")
    fail_msg: an etcd cluster wants an odd number of members
`,
	}
}

// Run evaluates each condition in turn.
func (a *Assert) Run(ctx context.Context, r Run) (tasks.Result, error) {
	res := tasks.Result{Data: value.NewDict()}
	for _, cond := range a.That {
		ok := false
		if expr, isText := cond.(string); isText {
			v, err := r.Eval(ctx, expr)
			if err != nil {
				return res, err
			}
			ok = value.Truthy(v)
		} else {
			ok = value.Truthy(cond)
		}
		if !ok {
			msg := any("Assertion failed")
			if a.FailMsg != nil {
				msg = a.FailMsg
			}
			res.Set("assertion", cond)
			res.Set("evaluated_to", false)
			res.Set("msg", msg)
			return res, &tasks.Failure{Msg: value.Str(msg)}
		}
	}
	msg := any("All assertions passed")
	if a.SuccessMsg != nil {
		msg = a.SuccessMsg
	}
	res.Set("msg", msg)
	return res, nil
}
