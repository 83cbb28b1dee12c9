package jinja

import (
	"fmt"

	"github.com/etcdplay/etcdplay/internal/value"
)

// An expr is a part of an expression. Its errors have places.
type expr interface {
	eval(st *state) (any, error)
	pos() place
	start() int
	source() string
}

// node is what every expr has: its bytes in the text, and the place that its
// errors name.
type node struct {
	at         place
	begin, end int
}

func (n *node) pos() place { return n.at }
func (n *node) start() int { return n.begin }

// source is the expression as the user wrote it.
func (n *node) source() string { return n.at.text.src[n.begin:n.end] }

// done gives an error its place.
func (n *node) done(v any, err error) (any, error) {
	if err != nil {
		return nil, n.at.wrap(err)
	}
	return v, nil
}

type literal struct {
	node
	value any
}

func (n *literal) eval(*state) (any, error) { return n.value, nil }

type name struct {
	node
	name string
}

func (n *name) eval(st *state) (any, error) { return n.done(st.lookup(n.name, n.at)) }

type listExpr struct {
	node
	items []expr
	tuple bool
}

func (n *listExpr) eval(st *state) (any, error) {
	out, err := st.list(len(n.items))
	if err != nil {
		return n.done(nil, err)
	}
	for _, item := range n.items {
		v, err := item.eval(st)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if n.tuple {
		return tuple(out), nil
	}
	return out, nil
}

type dictExpr struct {
	node
	keys, vals []expr
}

func (n *dictExpr) eval(st *state) (any, error) {
	if err := st.charge(3 * slot * len(n.keys)); err != nil {
		return n.done(nil, err)
	}
	st.built = true
	d := &value.Dict{}
	for i, k := range n.keys {
		key, err := k.eval(st)
		if err != nil {
			return nil, err
		}
		if key, err = hashable(key); err != nil {
			return nil, k.pos().wrap(err)
		}
		v, err := n.vals[i].eval(st)
		if err != nil {
			return nil, err
		}
		dictSet(d, key, v)
	}
	return d, nil
}

// hashable checks that v can be the key of a dict.
func hashable(v any) (any, error) {
	v, err := use(v)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil, bool, int, float64, string:
		return v, nil
	}
	return nil, fmt.Errorf("%s %s can't be a key", article(v), brief(v))
}

// condExpr is `then if test else other`; other may be nil.
type condExpr struct {
	node
	test, then, other expr
}

func (n *condExpr) eval(st *state) (any, error) {
	ok, err := evalTruth(st, n.test)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return n.then.eval(st)
	case n.other != nil:
		return n.other.eval(st)
	}
	st.built = true
	return &undefined{
		name: n.source(), lenient: true, at: n.at,
		msg: "the `if` gave nothing and there is no `else`",
	}, nil
}

func evalTruth(st *state, e expr) (bool, error) {
	v, err := e.eval(st)
	if err != nil {
		return false, err
	}
	ok, err := st.truth(v)
	if err != nil {
		return false, e.pos().wrap(err)
	}
	return ok, nil
}

// logicExpr is `and` or `or`, which give one of their operands.
type logicExpr struct {
	node
	left, right expr
	or          bool
}

func (n *logicExpr) eval(st *state) (any, error) {
	l, err := n.left.eval(st)
	if err != nil {
		return nil, err
	}
	ok, err := st.truth(l)
	if err != nil {
		return nil, n.left.pos().wrap(err)
	}
	if ok == n.or {
		return l, nil
	}
	return n.right.eval(st)
}

type notExpr struct {
	node
	operand expr
}

func (n *notExpr) eval(st *state) (any, error) {
	ok, err := evalTruth(st, n.operand)
	if err != nil {
		return nil, err
	}
	return !ok, nil
}

// compareExpr is a chain such as a < b <= c.
type compareExpr struct {
	node
	first expr
	rest  []comparison
}

type comparison struct {
	op   string // == != < <= > >= in, "not in"
	with expr
	at   place
}

func (n *compareExpr) eval(st *state) (any, error) {
	l, err := n.first.eval(st)
	if err != nil {
		return nil, err
	}
	for _, c := range n.rest {
		r, err := c.with.eval(st)
		if err != nil {
			return nil, err
		}
		ok, err := st.compare(c.op, l, r)
		if err != nil {
			return nil, c.at.wrap(err)
		}
		if !ok {
			return false, nil
		}
		l = r
	}
	return true, nil
}

type unaryExpr struct {
	node
	op      byte // - or +
	operand expr
}

func (n *unaryExpr) eval(st *state) (any, error) {
	v, err := n.operand.eval(st)
	if err != nil {
		return nil, err
	}
	return n.done(unary(n.op, v))
}

type binaryExpr struct {
	node
	op          string
	left, right expr
	opAt        place
}

func (n *binaryExpr) eval(st *state) (any, error) {
	l, err := n.left.eval(st)
	if err != nil {
		return nil, err
	}
	r, err := n.right.eval(st)
	if err != nil {
		return nil, err
	}
	if err := st.step(); err != nil {
		return n.done(nil, err)
	}
	v, err := st.binary(n.op, l, r)
	if err != nil {
		return nil, n.opAt.wrap(err)
	}
	return v, nil
}

// concatExpr is a ~ b ~ c.
type concatExpr struct {
	node
	parts []expr
}

func (n *concatExpr) eval(st *state) (any, error) {
	parts := make([]string, len(n.parts))
	size := 0
	for i, p := range n.parts {
		v, err := p.eval(st)
		if err != nil {
			return nil, err
		}
		if parts[i], err = st.str(v); err != nil {
			return nil, p.pos().wrap(err)
		}
		size += len(parts[i])
	}
	if err := st.charge(size); err != nil {
		return n.done(nil, err)
	}
	buf := make([]byte, 0, size)
	for _, p := range parts {
		buf = append(buf, p...)
	}
	return string(buf), nil
}

// attrExpr is of.key.
type attrExpr struct {
	node
	of  expr
	key string
}

func (n *attrExpr) eval(st *state) (any, error) {
	v, err := n.of.eval(st)
	if err != nil {
		return nil, err
	}
	return n.done(st.attribute(v, n.key, n.at, n.of))
}

// itemExpr is of[key].
type itemExpr struct {
	node
	of, key expr
}

func (n *itemExpr) eval(st *state) (any, error) {
	v, err := n.of.eval(st)
	if err != nil {
		return nil, err
	}
	key, err := n.key.eval(st)
	if err != nil {
		return nil, err
	}
	return n.done(st.item(v, key, n.at, n.of))
}

// sliceExpr is of[from:to:step]; the parts may be nil.
type sliceExpr struct {
	node
	of             expr
	from, to, step expr
}

func (n *sliceExpr) eval(st *state) (any, error) {
	v, err := n.of.eval(st)
	if err != nil {
		return nil, err
	}
	var bounds [3]any
	for i, e := range [3]expr{n.from, n.to, n.step} {
		if e == nil {
			continue
		}
		if bounds[i], err = e.eval(st); err != nil {
			return nil, err
		}
	}
	return n.done(st.slice(v, bounds))
}
