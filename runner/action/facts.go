package action

import (
	"context"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// SetFact sets variables of the host, evaluated at once.
type SetFact struct {
	Cacheable bool        `arg:"cacheable" doc:"Also make them ansible_facts"`
	Facts     *value.Dict `arg:"*" doc:"Names and values"`
}

// Doc describes the task.
func (SetFact) Doc() tasks.Doc {
	return tasks.Doc{
		Summary:  "Set variables of the host for the rest of the run",
		Text:     "The values are evaluated now, unlike those of `vars`, which are evaluated whenever they are used.",
		Examples: "- set_fact:\n    etcd_address: \"{{ ansible_host | default(inventory_hostname) }}\"\n",
	}
}

// Run sets them.
func (s *SetFact) Run(_ context.Context, r Run) (tasks.Result, error) {
	res := tasks.Result{Data: value.NewDict()}
	if s.Facts.Len() == 0 {
		return res, &tasks.Failure{Msg: "set_fact sets nothing", Hint: "give at least one name and value"}
	}
	facts := value.NewDict()
	for k, v := range s.Facts.All() {
		name := value.Str(k)
		r.SetFact(name, v)
		if s.Cacheable {
			r.SetHostFact(name, v)
		}
		facts.Set(name, v)
	}
	res.Set("ansible_facts", facts)
	return res, nil
}
