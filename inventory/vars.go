package inventory

import (
	"maps"
	"slices"

	"github.com/etcdplay/etcdplay/internal/source"
)

// A Layer is a rank of variables; of a name in several, the higher one wins.
type Layer int

// The layers of the inventory, lowest first.
const (
	AllVars           Layer = iota // [all:vars]
	GroupVars                      // [group:vars], deeper groups last
	SourceAllFiles                 // group_vars/all beside an inventory source
	PlaybookAllFiles               // group_vars/all beside the playbook
	SourceGroupFiles               // group_vars/GROUP beside an inventory source
	PlaybookGroupFile              // group_vars/GROUP beside the playbook
	HostVars                       // the host's line, or add_host
	SourceHostFiles                // host_vars/HOST beside an inventory source
	PlaybookHostFiles              // host_vars/HOST beside the playbook
)

var layerNames = [...]string{
	"all:vars", "group vars", "inventory group_vars/all", "playbook group_vars/all",
	"inventory group_vars", "playbook group_vars", "host vars", "inventory host_vars", "playbook host_vars",
}

// String names the layer for people.
func (l Layer) String() string { return layerNames[l] }

// A Var is one variable as one place sets it. Its value is raw: templates in
// it are still text.
type Var struct {
	Name  string
	Value any
	From  source.Pos // FILE:LINE:COL as far as known
	Layer Layer
	Group string // the group that it is set for, "" for a host's own
}

// A table is the variables of one layer by name, and those that lost to a later
// line or file of the same layer. It is never changed once a Resolved holds it.
type table struct {
	vars   map[string]Var
	beaten map[string][]Var
}

func (t *table) set(v Var) {
	if t.vars == nil {
		t.vars = map[string]Var{}
	}
	if old, have := t.vars[v.Name]; have {
		if t.beaten == nil {
			t.beaten = map[string][]Var{}
		}
		t.beaten[v.Name] = append(slices.Clone(t.beaten[v.Name]), old) // a copy may share it
	}
	t.vars[v.Name] = v
}

// with is a copy that holds more variables.
func (t table) with(more ...Var) table {
	c := table{vars: maps.Clone(t.vars), beaten: maps.Clone(t.beaten)}
	for _, v := range more {
		c.set(v)
	}
	return c
}

// Resolved is what the inventory says of one host at one moment.
type Resolved struct {
	layers []table // lowest first
}

// Get returns the winning variable of a name.
func (r *Resolved) Get(name string) (Var, bool) {
	for _, t := range slices.Backward(r.layers) {
		if v, ok := t.vars[name]; ok {
			return v, true
		}
	}
	return Var{}, false
}

// Names are the names of all variables, sorted.
func (r *Resolved) Names() []string {
	seen := map[string]bool{}
	for _, t := range r.layers {
		for name := range t.vars {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Explain lists all who set a name, the winner first, then what it beat. A file
// that counts in two layers, because the playbook lies beside the inventory,
// stands there once.
func (r *Resolved) Explain(name string) []Var {
	var out []Var
	seen := map[source.Pos]bool{}
	add := func(v Var) {
		if v.From.Line == 0 || !seen[v.From] {
			seen[v.From] = true
			out = append(out, v)
		}
	}
	for _, t := range slices.Backward(r.layers) {
		if v, ok := t.vars[name]; ok {
			add(v)
			for _, b := range slices.Backward(t.beaten[name]) {
				add(b)
			}
		}
	}
	return out
}

// Vars resolves the variables of a host. The result does not change when the
// inventory does.
func (inv *Inventory) Vars(h *Host) *Resolved {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return inv.resolve(h)
}

func (inv *Inventory) resolve(h *Host) *Resolved {
	r := &Resolved{}
	add := func(t table) {
		if len(t.vars) > 0 {
			r.layers = append(r.layers, t)
		}
	}
	var groups []*Group
	for _, g := range h.memberships() {
		if g.Name != All {
			groups = append(groups, g)
		}
	}
	add(inv.groups[All].vars)
	for _, g := range groups {
		add(g.vars)
	}
	files := func(layer Layer, names ...string) {
		for _, base := range inv.bases {
			if base.has(layer) {
				for _, name := range names {
					add(base.table(layer, name))
				}
			}
		}
	}
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	files(SourceAllFiles, All)
	files(PlaybookAllFiles, All)
	files(SourceGroupFiles, names...)
	files(PlaybookGroupFile, names...)
	add(h.vars)
	files(SourceHostFiles, h.Name)
	files(PlaybookHostFiles, h.Name)
	return r
}

// Vars are the variables that sources give to a group itself, and those of its
// group_vars, without what its hosts or parents have.
func (g *Group) Vars() *Resolved {
	g.inv.mu.RLock()
	defer g.inv.mu.RUnlock()
	r := &Resolved{layers: []table{g.vars}}
	sourceFiles, playbookFiles := SourceGroupFiles, PlaybookGroupFile
	if g.Name == All {
		sourceFiles, playbookFiles = SourceAllFiles, PlaybookAllFiles
	}
	for _, layer := range []Layer{sourceFiles, playbookFiles} {
		for _, base := range g.inv.bases {
			if base.has(layer) {
				r.layers = append(r.layers, base.table(layer, g.Name))
			}
		}
	}
	return r
}

// OwnVars are the variables of a host itself: its line and its host_vars,
// without those of its groups.
func (h *Host) OwnVars() *Resolved {
	h.inv.mu.RLock()
	defer h.inv.mu.RUnlock()
	r := &Resolved{layers: []table{h.vars}}
	for _, layer := range []Layer{SourceHostFiles, PlaybookHostFiles} {
		for _, base := range h.inv.bases {
			if base.has(layer) {
				r.layers = append(r.layers, base.table(layer, h.Name))
			}
		}
	}
	return r
}
