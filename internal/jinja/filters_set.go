package jinja

import (
	"fmt"

	"github.com/etcdplay/etcdplay/internal/value"
)

// setFilters treat lists as sets, keeping their order.
func setFilters() map[string]function {
	return map[string]function{
		"unique": {sig: "case_sensitive attribute", fn: filterUnique},
		"union": {sig: "b!", fn: func(c *call) (any, error) {
			both, err := c.st.join(c.list(), c.items(0))
			if err != nil || c.err != nil {
				return nil, err
			}
			return c.distinct(both, nil)
		}},
		"intersect":  {sig: "b!", fn: func(c *call) (any, error) { return c.common(true) }},
		"difference": {sig: "b!", fn: func(c *call) (any, error) { return c.common(false) }},
		"symmetric_difference": {sig: "b!", fn: func(c *call) (any, error) {
			a, b := c.list(), c.items(0)
			if c.err != nil {
				return nil, nil
			}
			inA, inB := newSet(c.st), newSet(c.st)
			if err := inA.addAll(a); err != nil {
				return nil, err
			}
			if err := inB.addAll(b); err != nil {
				return nil, err
			}
			out := c.newList(len(a) + len(b))
			for i, list := range [2][]any{a, b} {
				other := inB
				if i == 1 {
					other = inA
				}
				for _, e := range list {
					has, err := other.has(e)
					if err != nil {
						return nil, err
					}
					if !has {
						out = append(out, e)
					}
				}
			}
			return c.distinct(out, nil)
		}},
	}
}

// A set answers whether a value was added, fast for text and numbers.
type set struct {
	st      *state
	scalars map[any]bool
	others  []any
}

func newSet(st *state) *set { return &set{st: st, scalars: map[any]bool{}} }

// key makes equal numbers one map key, as 1, 1.0 and True are.
func (s *set) key(v any) (any, bool) {
	switch v := v.(type) {
	case nil, string, int:
		return v, true
	case bool:
		n, _ := wholeNumber(v)
		return n, true
	case float64:
		if n := int(v); float64(n) == v && v < 1<<53 && v > -1<<53 {
			return n, true
		}
		return v, v == v
	}
	return nil, false
}

func (s *set) has(v any) (bool, error) {
	v, err := use(v)
	if err != nil {
		return false, err
	}
	if k, ok := s.key(v); ok {
		return s.scalars[k], nil
	}
	for _, e := range s.others {
		if err := s.st.step(); err != nil {
			return false, err
		}
		if eq, err := s.st.equal(e, v); eq || err != nil {
			return eq, err
		}
	}
	return false, nil
}

func (s *set) add(v any) error {
	v, err := use(v)
	if err != nil {
		return err
	}
	if err := s.st.charge(2 * slot); err != nil {
		return err
	}
	if k, ok := s.key(v); ok {
		s.scalars[k] = true
	} else {
		s.others = append(s.others, v)
	}
	return nil
}

