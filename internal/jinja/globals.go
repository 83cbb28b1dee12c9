package jinja

import (
	"fmt"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
)

// globalTable are the functions that a template can call by name.
func globalTable() map[string]*function {
	return table(map[string]function{
		"range":     {sig: "start! stop step", fn: globalRange},
		"dict":      {sig: "* **", fn: globalDict},
		"lookup":    {sig: "name! * **", fn: func(c *call) (any, error) { return c.lookup(false) }},
		"query":     {sig: "name! * **", fn: func(c *call) (any, error) { return c.lookup(true) }},
		"q":         {sig: "name! * **", fn: func(c *call) (any, error) { return c.lookup(true) }},
		"namespace": {sig: "* **", fn: globalNamespace},
		"now":       {sig: "utc fmt", fn: globalNow},
		"joiner":    {sig: "sep", fn: func(c *call) (any, error) { return &joiner{sep: c.text(0, ", ")}, nil }},
		"cycler":    {sig: "*", fn: globalCycler},
		"undef":     {sig: "hint", fn: globalUndef, undef: true},
		"zip":       {sig: "*", fn: func(c *call) (any, error) { return c.zip(c.rest, nil, false) }},
	})
}

func globalRange(c *call) (any, error) {
	start, stop, step := 0, c.int(0, 0), c.int(2, 1)
	if c.has(1) {
		start, stop = stop, c.int(1, 0)
	}
	if step == 0 {
		return nil, fmt.Errorf("the step of range can't be 0")
	}
	if c.err != nil {
		return nil, nil
	}
	var n uint64
	switch {
	case step > 0 && start < stop:
		n = (uint64(stop)-uint64(start)-1)/uint64(step) + 1
	case step < 0 && start > stop:
		n = (uint64(start)-uint64(stop)-1)/magnitude(step) + 1
	}
	const most = 1 << 40
	out := c.newList(int(min(n, most)))
	if c.err != nil {
		return nil, nil
	}
	for i := range n {
		out = append(out, start+int(i)*step)
	}
	return out, nil
}

// globalDict is dict(pairs, key=value).
func globalDict(c *call) (any, error) {
	d, err := c.st.dictOf(c.rest)
	if err != nil {
		return nil, err
	}
	for _, k := range c.kw {
		d.Set(k.name, k.value)
	}
	return d, nil
}

// dictOf makes a dict of what dict() is given: nothing, another dict, or a
// list of pairs.
func (st *state) dictOf(args []any) (*value.Dict, error) {
	st.built = true
	if len(args) == 0 {
		return &value.Dict{}, nil
	}
	if len(args) > 1 {
		return nil, fmt.Errorf("dict takes one dictionary or list of pairs, not %d values", len(args))
	}
	if d, ok, err := st.mapping(args[0]); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return d.Clone(), st.charge(3 * slot * d.Len())
	}
	pairs, err := st.iterate(args[0])
	if err != nil {
		return nil, err
	}
	if err := st.charge(3 * slot * len(pairs)); err != nil {
		return nil, err
	}
	d := &value.Dict{}
	for _, p := range pairs {
		kv, err := st.iterate(p)
		if err != nil {
			return nil, err
		}
		if len(kv) != 2 {
			return nil, fmt.Errorf("dict needs pairs of key and value, not %s", brief(p))
		}
		k, err := hashable(kv[0])
		if err != nil {
			return nil, err
		}
		dictSet(d, k, kv[1])
	}
	return d, nil
}

func globalNamespace(c *call) (any, error) {
	v, err := globalDict(c)
	if err != nil {
		return nil, err
	}
	return &namespace{v.(*value.Dict)}, nil
}

func (st *state) now() time.Time {
	if st.env.Now != nil {
		return st.env.Now()
	}
	return time.Now()
}

func globalNow(c *call) (any, error) {
	now := c.st.now()
	if c.bool(0, false) {
		now = now.UTC()
	}
	c.st.built = true
	if c.given(1) {
		return strftime(c.word(1, ""), now)
	}
	return &datetime{t: now}, nil
}

func globalUndef(c *call) (any, error) {
	c.st.built = true
	msg := "Mandatory variable has not been overridden"
	if s, ok := c.arg(0, "").(string); ok && s != "" {
		msg = s
	}
	return &undefined{name: "undef()", msg: msg, at: c.at}, nil
}

// A joiner gives nothing the first time it is called, then its separator.
type joiner struct {
	sep  string
	used bool
}

func (j *joiner) call(*state, place, *arguments) (any, error) {
	if !j.used {
		j.used = true
		return "", nil
	}
	return j.sep, nil
}

// A cycler gives its items in turn.
type cycler struct {
	items []any
	i     int
}

func globalCycler(c *call) (any, error) {
	if len(c.rest) == 0 {
		return nil, fmt.Errorf("cycler needs something to cycle through")
	}
	return &cycler{items: c.rest}, nil
}

func (y *cycler) TypeName() string { return "cycler" }

func (y *cycler) attr(name string) (any, bool) {
	if name == "current" {
		return y.items[y.i], true
	}
	return nil, false
}

func (y *cycler) method(_ *state, name string, _ *arguments) (any, bool, error) {
	switch name {
	case "next":
		v := y.items[y.i]
		y.i = (y.i + 1) % len(y.items)
		return v, true, nil
	case "reset":
		y.i = 0
		return nil, true, nil
	}
	return nil, false, nil
}
