package jinja

import (
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A merge says how combine puts two dictionaries together.
type merge struct {
	st        *state
	recursive bool
	lists     string
}

var listMerges = []string{"replace", "keep", "append", "prepend", "append_rp", "prepend_rp"}

func filterCombine(c *call) (any, error) {
	m := merge{st: c.st, recursive: c.bool(0, false), lists: c.word(1, "replace")}
	if !oneOf(m.lists, listMerges) {
		return nil, &hinted{fmt.Sprintf("there is no list_merge %s", brief(m.lists)), "there are: " + strings.Join(listMerges, ", ")}
	}
	var dicts []*value.Dict
	for _, v := range append([]any{c.in}, c.rest...) {
		group := []any{v}
		if l, ok := sequence(v); ok {
			group = l
		}
		for _, e := range group {
			if e == nil { // as Ansible's flatten does
				continue
			}
			e, err := use(e)
			if err != nil {
				return nil, err
			}
			d, ok, err := c.st.mapping(e)
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, fmt.Errorf("combine works on dictionaries, not on %s %s", article(e), brief(e))
			}
			dicts = append(dicts, d)
		}
	}
	if len(dicts) == 0 {
		return &value.Dict{}, nil
	}
	c.st.built = true
	out := dicts[len(dicts)-1]
	for i := len(dicts) - 2; i >= 0; i-- {
		var err error
		if out, err = m.dicts(dicts[i], out, 0); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// dicts merges y over x.
func (m *merge) dicts(x, y *value.Dict, depth int) (*value.Dict, error) {
	if depth > maxNesting {
		return nil, &limitError{fmt.Sprintf("dictionaries nested more than %d deep", maxNesting)}
	}
	if x.Len() == 0 {
		return y, nil
	}
	// Ansible takes two equal dictionaries for one, whatever list_merge says.
	if eq, err := m.st.equal(x, y); err != nil || eq {
		return y, err
	}
	if err := m.st.charge(3 * slot * (x.Len() + y.Len())); err != nil {
		return nil, err
	}
	out := x.Clone()
	for k, b := range y.All() {
		if err := m.st.step(); err != nil {
			return nil, err
		}
		v := b
		if a, ok := dictGet(out, k); ok {
			var err error
			if v, err = m.values(a, b, depth); err != nil {
				return nil, err
			}
		}
		dictSet(out, k, v)
	}
	return out, nil
}

func (m *merge) values(a, b any, depth int) (any, error) {
	if x, ok := a.(*value.Dict); ok {
		if y, ok := b.(*value.Dict); ok && m.recursive {
			return m.dicts(x, y, depth+1)
		}
		return b, nil
	}
	x, ok1 := a.([]any)
	y, ok2 := b.([]any)
	if !ok1 || !ok2 {
		return b, nil
	}
	switch m.lists {
	case "keep":
		return a, nil
	case "append":
		return m.st.join(x, y)
	case "prepend":
		return m.st.join(y, x)
	case "append_rp", "prepend_rp":
		present := newSet(m.st)
		if err := present.addAll(y); err != nil {
			return nil, err
		}
		var rest []any
		for _, e := range x {
			has, err := present.has(e)
			if err != nil {
				return nil, err
			}
			if !has {
				rest = append(rest, e)
			}
		}
		if m.lists == "append_rp" {
			return m.st.join(rest, y)
		}
		return m.st.join(y, rest)
	}
	return b, nil
}

// keys is keep_keys and remove_keys: dictionaries with or without some keys.
func (c *call) keys(keep bool) (any, error) {
	targets := []any{c.args[0]}
	if l, ok := sequence(c.args[0]); ok {
		targets = l
	}
	how := c.word(1, "equality")
	if how != "equality" {
		return nil, fmt.Errorf("%s supports only matching_parameter='equality'", c.fn.name)
	}
	wanted := newSet(c.st)
	if err := wanted.addAll(targets); err != nil {
		return nil, err
	}
	one := func(v any) (any, error) {
		d, ok, err := c.st.mapping(v)
		if err != nil || !ok {
			return v, err
		}
		out := &value.Dict{}
		for k, e := range d.All() {
			has, err := wanted.has(k)
			if err != nil {
				return nil, err
			}
			if has == keep {
				out.Set(k, e)
			}
		}
		return out, c.st.charge(3 * slot * out.Len())
	}
	c.st.built = true
	l, ok := sequence(c.in)
	if !ok {
		return one(c.in)
	}
	out := c.newList(len(l))
	for _, e := range l {
		v, err := one(e)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
