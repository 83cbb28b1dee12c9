package main

import (
	"slices"

	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner/action"
	"github.com/etcdplay/etcdplay/tasks"
)

// A catalog unites the tasks that change hosts and those that change the run.
type catalog struct {
	tasks   *tasks.Registry
	actions *action.Registry
}

func newCatalog() *catalog { return &catalog{tasks.Builtin(), action.Builtin()} }

// Lookup finds a task for the playbook parser (playbooks.Catalog).
func (c *catalog) Lookup(name string) (playbooks.Spec, bool) {
	if _, ok := c.documented(name); !ok {
		return playbooks.Spec{}, false
	}
	return playbooks.SpecOf(func() any {
		d, _ := c.documented(name)
		return d
	}), true
}

// Names lists all tasks, sorted.
func (c *catalog) Names() []string {
	names := append(c.tasks.Names(), c.actions.Names()...)
	slices.Sort(names)
	return names
}

// documented makes a task or action by its name.
func (c *catalog) documented(name string) (tasks.Documented, bool) {
	if m, ok := c.tasks.New(name); ok {
		return m, true
	}
	return c.actions.New(name)
}
