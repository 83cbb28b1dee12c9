package jinja

import (
	"fmt"
)

// applyFilters apply another filter or a test to each item of a list.
func applyFilters() map[string]function {
	return map[string]function{
		"map":        {sig: "* **", fn: filterMap},
		"select":     {sig: "* **", fn: func(c *call) (any, error) { return c.chosen(nil, true) }},
		"reject":     {sig: "* **", fn: func(c *call) (any, error) { return c.chosen(nil, false) }},
		"selectattr": {sig: "attribute! * **", fn: func(c *call) (any, error) { return c.chosen(c.st.path(c.args[0]), true) }},
		"rejectattr": {sig: "attribute! * **", fn: func(c *call) (any, error) { return c.chosen(c.st.path(c.args[0]), false) }},
	}
}

// applied is the filter or test that the first free argument names; nil if
// there is none.
func (c *call) applied(set map[string]*function, kind string) *call {
	if c.inner != nil || len(c.rest) == 0 {
		return c.inner
	}
	word, ok := c.rest[0].(string)
	f := set[unqualified(word)]
	switch {
	case !ok:
		c.fail(fmt.Errorf("the name of a %s is a string, not %s %s", kind, article(c.rest[0]), brief(c.rest[0])))
	case f == nil:
		c.fail(&hinted{fmt.Sprintf("there is no %s named %s", kind, word), didYouMean(word, names(set))})
	default:
		inner, err := c.st.bindValues(f, c.at, &arguments{pos: c.rest[1:], kw: c.kw})
		c.fail2(err)
		return inner
	}
	return nil
}

// each is what a filter goes through; like in Jinja2, what is empty or None
// has no items, whatever it is.
func (c *call) each() []any {
	ok, err := c.st.truth(c.in)
	if err != nil || !ok {
		c.fail2(err)
		return nil
	}
	return c.list()
}

func filterMap(c *call) (any, error) {
	l := c.each()
	out := c.newList(len(l))
	inner := c.applied(lib().filters, "filter")
	if c.err != nil {
		return nil, nil
	}
	if inner == nil {
		return c.mapAttribute(l, out)
	}
	for _, e := range l {
		v, err := inner.apply(e)
		if err != nil {
			return nil, inner.at.wrap(err)
		}
		out = append(out, v)
	}
	return out, nil
}

// mapAttribute is map(attribute=…, default=…).
func (c *call) mapAttribute(l, out []any) (any, error) {
	var p path
	var def any
	for _, k := range c.kw {
		switch k.name {
		case "attribute":
			p = c.st.path(k.value)
		case "default":
			def = k.value
		default:
			return nil, &hinted{"map has no argument " + k.name, "it has: attribute, default, or the name of a filter"}
		}
	}
	if p == nil {
		return nil, &hinted{"map needs the name of a filter or attribute=", "as in map('upper') or map(attribute='name')"}
	}
	for _, e := range l {
		v, err := c.st.get(e, p, c.at, def)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// chosen are the items that pass a test, or that are true without one.
func (c *call) chosen(p path, want bool) (any, error) {
	l := c.each()
	out := c.newList(len(l))
	inner := c.applied(lib().tests, "test")
	if c.err != nil {
		return nil, nil
	}
	for _, e := range l {
		v, err := c.st.get(e, p, c.at, nil)
		if err != nil {
			return nil, err
		}
		ok := false
		if inner != nil {
			ok, err = inner.test(v)
		} else {
			ok, err = c.st.truth(v)
		}
		if err != nil {
			return nil, err
		}
		if ok == want {
			out = append(out, e)
		}
	}
	return out, nil
}
