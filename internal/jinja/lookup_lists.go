package jinja

import (
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// flattenOnce takes the items out of lists, one level deep.
func (c *call) flattenOnce(terms []any) ([]any, error) {
	out := c.newList(len(terms))
	for _, t := range terms {
		if l, ok := sequence(t); ok {
			if err := c.st.charge(slot * len(l)); err != nil {
				return nil, err
			}
			out = append(out, l...)
		} else {
			out = append(out, t)
		}
	}
	return out, c.err
}

func lookupDict(c *call) (any, error) {
	out := c.newList(len(c.rest))
	for _, t := range c.rest {
		group := []any{t}
		if l, ok := sequence(t); ok {
			group = l
		}
		for _, e := range group {
			d, ok, err := c.st.mapping(e)
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, &hinted{fmt.Sprintf("it wants a dictionary, not %s %s", article(e), brief(e)), "loop over a list as it is"}
			}
			if err := c.st.charge(8 * slot * d.Len()); err != nil {
				return nil, err
			}
			for k, v := range d.All() {
				out = append(out, value.NewDict("key", k, "value", v))
			}
		}
	}
	return out, nil
}

// lists are the terms, each as a list.
func (c *call) lists() [][]any {
	var out [][]any
	for _, t := range c.rest {
		if l, ok := sequence(t); ok {
			out = append(out, l)
		} else {
			out = append(out, []any{t})
		}
	}
	return out
}

// lookupNested combines every item of one list with every item of the next.
func lookupNested(c *call) (any, error) {
	lists := c.lists()
	if len(lists) == 0 {
		return nil, fmt.Errorf("it wants at least one list")
	}
	rows := [][]any{nil}
	for _, l := range lists {
		if err := c.st.charge(product(product(len(rows), len(l)), (len(lists)+3)*slot)); err != nil {
			return nil, err
		}
		next := make([][]any, 0, len(rows)*len(l))
		for _, row := range rows {
			for _, e := range l {
				inner, ok := sequence(e)
				if !ok {
					inner = []any{e}
				}
				next = append(next, append(append([]any(nil), row...), inner...))
			}
		}
		rows = next
	}
	out := c.newList(len(rows))
	for _, r := range rows {
		out = append(out, r)
	}
	return out, nil
}

func lookupTogether(c *call) (any, error) {
	lists := c.lists()
	n := 0
	for _, l := range lists {
		n = max(n, len(l))
	}
	out := c.newList(product(n, len(lists)+2))
	if c.err != nil {
		return nil, nil
	}
	for i := range n {
		row := make([]any, 0, len(lists))
		for _, l := range lists {
			var e any
			if i < len(l) {
				e = l[i]
			}
			if inner, ok := sequence(e); ok {
				row = append(row, inner...)
			} else {
				row = append(row, e)
			}
		}
		out = append(out, row)
	}
	return out, nil
}

func lookupIndexed(c *call) (any, error) {
	items, err := c.flattenOnce(c.rest)
	if err != nil {
		return nil, err
	}
	out := c.newList(4 * len(items))
	for i, e := range items {
		out = append(out, tuple{i, e})
	}
	return out, c.err
}

func lookupSubelements(c *call) (any, error) {
	if len(c.rest) < 2 || len(c.rest) > 3 {
		return nil, fmt.Errorf("it wants a list, a key, and maybe flags")
	}
	items, ok := sequence(c.rest[0])
	if !ok {
		d, ok, err := c.st.mapping(c.rest[0])
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("it wants a list or a dictionary first, not %s %s", article(c.rest[0]), brief(c.rest[0]))
		}
		for _, v := range d.All() {
			items = append(items, v)
		}
	}
	key, ok := c.rest[1].(string)
	if !ok {
		return nil, fmt.Errorf("it wants a key second, not %s %s", article(c.rest[1]), brief(c.rest[1]))
	}
	skip := false
	if len(c.rest) == 3 {
		flags, ok, err := c.st.mapping(c.rest[2])
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("its third argument is a dictionary such as {'skip_missing': true}")
		}
		for k, v := range flags.All() {
			if k != "skip_missing" {
				return nil, &hinted{fmt.Sprintf("there is no flag %s", brief(k)), "there is: skip_missing"}
			}
			if skip, err = c.st.truth(v); err != nil {
				return nil, err
			}
		}
	}
	var kept, keys []any
	for _, item := range items {
		if d, ok := item.(*value.Dict); ok {
			if skipped, _ := d.Get("skipped"); value.Truthy(skipped) {
				continue
			}
		}
		kept = append(kept, item)
	}
	for _, k := range strings.Split(key, ".") {
		keys = append(keys, k)
	}
	pairs, err := c.st.subelements(kept, keys, skip)
	if err != nil {
		return nil, err
	}
	// As in Ansible, the item of a pair comes without the list that its
	// partner is from.
	var last, short any
	for _, p := range pairs {
		t := p.(tuple)
		if d, ok := t[0].(*value.Dict); !ok || last != any(d) {
			last = t[0]
			if short, err = c.st.without(t[0], keys); err != nil {
				return nil, err
			}
		}
		t[0] = short
	}
	return pairs, nil
}

// without is v without what stands under a path of keys.
func (st *state) without(v any, keys []any) (any, error) {
	d, ok, err := st.mapping(v)
	if err != nil || !ok {
		return v, err
	}
	inner, ok := d.Get(keys[0])
	if !ok {
		return v, nil
	}
	if err := st.charge(3 * slot * d.Len()); err != nil {
		return nil, err
	}
	d = d.Clone()
	if len(keys) == 1 {
		d.Delete(keys[0])
		return d, nil
	}
	if inner, err = st.without(inner, keys[1:]); err != nil {
		return nil, err
	}
	d.Set(keys[0], inner)
	return d, nil
}

func lookupRandomChoice(c *call) (any, error) {
	terms, err := c.flattenOnce(c.rest)
	if err != nil || len(terms) == 0 {
		return terms, err
	}
	i, err := systemRandom.below(len(terms))
	if err != nil {
		return nil, err
	}
	return []any{terms[i]}, nil
}
