package action

import (
	"context"

	"github.com/etcdplay/etcdplay/tasks"
)

// Fail ends the play for the host.
type Fail struct {
	Msg string `arg:"msg" default:"Failed as requested from task" doc:"Why"`
}

// Doc describes the task.
func (Fail) Doc() tasks.Doc {
	return tasks.Doc{
		Summary:  "Fail with a message",
		Examples: "- fail:\n    msg: this host is not meant for etcd\n  when: etcd_forbidden | default(false)\n",
	}
}

// Run fails.
func (f *Fail) Run(context.Context, Run) (tasks.Result, error) {
	return tasks.Result{}, &tasks.Failure{Msg: f.Msg}
}
