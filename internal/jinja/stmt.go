package jinja

import (
	"fmt"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A stmt is a part of a template that is carried out in order.
type stmt interface{ exec(st *state) error }

func runBody(st *state, body []stmt) error {
	for _, s := range body {
		if err := s.exec(st); err != nil {
			return err
		}
	}
	return nil
}

type textStmt struct{ s string }

func (n *textStmt) exec(st *state) error { return st.out.emit(st, n.s) }

type outputStmt struct{ e expr }

func (n *outputStmt) exec(st *state) error {
	v, err := n.e.eval(st)
	if err != nil {
		return err
	}
	if u, ok := v.(*undefined); ok {
		if v, err = use(u); err != nil {
			return n.e.pos().wrap(err)
		}
	}
	return n.e.pos().wrap(st.out.emit(st, v))
}

type branch struct {
	test expr
	body []stmt
}

type ifStmt struct {
	branches []branch
	other    []stmt
}

func (n *ifStmt) exec(st *state) error {
	for _, b := range n.branches {
		ok, err := evalTruth(st, b.test)
		if err != nil {
			return err
		}
		if ok {
			return runBody(st, b.body)
		}
	}
	return runBody(st, n.other)
}

// A target is what a value is assigned to: a name, a namespace's attribute,
// or several of them.
type target struct {
	at         place
	name, attr string
	items      []*target
}

func (t *target) assign(st *state, v any) error {
	switch {
	case t.items != nil:
		parts, err := st.iterate(v)
		if err != nil {
			return t.at.wrap(err)
		}
		if len(parts) != len(t.items) {
			return t.at.errorf("%s %s has %d of the %d items that are assigned here", article(v), brief(v), len(parts), len(t.items))
		}
		for i, item := range t.items {
			if err := item.assign(st, parts[i]); err != nil {
				return err
			}
		}
	case t.attr != "":
		of, err := st.lookup(t.name, t.at)
		if err != nil {
			return t.at.wrap(err)
		}
		ns, ok := of.(*namespace)
		if !ok {
			return t.at.errorf("%s is no namespace: a template can't change what is inside a variable", t.name).
				WithHint("make one first: {%% set %s = namespace() %%}", t.name)
		}
		if err := st.charge(3 * slot); err != nil {
			return t.at.wrap(err)
		}
		ns.vars.Set(t.attr, v)
	default:
		st.frame.set(t.name, v)
	}
	return nil
}

type setStmt struct {
	at      place
	target  *target
	value   expr // or else body through filters
	body    []stmt
	filters []*bound
}

func (n *setStmt) exec(st *state) error {
	var v any
	var err error
	if n.value != nil {
		v, err = n.value.eval(st)
	} else {
		v, err = st.filtered(n.body, n.filters)
	}
	if err != nil {
		return n.at.wrap(err)
	}
	return n.target.assign(st, v)
}

// filtered runs a body and sends its text through filters.
func (st *state) filtered(body []stmt, filters []*bound) (any, error) {
	st.push()
	s, err := st.capture(body)
	st.pop()
	if err != nil {
		return nil, err
	}
	var v any = s
	for _, f := range filters {
		c, err := f.prepare(st)
		if err != nil {
			return nil, err
		}
		if v, err = c.apply(v); err != nil {
			return nil, f.at.wrap(err)
		}
	}
	return v, nil
}

type filterStmt struct {
	at      place
	filters []*bound
	body    []stmt
}

func (n *filterStmt) exec(st *state) error {
	v, err := st.filtered(n.body, n.filters)
	if err == nil {
		err = st.out.emit(st, v)
	}
	return n.at.wrap(err)
}

type withStmt struct {
	targets []*target
	values  []expr
	body    []stmt
}

func (n *withStmt) exec(st *state) error {
	vals := make([]any, len(n.values))
	for i, e := range n.values {
		v, err := e.eval(st)
		if err != nil {
			return err
		}
		vals[i] = v
	}
	st.push()
	defer st.pop()
	for i, t := range n.targets {
		if err := t.assign(st, vals[i]); err != nil {
			return err
		}
	}
	return runBody(st, n.body)
}

type macroStmt struct{ m *macro }

func (n *macroStmt) exec(st *state) error {
	st.frame.set(n.m.name, &macroValue{n.m, st.frame})
	return nil
}

// A macro is a template inside a template.
type macro struct {
	at       place
	name     string
	params   []string
	defaults []expr // nil: none
	body     []stmt
	// what the body makes use of, and so may be given
	caller, varargs, kwargs bool
}

func (m *macro) noteUse(name string) {
	switch name {
	case "caller":
		m.caller = true
	case "varargs":
		m.varargs = true
	case "kwargs":
		m.kwargs = true
	}
}

type macroValue struct {
	m     *macro
	outer *frame
}

func (v *macroValue) call(st *state, at place, a *arguments) (any, error) {
	m := v.m
	saved := st.frame
	st.frame = &frame{outer: v.outer}
	defer func() { st.frame = saved }()
	given := map[string]any{}
	var extra []any
	for i, p := range a.pos {
		if i < len(m.params) {
			given[m.params[i]] = p
		} else {
			extra = append(extra, p)
		}
	}
	named := &value.Dict{}
	for _, k := range a.kw {
		switch {
		case k.name == "caller" && m.caller:
			given["caller"] = k.value
		case !oneOf(k.name, m.params):
			named.Set(k.name, k.value)
		case hasName(given, k.name):
			return nil, fmt.Errorf("the macro %s is given its parameter %s twice", m.name, k.name)
		default:
			given[k.name] = k.value
		}
	}
	if len(extra) > 0 && !m.varargs {
		return nil, fmt.Errorf("the macro %s takes %s, not %d", m.name, count(len(m.params), "argument"), len(a.pos))
	}
	if named.Len() > 0 && !m.kwargs {
		word := value.Str(named.Keys()[0])
		return nil, &hinted{fmt.Sprintf("the macro %s has no parameter %s", m.name, word), didYouMean(word, m.params)}
	}
	for i, p := range m.params {
		val, ok := given[p]
		if !ok {
			if m.defaults[i] != nil {
				var err error
				if val, err = m.defaults[i].eval(st); err != nil {
					return nil, err
				}
			} else {
				st.built = true
				val = &undefined{name: p, at: at, msg: fmt.Sprintf("the parameter '%s' of the macro %s was not given", p, m.name)}
			}
		}
		st.frame.set(p, val)
	}
	if m.varargs {
		st.built = true
		st.frame.set("varargs", tuple(extra))
	}
	if m.kwargs {
		st.frame.set("kwargs", named)
	}
	if m.caller {
		c, ok := given["caller"]
		if !ok {
			st.built = true
			c = &undefined{name: "caller", at: at, msg: fmt.Sprintf("the macro %s wants to be used with {%% call %%}", m.name)}
		}
		st.frame.set("caller", c)
	}
	return st.capture(m.body)
}

func (v *macroValue) attr(name string) (any, bool) {
	if name == "name" {
		return v.m.name, true
	}
	return nil, false
}

func hasName(m map[string]any, name string) bool {
	_, ok := m[name]
	return ok
}

type callStmt struct {
	call   *callExpr
	caller *macro
}

func (n *callStmt) exec(st *state) error {
	args := *n.call.args
	args.kw = append(append([]namedExpr(nil), args.kw...),
		namedExpr{"caller", &literal{n.call.node, &macroValue{n.caller, st.frame}}})
	c := *n.call
	c.args = &args
	v, err := c.eval(st)
	if err == nil {
		err = st.out.emit(st, v)
	}
	return n.call.at.wrap(err)
}
