package jinja

import (
	"fmt"

	"github.com/etcdplay/etcdplay/internal/value"
)

// callExpr is fn(…).
type callExpr struct {
	node
	fn   expr
	args *argExprs
}

func (n *callExpr) eval(st *state) (any, error) {
	if err := st.step(); err != nil {
		return n.done(nil, err)
	}
	if method, ok := n.fn.(*attrExpr); ok {
		of, err := method.of.eval(st)
		if err != nil {
			return nil, err
		}
		if of, err = use(of); err != nil {
			return n.done(nil, err)
		}
		args, err := n.args.eval(st)
		if err != nil {
			return nil, err
		}
		return n.done(st.callMethod(of, method, args))
	}
	fn, err := n.fn.eval(st)
	if err != nil {
		return nil, err
	}
	if u, ok := fn.(*undefined); ok && !u.lenient {
		return n.done(nil, n.unknown(u))
	}
	args, err := n.args.eval(st)
	if err != nil {
		return nil, err
	}
	return n.done(st.call(fn, n.at, args))
}

// unknown is the error of calling what is not there.
func (n *callExpr) unknown(u *undefined) error {
	if _, isName := n.fn.(*name); isName {
		if _, ok := lib().filters[u.name]; ok {
			e := n.at.errorf("there is no function %s", u.name)
			e.Err = &UndefinedError{u.name, e.Msg}
			return e.WithHint("it is a filter: write value | %s", u.name)
		}
	}
	return u.err()
}

func (st *state) call(fn any, at place, args *arguments) (any, error) {
	f, ok := fn.(callable)
	if !ok {
		return nil, fmt.Errorf("%s %s can't be called", article(fn), brief(fn))
	}
	if err := st.enter(); err != nil {
		return nil, err
	}
	defer st.leave()
	return f.call(st, at, args)
}

// methods of the values that templates make themselves.
type methods interface {
	method(st *state, name string, args *arguments) (v any, ok bool, err error)
}

// callMethod is of.name(…): a method as in Python, or a value that can be
// called.
func (st *state) callMethod(of any, m *attrExpr, args *arguments) (any, error) {
	var set map[string]*function
	switch v := of.(type) {
	case string:
		set = lib().stringMethods
	case *value.Dict, Mapping:
		set = lib().dictMethods
	case []any:
		set = lib().listMethods
	case tuple:
		set = lib().listMethods
	case int, float64, bool:
		set = lib().numberMethods
	case methods:
		if r, ok, err := v.method(st, m.key, args); ok || err != nil {
			return r, err
		}
	}
	if f := set[m.key]; f != nil {
		for _, a := range args.pos {
			if _, err := use(a); err != nil {
				if f.undef {
					break
				}
				return nil, err
			}
		}
		c, err := st.bindValues(f, m.at, args)
		if err != nil {
			return nil, err
		}
		return c.apply(of)
	}
	if d, ok := of.(*value.Dict); !ok || !hasKey(d, m.key) {
		if set != nil {
			h := &hinted{msg: fmt.Sprintf("%s has no method %s", lacks(of, m.of), m.key), hint: didYouMean(m.key, names(set))}
			if _, isFilter := lib().filters[m.key]; isFilter && h.hint == "" {
				h.hint = "it is a filter: write value | " + m.key
			}
			return nil, h
		}
	}
	fn, err := st.attribute(of, m.key, m.at, m.of)
	if err != nil {
		return nil, err
	}
	if fn, err = use(fn); err != nil {
		return nil, err
	}
	return st.call(fn, m.at, args)
}

func hasKey(d *value.Dict, key string) bool {
	_, ok := d.Get(key)
	return ok
}

func isMethod(set map[string]*function, name string) bool {
	_, ok := set[name]
	return ok
}
