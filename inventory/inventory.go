// Package inventory says who the peers are: hosts, groups and their variables,
// from INI and YAML files, directories, executables and lists, with the meaning
// that Ansible gives them. What Ansible only warns about, a broken or missing
// source, is an error here.
package inventory

import (
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/etcdplay/etcdplay/internal/source"
)

// The groups that every inventory has.
const (
	All       = "all"       // every host but the implicit localhost
	Ungrouped = "ungrouped" // the hosts that are in no other group
)

// An Inventory is a set of hosts in groups. Its methods may be called from
// several goroutines.
type Inventory struct {
	mu     sync.RWMutex
	hosts  map[string]*Host
	groups map[string]*Group
	order  []*Host  // as declared
	named  []*Group // as declared

	implicit *Host // localhost, where the inventory has none

	bases    []varsBase // where group_vars and host_vars are looked for
	opts     Options
	warnings []*source.Error
}

// A Host is one peer.
type Host struct {
	Name string

	// Implicit is true for the localhost that no inventory names: it is no
	// member of all and its connection is local.
	Implicit bool

	// Source is the inventory file that named the host first, "" for a list
	// or for a host added at run time: inventory_file.
	Source string

	inv    *Inventory
	groups []*Group // directly
	vars   table
}

// A Group is a set of hosts and of groups.
type Group struct {
	Name string

	inv      *Inventory
	hosts    []*Host // directly
	children []*Group
	parents  []*Group
	priority int // ansible_group_priority
	depth    int // longest path from all
	vars     table
}

func newInventory(opts Options) *Inventory {
	inv := &Inventory{hosts: map[string]*Host{}, groups: map[string]*Group{}, opts: opts}
	inv.addGroup(All)
	inv.addGroup(Ungrouped)
	inv.link(inv.groups[All], inv.groups[Ungrouped])
	inv.implicit = &Host{Name: "localhost", Implicit: true, inv: inv}
	inv.implicit.vars.set(Var{Name: "ansible_connection", Value: "local"})
	return inv
}

// Warnings are the oddities of the sources that Ansible accepts and readers
// trip over.
func (inv *Inventory) Warnings() []*source.Error { return inv.warnings }

// Hosts are all hosts, breadth-first in order of declaration.
func (inv *Inventory) Hosts() []*Host { return inv.Group(All).Hosts() }

// Host returns the host of a name; for localhost the implicit one where the
// inventory has none. It is nil for an unknown name.
func (inv *Inventory) Host(name string) *Host {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	if h := inv.hosts[name]; h != nil {
		return h
	}
	if isLocalhost(name) {
		return inv.localhost(name)
	}
	return nil
}

// localhost is the inventory's own host that means this machine, else the
// implicit one.
func (inv *Inventory) localhost(name string) *Host {
	if h := inv.hosts[name]; h != nil {
		return h
	}
	for _, h := range inv.order {
		if isLocalhost(h.Name) {
			return h
		}
	}
	return inv.implicit
}

func isLocalhost(name string) bool {
	return name == "localhost" || name == "127.0.0.1" || name == "::1"
}

// Groups are all groups in order of declaration, all and ungrouped first.
func (inv *Inventory) Groups() []*Group {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return slices.Clone(inv.named)
}

// Group returns the group of a name, or nil.
func (inv *Inventory) Group(name string) *Group {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return inv.groups[name]
}

// Hosts are the members of a group and of the groups below, breadth-first in
// order of declaration.
func (g *Group) Hosts() []*Host {
	g.inv.mu.RLock()
	defer g.inv.mu.RUnlock()
	return g.members()
}

func (g *Group) members() []*Host {
	var out []*Host
	seen := map[*Host]bool{}
	for _, d := range g.descendants() {
		for _, h := range d.hosts {
			if !seen[h] {
				seen[h] = true
				out = append(out, h)
			}
		}
	}
	return out
}

// descendants are the group and those below it, breadth-first.
func (g *Group) descendants() []*Group {
	return reach(g, func(g *Group) []*Group { return g.children })
}

func reach(from *Group, next func(*Group) []*Group) []*Group {
	out, seen := []*Group{from}, map[*Group]bool{from: true}
	for i := 0; i < len(out); i++ {
		for _, n := range next(out[i]) {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

// Children are the groups directly below.
func (g *Group) Children() []*Group {
	g.inv.mu.RLock()
	defer g.inv.mu.RUnlock()
	return slices.Clone(g.children)
}

// GroupNames are the groups that a host is in, without all, by name:
// group_names.
func (h *Host) GroupNames() []string {
	h.inv.mu.RLock()
	defer h.inv.mu.RUnlock()
	names := []string{}
	for _, g := range h.memberships() {
		if g.Name != All {
			names = append(names, g.Name)
		}
	}
	sort.Strings(names)
	return names
}

// memberships are all groups of a host in the order in which their variables
// apply: by depth, then priority, then name; the later wins.
func (h *Host) memberships() []*Group {
	var out []*Group
	seen := map[*Group]bool{}
	for _, direct := range h.groups {
		for _, g := range reach(direct, func(g *Group) []*Group { return g.parents }) {
			if !seen[g] {
				seen[g] = true
				out = append(out, g)
			}
		}
	}
	slices.SortFunc(out, compareGroups)
	return out
}

func compareGroups(a, b *Group) int {
	switch {
	case a.depth != b.depth:
		return a.depth - b.depth
	case a.priority != b.priority:
		if a.priority < b.priority {
			return -1
		}
		return 1
	}
	return strings.Compare(a.Name, b.Name)
}
