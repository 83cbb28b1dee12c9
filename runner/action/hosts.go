package action

import (
	"context"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// AddHost makes a host known to the plays that follow.
type AddHost struct {
	Name   string      `arg:"name,required" alias:"hostname,host" doc:"The host's inventory name"`
	Groups []string    `arg:"groups" alias:"group,groupname" split:"," doc:"Groups that it joins"`
	Vars   *value.Dict `arg:"*" doc:"Variables of the host"`
}

// Doc describes the task.
func (AddHost) Doc() tasks.Doc {
	return tasks.Doc{
		Summary:  "Add a host to the inventory for the rest of the run",
		Text:     "Runs once for all hosts of the play.",
		Examples: "- add_host:\n    name: peer4\n    groups: etcd\n    ansible_host: 192.168.161.6\n",
	}
}

// Order is once: the inventory is the run's, not a host's.
func (AddHost) Order() tasks.Order { return tasks.Once }

// Run adds the host.
func (a *AddHost) Run(_ context.Context, r Run) (tasks.Result, error) {
	added, err := r.AddHost(a.Name, a.Groups, a.Vars)
	res := tasks.Result{Changed: added}
	groups := make([]any, len(a.Groups))
	for i, g := range a.Groups {
		groups[i] = g
	}
	res.Set("add_host", value.NewDict("host_name", a.Name, "groups", groups, "host_vars", a.Vars))
	return res, err
}

// GroupBy puts each host into a group named after a value.
type GroupBy struct {
	Key     string   `arg:"key,required" doc:"The group's name; spaces become dashes"`
	Parents []string `arg:"parents" default:"all" doc:"Groups that it becomes a child of"`
}

// Doc describes the task.
func (GroupBy) Doc() tasks.Doc {
	return tasks.Doc{
		Summary:  "Group hosts by a value",
		Examples: "- group_by:\n    key: \"arch_{{ ansible_architecture }}\"\n",
	}
}

// Run puts the host into its group.
func (g *GroupBy) Run(_ context.Context, r Run) (tasks.Result, error) {
	added, err := r.AddToGroup(g.Key, g.Parents)
	return tasks.Result{Changed: added}, err
}
