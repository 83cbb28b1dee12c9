package inventory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// priorityVar sets, in an inventory source, the order in which groups of the
// same depth apply. It is no variable of the hosts.
const priorityVar = "ansible_group_priority"

const portVar = "ansible_port"

func (inv *Inventory) addGroup(name string) *Group {
	g := inv.groups[name]
	if g == nil {
		g = &Group{Name: name, inv: inv, priority: 1}
		inv.groups[name] = g
		inv.named = append(inv.named, g)
	}
	return g
}

func (inv *Inventory) addHost(name, file string) *Host {
	h := inv.hosts[name]
	if h == nil {
		h = &Host{Name: name, Source: file, inv: inv}
		inv.hosts[name] = h
		inv.order = append(inv.order, h)
	}
	return h
}

// addHostPort adds a host as NAME:PORT in a file names it; port 0 is none. As
// in Ansible only the first naming of a host sets the port.
func (inv *Inventory) addHostPort(name string, port int, file string, at source.Pos) *Host {
	_, known := inv.hosts[name]
	h := inv.addHost(name, file)
	if port == 0 {
		return h
	}
	if port > 65535 {
		inv.warn(source.Errorf(at, "%d is no port: ports end at 65535", port))
	}
	if !known {
		h.vars.set(Var{Name: portVar, Value: port, From: at, Layer: HostVars})
	} else if have := h.vars.vars[portVar].Value; !value.Equal(have, port) {
		inv.warn(source.Errorf(at, "the port %d of %s has no effect: the host is named before", port, name).
			WithHint("write %s=%d", portVar, port))
	}
	return h
}

func (g *Group) add(h *Host) {
	if !slices.Contains(h.groups, g) {
		h.groups = append(h.groups, g)
		g.hosts = append(g.hosts, h)
	}
}

func (g *Group) remove(h *Host) {
	g.hosts = slices.DeleteFunc(g.hosts, func(x *Host) bool { return x == h })
	h.groups = slices.DeleteFunc(h.groups, func(x *Group) bool { return x == g })
}

// link puts a group below another. A group cannot be above itself.
func (inv *Inventory) link(parent, child *Group) error {
	switch {
	case parent == child:
		return fmt.Errorf("the group %s cannot be its own child", child.Name)
	case slices.Contains(parent.children, child):
		return nil
	case slices.Contains(child.descendants(), parent):
		return fmt.Errorf("the group %s cannot be a child of %s, which is below it already", child.Name, parent.Name)
	}
	parent.children = append(parent.children, child)
	child.parents = append(child.parents, parent)
	return nil
}

// setVar sets a variable that an inventory source gives to a group.
func (g *Group) setVar(v Var) error {
	if v.Name != priorityVar {
		g.vars.set(v)
		return nil
	}
	n, ok := wholeNumber(v.Value)
	if !ok {
		return source.Errorf(v.From, "%s must be a whole number, not %s", priorityVar, value.Repr(v.Value))
	}
	g.priority = n
	return nil
}

func wholeNumber(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case string:
		n, err := strconv.Atoi(strings.TrimSpace(v))
		return n, err == nil
	}
	return 0, false
}

// settle is to follow every change of hosts and groups: groups without parents
// come below all, hosts without groups into ungrouped, and depths are counted.
func (inv *Inventory) settle() {
	all, ungrouped := inv.groups[All], inv.groups[Ungrouped]
	for _, g := range inv.named {
		if g != all && len(g.parents) == 0 {
			inv.link(all, g) // cannot loop: g has no parents, and all no others
		}
	}
	for _, h := range inv.order {
		grouped := slices.ContainsFunc(h.groups, func(g *Group) bool { return g != all && g != ungrouped })
		if grouped {
			ungrouped.remove(h)
		} else {
			ungrouped.add(h)
		}
	}
	inv.countDepths()
}

// countDepths finds the longest path from all to each group.
func (inv *Inventory) countDepths() {
	open := map[*Group]int{} // parents not yet counted
	for _, g := range inv.named {
		g.depth, open[g] = 0, len(g.parents)
	}
	ready := []*Group{inv.groups[All]}
	for len(ready) > 0 {
		g := ready[0]
		ready = ready[1:]
		for _, c := range g.children {
			c.depth = max(c.depth, g.depth+1)
			if open[c]--; open[c] == 0 {
				ready = append(ready, c)
			}
		}
	}
}