func (s *set) addAll(l []any) error {
	for _, v := range l {
		has, err := s.has(v)
		if err == nil && !has {
			err = s.add(v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// distinct keeps the first of equal items; keys, if not nil, are compared
// instead of them.
func (c *call) distinct(l, keys []any) (any, error) {
	seen := newSet(c.st)
	out := c.newList(len(l))
	if c.err != nil {
		return nil, nil
	}
	for i, e := range l {
		k := e
		if keys != nil {
			k = keys[i]
		}
		has, err := seen.has(k)
		if err == nil && !has {
			out = append(out, e)
			err = seen.add(k)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *call) common(want bool) (any, error) {
	a, b := c.list(), c.items(0)
	out := c.newList(len(a))
	if c.err != nil {
		return nil, nil
	}
	other := newSet(c.st)
	if err := other.addAll(b); err != nil {
		return nil, err
	}
	for _, e := range a {
		has, err := other.has(e)
		if err != nil {
			return nil, err
		}
		if has == want {
			out = append(out, e)
		}
	}
	return c.distinct(out, nil)
}

func filterUnique(c *call) (any, error) {
	l := c.list()
	sensitive := c.bool(0, false)
	if c.err != nil {
		return nil, nil
	}
	p := c.st.path(c.arg(1, nil))
	keys, err := c.st.sortKeys(l, []path{p}, sensitive, c.at)
	if err != nil {
		return nil, err
	}
	return c.distinct(l, keys)
}

// dictFilters work on dictionaries.
func dictFilters() map[string]function {
	return map[string]function{
		"items": {undef: true, fn: func(c *call) (any, error) {
			if _, ok := c.in.(*undefined); ok {
				return c.newList(0), nil
			}
			return c.pairs(func(k, v any) any { return tuple{k, v} })
		}},
		"dictsort":        {sig: "case_sensitive by reverse", fn: filterDictsort},
		"dict2items":      {sig: "key_name value_name", fn: filterDict2items},
		"items2dict":      {sig: "key_name value_name", fn: filterItems2dict},
		"combine":         {sig: "* recursive list_merge", fn: filterCombine},
		"extract":         {sig: "container! morekeys", fn: filterExtract},
		"rekey_on_member": {sig: "key! duplicates", fn: filterRekey},
		"dict":            {fn: func(c *call) (any, error) { return c.st.dictOf([]any{c.in}) }},
		"keep_keys":       {sig: "target! matching_parameter", fn: func(c *call) (any, error) { return c.keys(true) }},
		"remove_keys":     {sig: "target! matching_parameter", fn: func(c *call) (any, error) { return c.keys(false) }},
	}
}

func filterDictsort(c *call) (any, error) {
	d := c.dict()
	sensitive, by, reverse := c.bool(0, false), c.word(1, "key"), c.bool(2, false)
	if by != "key" && by != "value" {
		c.fail(fmt.Errorf("dictsort sorts by 'key' or 'value', not by %s", brief(by)))
	}
	keys, items := c.newList(d.Len()), c.newList(4*d.Len())
	if c.err != nil {
		return nil, nil
	}
	for k, v := range d.All() {
		items = append(items, tuple{k, v})
		key := k
		if by == "value" {
			key = v
		}
		if !sensitive {
			key = foldCase(key)
		}
		keys = append(keys, key)
	}
	return c.st.sorted(items, keys, reverse)
}

func filterDict2items(c *call) (any, error) {
	key, val := c.text(0, "key"), c.text(1, "value")
	return c.pairs(func(k, v any) any { return value.NewDict(key, k, val, v) })
}

func filterItems2dict(c *call) (any, error) {
	key, val := c.text(0, "key"), c.text(1, "value")
	l, ok := sequence(c.in)
	if !ok {
		return nil, c.wants("a list")
	}
	if err := c.st.charge(3 * slot * len(l)); err != nil {
		return nil, err
	}
	c.st.built = true
	out := &value.Dict{}
	for i, e := range l {
		d, ok, err := c.st.mapping(e)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("items2dict works on a list of dictionaries, and item %d is %s %s", i, article(e), brief(e))
		}
		k, ok := d.Get(key)
		v, ok2 := d.Get(val)
		if !ok || !ok2 {
			return nil, &hinted{
				fmt.Sprintf("items2dict wants the keys %s and %s, and item %d has %v", key, val, i, stringKeys(d.Keys())),
				"name other keys with key_name= and value_name=",
			}
		}
		if k, err = hashable(k); err != nil {
			return nil, err
		}
		out.Set(k, v)
	}
	return out, nil
}

func filterExtract(c *call) (any, error) {
	keys := []any{c.in}
	if c.given(1) {
		if l, ok := c.args[1].([]any); ok {
			keys = append(keys, l...)
		} else {
			keys = append(keys, c.args[1])
		}
	}
	v := c.args[0]
	for _, k := range keys {
		var err error
		if v, err = c.st.item(v, k, c.at, nil); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func filterRekey(c *call) (any, error) {
	overwrite := false
	switch d := c.word(1, "error"); d {
	case "overwrite":
		overwrite = true
	case "error":
	default:
		return nil, fmt.Errorf("duplicates is 'error' or 'overwrite', not %s", brief(d))
	}
	var items []any
	if d, ok, err := c.st.mapping(c.in); err != nil {
		return nil, err
	} else if ok {
		for _, v := range d.All() {
			items = append(items, v)
		}
	} else if items, ok = sequence(c.in); !ok {
		return nil, c.wants("a list of dictionaries or a dictionary of them")
	}
	c.st.built = true
	out := &value.Dict{}
	for _, item := range items {
		d, ok := item.(*value.Dict)
		if !ok {
			return nil, fmt.Errorf("%s %s is no dictionary", article(item), brief(item))
		}
		k, ok := d.Get(c.args[0])
		if !ok {
			return nil, fmt.Errorf("an item has no key %s", brief(c.args[0]))
		}
		k, err := hashable(k)
		if err != nil {
			return nil, err
		}
		if _, twice := out.Get(k); twice && !overwrite {
			return nil, &hinted{fmt.Sprintf("%s is not unique", brief(k)), "take the last with duplicates='overwrite'"}
		}
		out.Set(k, d)
	}
	return out, nil
}
