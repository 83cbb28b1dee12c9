package jinja

import (
	"fmt"
)

// listFilters work on lists.
func listFilters() map[string]function {
	return map[string]function{
		"first":   {fn: func(c *call) (any, error) { return c.end(true) }},
		"last":    {fn: func(c *call) (any, error) { return c.end(false) }},
		"join":    {sig: "d attribute", fn: filterJoin},
		"reverse": {fn: filterReverse},
		"sort":    {sig: "reverse case_sensitive attribute", fn: filterSort},
		"min":     {sig: "case_sensitive attribute", fn: func(c *call) (any, error) { return c.extreme(less) }},
		"max":     {sig: "case_sensitive attribute", fn: func(c *call) (any, error) { return c.extreme(greater) }},
		"sum":     {sig: "attribute start", fn: filterSum},
		"batch":   {sig: "linecount! fill_with", fn: filterBatch},
		"slice":   {sig: "slices! fill_with", fn: filterSlice},
		"flatten": {sig: "levels skip_nulls", fn: filterFlatten},
		"groupby": {sig: "attribute! default case_sensitive", fn: filterGroupby},
		"zip": {sig: "*", fn: func(c *call) (any, error) {
			return c.zip(append([]any{c.in}, c.rest...), nil, false)
		}},
		"zip_longest": {sig: "* fillvalue", fn: func(c *call) (any, error) {
			return c.zip(append([]any{c.in}, c.rest...), c.arg(0, nil), true)
		}},
		"product":      {sig: "* repeat", fn: filterProduct},
		"permutations": {sig: "length", fn: func(c *call) (any, error) { return c.choose(true) }},
		"combinations": {sig: "length!", fn: func(c *call) (any, error) { return c.choose(false) }},
		"subelements":  {sig: "subelements! skip_missing", fn: filterSubelements},
	}
}

func (c *call) end(first bool) (any, error) {
	l := c.list()
	if len(l) == 0 {
		c.st.built = true
		return &undefined{name: c.fn.name, at: c.at, msg: "the list has no " + c.fn.name + " item: it is empty"}, nil
	}
	if first {
		return l[0], nil
	}
	return l[len(l)-1], nil
}

func filterJoin(c *call) (any, error) {
	l := c.list()
	sep := c.text(0, "")
	if c.given(1) {
		p := c.st.path(c.args[1])
		mapped := c.newList(len(l))
		for _, e := range l {
			v, err := c.st.get(e, p, c.at, nil)
			if err != nil {
				return nil, err
			}
			mapped = append(mapped, v)
		}
		l = mapped
	}
	if c.err != nil {
		return nil, nil
	}
	parts := make([]string, len(l))
	for i, e := range l {
		var err error
		if parts[i], err = c.st.str(e); err != nil {
			return nil, err
		}
	}
	return c.join(parts, sep)
}

func filterReverse(c *call) (any, error) {
	if s, ok := c.in.(string); ok {
		r := []rune(s)
		for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
			r[i], r[j] = r[j], r[i]
		}
		return c.str(string(r))
	}
	l := c.list()
	out := c.newList(len(l))
	if c.err != nil {
		return nil, nil
	}
	for i := len(l) - 1; i >= 0; i-- {
		out = append(out, l[i])
	}
	return out, nil
}

func filterSum(c *call) (any, error) {
	p := c.st.path(c.arg(0, nil))
	total := c.arg(1, 0)
	for _, e := range c.list() {
		v, err := c.st.get(e, p, c.at, nil)
		if err != nil {
			return nil, err
		}
		if _, text := v.(string); text {
			return nil, &hinted{fmt.Sprintf("sum adds numbers, and %s is text", brief(v)), "turn the items into numbers: | map('int') | sum"}
		}
		if total, err = c.st.binary("+", total, v); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func filterFlatten(c *call) (any, error) {
	levels := -1
	if c.given(0) {
		levels = c.int(0, -1)
	}
	out := c.newList(0)
	skip := c.bool(1, true)
	l := c.list()
	if c.err != nil {
		return nil, nil
	}
	err := c.flatten(&out, l, levels, skip, 0)
	return out, err
}

func (c *call) flatten(out *[]any, l []any, levels int, skip bool, depth int) error {
	if depth > maxNesting {
		return &limitError{fmt.Sprintf("a list nested more than %d deep", maxNesting)}
	}
	for _, e := range l {
		if err := c.st.step(); err != nil {
			return err
		}
		if skip && (e == nil || e == "None" || e == "null") {
			continue
		}
		inner, ok := sequence(e)
		if ok && levels != 0 {
			if err := c.flatten(out, inner, levels-1, skip, depth+1); err != nil {
				return err
			}
			continue
		}
		if err := c.st.charge(slot); err != nil {
			return err
		}
		*out = append(*out, e)
	}
	return nil
}
