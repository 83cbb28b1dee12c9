package inventory

import "github.com/etcdplay/etcdplay/internal/value"

// Tree is the whole inventory as a YAML inventory has it, groups within groups.
// A host's variables stand where it comes first. With export the variables of
// groups stay with the groups, so that the tree read again means the same.
func (inv *Inventory) Tree(export bool) *value.Dict {
	w := treeWriter{inv: inv, export: export, seen: map[string]bool{}}
	return value.NewDict(All, w.group(inv.Group(All)))
}

type treeWriter struct {
	inv    *Inventory
	export bool
	seen   map[string]bool // hosts
}

func (w *treeWriter) group(g *Group) *value.Dict {
	out, children, hosts := &value.Dict{}, &value.Dict{}, &value.Dict{}
	for _, c := range g.Children() {
		children.Set(c.Name, w.group(c))
	}
	for _, name := range g.shownHosts() {
		hosts.Set(name, w.host(name.(string)))
	}
	if children.Len() > 0 {
		out.Set("children", children)
	}
	if hosts.Len() > 0 {
		out.Set("hosts", hosts)
	}
	if w.export {
		if vars := g.exportedVars(); vars.Len() > 0 {
			out.Set("vars", vars)
		}
	}
	return out
}

func (w *treeWriter) host(name string) *value.Dict {
	h := w.inv.Host(name)
	switch {
	case w.seen[name]:
		return &value.Dict{}
	case w.export:
		w.seen[name] = true
		return h.OwnVars().Dict()
	}
	w.seen[name] = true
	return w.inv.Vars(h).Dict()
}
