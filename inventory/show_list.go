package inventory

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// List is the whole inventory as Ansible's --list has it: groups, and under
// _meta the variables of each host. With export the variables stay with the
// groups that give them.
func (inv *Inventory) List(export bool) *value.Dict {
	out, hostvars := &value.Dict{}, &value.Dict{}
	out.Set("_meta", value.NewDict("hostvars", hostvars))
	for _, h := range inv.Hosts() {
		vars := inv.Vars(h)
		if export {
			vars = h.OwnVars()
		}
		if d := vars.Dict(); d.Len() > 0 {
			hostvars.Set(h.Name, d)
		}
	}
	for _, g := range inv.Groups() {
		entry := &value.Dict{}
		if hosts := g.shownHosts(); len(hosts) > 0 {
			entry.Set("hosts", hosts)
		}
		if children := g.Children(); len(children) > 0 {
			names := make([]any, len(children))
			for i, c := range children {
				names[i] = c.Name
			}
			entry.Set("children", names)
		}
		if export {
			if vars := g.exportedVars(); vars.Len() > 0 {
				entry.Set("vars", vars)
			}
		}
		if entry.Len() > 0 {
			out.Set(g.Name, entry)
		}
	}
	return out
}

// shownHosts are the names of a group's own hosts; all shows none, they stand
// under ungrouped.
func (g *Group) shownHosts() []any {
	g.inv.mu.RLock()
	defer g.inv.mu.RUnlock()
	var names []any
	if g.Name == All {
		return nil
	}
	for _, h := range g.hosts {
		names = append(names, h.Name)
	}
	return names
}

// exportedVars are the variables of a group and its priority, so that an export
// read again means the same.
func (g *Group) exportedVars() *value.Dict {
	vars := g.Vars()
	if g.priority != 1 {
		vars.layers = append(vars.layers, table{}.with(Var{Name: priorityVar, Value: g.priority}))
	}
	return vars.Dict()
}

// Dict is the winning value of every name, sorted by name.
func (r *Resolved) Dict() *value.Dict {
	d := &value.Dict{}
	for _, name := range r.Names() {
		v, _ := r.Get(name)
		d.Set(name, v.Value)
	}
	return d
}

// Graph draws a group, what is below it and, with vars, the variables of hosts
// and groups.
func (g *Group) Graph(vars bool) string {
	var b strings.Builder
	b.WriteString("@" + g.Name + ":\n")
	g.draw(&b, 1, vars)
	return b.String()
}

func (g *Group) draw(b *strings.Builder, depth int, vars bool) {
	line := func(depth int, text string) {
		b.WriteString(strings.Repeat("  |", depth) + "--" + text + "\n")
	}
	variables := func(depth int, d *value.Dict) {
		for k, v := range d.All() {
			line(depth, "{"+value.Str(k)+" = "+value.Str(v)+"}")
		}
	}
	for _, c := range g.Children() {
		line(depth, "@"+c.Name+":")
		c.draw(b, depth+1, vars)
	}
	for _, name := range g.shownHosts() {
		line(depth, name.(string))
		if vars {
			variables(depth+1, g.inv.Vars(g.inv.Host(name.(string))).Dict())
		}
	}
	if vars {
		variables(depth, g.exportedVars())
	}
}
