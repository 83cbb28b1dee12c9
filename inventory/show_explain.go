package inventory

import (
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// Explanation tells for each name its value, where that comes from, and what
// it beat.
func (r *Resolved) Explanation(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		for i, v := range r.Explain(name) {
			verb := "over " + value.Repr(v.Value) + " from"
			if i == 0 {
				fmt.Fprintf(&b, "%s = %s\n", name, value.Repr(v.Value))
				verb = "from"
			}
			fmt.Fprintf(&b, "    %s %s\n", verb, v.Origin())
		}
	}
	return b.String()
}

// Origin is the place and the layer of a variable, for people.
func (v Var) Origin() string {
	layer := v.Layer.String()
	switch {
	case v.Group != "" && v.Group != All:
		layer += " of " + v.Group
	case v.Layer == HostVars && v.From.IsZero():
		return layer + ", set at run time"
	}
	if v.From.IsZero() {
		return layer
	}
	return v.From.String() + " (" + layer + ")"
}

// noSuch is the error for a name that no group or host of a kind ("host",
// "group", "variable") has.
func noSuch(kind, name string, known []string) error {
	e := &source.Error{Msg: fmt.Sprintf("there is no %s %s", kind, name), Hint: source.DidYouMean(name, known)}
	return e
}

// FindHost is Host with an error that names the nearest known host.
func (inv *Inventory) FindHost(name string) (*Host, error) {
	if h := inv.Host(name); h != nil {
		return h, nil
	}
	var known []string
	for _, h := range inv.Hosts() {
		known = append(known, h.Name)
	}
	return nil, noSuch("host", name, known)
}

// FindGroup is Group with an error that names the nearest known group.
func (inv *Inventory) FindGroup(name string) (*Group, error) {
	if g := inv.Group(name); g != nil {
		return g, nil
	}
	var known []string
	for _, g := range inv.Groups() {
		known = append(known, g.Name)
	}
	return nil, noSuch("group", name, known)
}

// Find is Get with an error that names the nearest known variable.
func (r *Resolved) Find(name string) (Var, error) {
	if v, ok := r.Get(name); ok {
		return v, nil
	}
	return Var{}, noSuch("variable", name, r.Names())
}
