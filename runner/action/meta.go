package action

import (
	"context"

	"github.com/etcdplay/etcdplay/tasks"
)

// Meta steers the run.
type Meta struct {
	What string `arg:"_raw,required,freeform" choices:"flush_handlers,end_host,end_play,end_batch,clear_host_errors,clear_facts,refresh_inventory,reset_connection,noop" doc:"What to do"`
}

// Doc describes the task.
func (Meta) Doc() tasks.Doc {
	return tasks.Doc{
		Summary:  "Steer the run: run handlers now, end the play, a batch or a host",
		Examples: "- meta: flush_handlers\n- meta: end_host\n  when: etcd_done\n",
	}
}

// Flow: the runner carries it out.
func (Meta) Flow() {}

// Run is never called.
func (Meta) Run(context.Context, Run) (tasks.Result, error) { return tasks.Result{}, nil }
