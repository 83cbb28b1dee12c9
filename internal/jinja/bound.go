package jinja

import (
	"fmt"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A bound is the use of a function in a template, its arguments sorted to
// the parameters when the template is compiled.
type bound struct {
	fn    *function
	at    place
	args  []expr // nil: not given
	rest  []expr
	kw    []namedExpr
	all   *argExprs // instead, when there are *args or **kwargs
	inner *bound

	pattern *pattern
}

type namedExpr struct {
	name string
	expr expr
}

// argExprs are the arguments of a call as written.
type argExprs struct {
	pos        []expr
	kw         []namedExpr
	star, dict expr // *star, **dict
}

// bind sorts arguments to a function's parameters.
func bind(f *function, at place, a *argExprs) (*bound, error) {
	b := &bound{fn: f, at: at}
	if a.star != nil || a.dict != nil {
		b.all = a
		return b, nil
	}
	kwNames := make([]string, len(a.kw))
	kwExprs := make([]expr, len(a.kw))
	for i, k := range a.kw {
		kwNames[i], kwExprs[i] = k.name, k.expr
	}
	params, rest, left, err := slots(f, nil, a.pos, kwNames, kwExprs)
	if err != nil {
		return nil, at.wrap(err)
	}
	b.args, b.rest = params, rest
	for _, k := range left {
		b.kw = append(b.kw, a.kw[k])
	}
	return b, b.compilePattern()
}

// compilePattern compiles a regular expression that is a constant.
func (b *bound) compilePattern() error {
	if b.fn.pattern == 0 {
		return nil
	}
	lit, ok := b.args[b.fn.pattern-1].(*literal)
	if !ok {
		return nil
	}
	src, ok := lit.value.(string)
	if !ok {
		return nil
	}
	b.pattern = &pattern{src: src}
	_, err := b.pattern.compile(regexFlags{}, "")
	return lit.at.wrap(err)
}

// prepare evaluates the arguments. The call can then be applied to any number
// of values.
func (b *bound) prepare(st *state) (*call, error) {
	if b.all != nil {
		a, err := b.all.eval(st)
		if err != nil {
			return nil, err
		}
		c, err := st.bindValues(b.fn, b.at, a)
		if err != nil {
			return nil, b.at.wrap(err)
		}
		return c, nil
	}
	c := &call{st: st, at: b.at, fn: b.fn, pattern: b.pattern}
	if len(b.args) > 0 {
		c.args = make([]any, len(b.args))
	}
	get := func(e expr) (any, error) {
		v, err := e.eval(st)
		if err != nil {
			return nil, err
		}
		if !b.fn.undef {
			if v, err = use(v); err != nil {
				return nil, e.pos().wrap(err)
			}
		}
		return v, nil
	}
	var err error
	for i, e := range b.args {
		if e == nil {
			c.args[i] = absentValue{}
		} else if c.args[i], err = get(e); err != nil {
			return nil, err
		}
	}
	for _, e := range b.rest {
		v, err := get(e)
		if err != nil {
			return nil, err
		}
		c.rest = append(c.rest, v)
	}
	for _, k := range b.kw {
		v, err := get(k.expr)
		if err != nil {
			return nil, err
		}
		c.kw = append(c.kw, kwarg{k.name, v})
	}
	if b.inner != nil {
		c.inner, err = b.inner.prepare(st)
	}
	return c, err
}

// bindValues makes a call of a function with arguments that are known only
// now.
func (st *state) bindValues(f *function, at place, a *arguments) (*call, error) {
	kwNames := make([]string, len(a.kw))
	kwValues := make([]any, len(a.kw))
	for i, k := range a.kw {
		kwNames[i], kwValues[i] = k.name, k.value
	}
	params, rest, left, err := slots(f, any(absentValue{}), a.pos, kwNames, kwValues)
	if err != nil {
		return nil, err
	}
	c := &call{st: st, at: at, fn: f, args: params, rest: rest}
	for _, k := range left {
		c.kw = append(c.kw, a.kw[k])
	}
	if !f.undef {
		for _, list := range [][]any{c.args, c.rest} {
			for i := range list {
				if list[i], err = use(list[i]); err != nil {
					return nil, err
				}
			}
		}
		for i := range c.kw {
			if c.kw[i].value, err = use(c.kw[i].value); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// call makes a function a value that can be called: a global one.
func (f *function) call(st *state, at place, a *arguments) (any, error) {
	c, err := st.bindValues(f, at, a)
	if err != nil {
		return nil, err
	}
	return c.apply(nil)
}

// eval evaluates the arguments of a call.
func (a *argExprs) eval(st *state) (*arguments, error) {
	out := &arguments{}
	for _, e := range a.pos {
		v, err := e.eval(st)
		if err != nil {
			return nil, err
		}
		out.pos = append(out.pos, v)
	}
	if a.star != nil {
		v, err := a.star.eval(st)
		if err != nil {
			return nil, err
		}
		items, err := st.iterate(v)
		if err != nil {
			return nil, a.star.pos().wrap(err)
		}
		out.pos = append(out.pos, items...)
	}
	for _, k := range a.kw {
		v, err := k.expr.eval(st)
		if err != nil {
			return nil, err
		}
		out.kw = append(out.kw, kwarg{k.name, v})
	}
	if a.dict != nil {
		v, err := a.dict.eval(st)
		if err != nil {
			return nil, err
		}
		d, ok, err := st.mapping(v)
		if err == nil && !ok {
			err = fmt.Errorf("** needs a dictionary, not %s %s", article(v), brief(v))
		}
		if err != nil {
			return nil, a.dict.pos().wrap(err)
		}
		for k, e := range d.All() {
			out.kw = append(out.kw, kwarg{value.Str(k), e})
		}
	}
	return out, nil
}

// filterExpr is of | filter(…).
type filterExpr struct {
	node
	of     expr
	filter *bound
}

func (n *filterExpr) eval(st *state) (any, error) {
	in, err := n.of.eval(st)
	if err != nil {
		return nil, err
	}
	c, err := n.filter.prepare(st)
	if err != nil {
		return nil, err
	}
	return n.done(c.apply(in))
}

// testExpr is of is test(…).
type testExpr struct {
	node
	of   expr
	test *bound
	not  bool
}

func (n *testExpr) eval(st *state) (any, error) {
	in, err := n.of.eval(st)
	if err != nil {
		return nil, err
	}
	c, err := n.test.prepare(st)
	if err != nil {
		return nil, err
	}
	ok, err := c.test(in)
	if err != nil {
		return n.done(nil, err)
	}
	return ok != n.not, nil
}
