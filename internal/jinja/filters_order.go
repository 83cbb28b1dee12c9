package jinja

import (
	"sort"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A path is an attribute given by name to a filter: "a.b.0".
type path []any

func (st *state) path(attribute any) path {
	switch a := attribute.(type) {
	case nil:
		return nil
	case string:
		parts := strings.Split(a, ".")
		p := make(path, len(parts))
		for i, s := range parts {
			p[i] = s
			if n, err := strconv.Atoi(s); err == nil && n >= 0 {
				p[i] = n
			}
		}
		return p
	}
	return path{attribute}
}

// get follows a path into v; def stands for what is missing, if it is given.
func (st *state) get(v any, p path, at place, def any) (any, error) {
	for _, key := range p {
		var err error
		if v, err = st.pathItem(v, key, at); err != nil {
			return nil, err
		}
		if _, missing := v.(*undefined); missing && def != nil {
			v = def
		}
	}
	return v, nil
}

// pathItem is v[key], where a key that is a number in a path may be text.
func (st *state) pathItem(v, key any, at place) (any, error) {
	if n, ok := key.(int); ok {
		if d, ok := v.(*value.Dict); ok {
			if e, ok := dictGet(d, n); ok {
				return e, nil
			}
			key = strconv.Itoa(n)
		}
	}
	return st.item(v, key, at, nil)
}

// foldCase lets text compare without regard to case.
func foldCase(v any) any {
	if s, ok := v.(string); ok {
		return strings.ToLower(s)
	}
	return v
}

// sorted sorts items by keys, stably.
func (st *state) sorted(items, keys []any, reverse bool) ([]any, error) {
	if err := st.charge(4 * slot * len(items)); err != nil {
		return nil, err
	}
	idx := make([]int, len(items))
	for i := range idx {
		idx[i] = i
	}
	var failed error
	sort.SliceStable(idx, func(i, j int) bool {
		if failed != nil {
			return false
		}
		a, b := keys[idx[i]], keys[idx[j]]
		if reverse {
			a, b = b, a
		}
		ok, err := st.compare("<", a, b)
		if err == nil {
			err = st.step()
		}
		failed = err
		return ok
	})
	if failed != nil {
		return nil, failed
	}
	out := make([]any, len(items))
	for i, k := range idx {
		out[i] = items[k]
	}
	st.built = true
	return out, nil
}

// sortKeys are what items are compared by.
func (st *state) sortKeys(items []any, paths []path, caseSensitive bool, at place) ([]any, error) {
	keys, err := st.list(len(items))
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		var key []any
		for _, p := range paths {
			v, err := st.get(item, p, at, nil)
			if err != nil {
				return nil, err
			}
			if v, err = use(v); err != nil {
				return nil, err
			}
			if !caseSensitive {
				v = foldCase(v)
			}
			key = append(key, v)
		}
		if len(key) == 1 {
			keys = append(keys, key[0])
		} else {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func filterSort(c *call) (any, error) {
	paths := []path{nil}
	if c.given(2) {
		paths = nil
		if s, ok := c.args[2].(string); ok {
			for _, a := range strings.Split(s, ",") {
				paths = append(paths, c.st.path(strings.TrimSpace(a)))
			}
		} else {
			paths = append(paths, c.st.path(c.args[2]))
		}
	}
	l := c.list()
	reverse, sensitive := c.bool(0, false), c.bool(1, false)
	if c.err != nil {
		return nil, nil
	}
	keys, err := c.st.sortKeys(l, paths, sensitive, c.at)
	if err != nil {
		return nil, err
	}
	return c.st.sorted(l, keys, reverse)
}

func (c *call) extreme(want ordering) (any, error) {
	l := c.list()
	sensitive := c.bool(0, false)
	if c.err != nil {
		return nil, nil
	}
	if len(l) == 0 {
		c.st.built = true
		return &undefined{name: c.fn.name, at: c.at, msg: "an empty list has no " + c.fn.name}, nil
	}
	keys, err := c.st.sortKeys(l, []path{c.st.path(c.arg(1, nil))}, sensitive, c.at)
	if err != nil {
		return nil, err
	}
	best := 0
	op := "<"
	if want == greater {
		op = ">"
	}
	for i := range keys {
		if i == 0 {
			continue
		}
		better, err := c.st.compare(op, keys[i], keys[best])
		if err != nil {
			return nil, err
		}
		if better {
			best = i
		}
	}
	return l[best], nil
}

func filterGroupby(c *call) (any, error) {
	p := c.st.path(c.args[0])
	def := c.arg(1, nil)
	sensitive := c.bool(2, false)
	l := c.list()
	if c.err != nil {
		return nil, nil
	}
	keys := c.newList(len(l))
	real := map[int]any{}
	for i, e := range l {
		v, err := c.st.get(e, p, c.at, def)
		if err != nil {
			return nil, err
		}
		if v, err = use(v); err != nil {
			return nil, err
		}
		real[i] = v
		if !sensitive {
			v = foldCase(v)
		}
		keys = append(keys, v)
	}
	order := c.newList(len(l))
	for i := range l {
		order = append(order, i)
	}
	order, err := c.st.sorted(order, keys, false)
	if err != nil {
		return nil, err
	}
	out := c.newList(len(l))
	if c.err != nil {
		return nil, nil
	}
	var current []any
	for n, o := range order {
		i := o.(int)
		current = append(current, l[i])
		last := n == len(order)-1
		if !last {
			eq, err := c.st.equal(keys[i], keys[order[n+1].(int)])
			if err != nil {
				return nil, err
			}
			last = !eq
		}
		if last {
			first := order[n-len(current)+1].(int)
			out = append(out, tuple{real[first], current})
			current = nil
		}
	}
	return out, nil
}
