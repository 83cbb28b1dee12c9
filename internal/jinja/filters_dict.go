package jinja

import (
	"fmt"

	"github.com/etcdplay/etcdplay/internal/value"
)

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
