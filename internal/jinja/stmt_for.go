package jinja

import (
	"fmt"
)

type forStmt struct {
	at     place
	target *target
	over   expr
	test   expr // nil: every item
	body   []stmt
	other  []stmt
}

func (n *forStmt) exec(st *state) error {
	v, err := n.over.eval(st)
	if err != nil {
		return err
	}
	items, err := st.iterate(v)
	if err != nil {
		e := n.over.pos().wrap(err)
		return e
	}
	if n.test != nil {
		if items, err = n.chosen(st, items); err != nil {
			return err
		}
	}
	if len(items) == 0 {
		return runBody(st, n.other)
	}
	l := &loop{items: items, st: st}
	outer := st.frame
	defer func() { st.frame = outer }()
	for i, item := range items {
		if err := st.step(); err != nil {
			return n.at.wrap(err)
		}
		l.i = i
		st.frame = &frame{outer: outer}
		st.frame.set("loop", l)
		if err := n.target.assign(st, item); err != nil {
			return err
		}
		if err := runBody(st, n.body); err != nil {
			return err
		}
	}
	return nil
}

// chosen are the items that pass the loop's `if`.
func (n *forStmt) chosen(st *state, items []any) ([]any, error) {
	var out []any
	for _, item := range items {
		if err := st.step(); err != nil {
			return nil, n.at.wrap(err)
		}
		st.push()
		err := n.target.assign(st, item)
		ok := false
		if err == nil {
			ok, err = evalTruth(st, n.test)
		}
		st.pop()
		if err != nil {
			return nil, err
		}
		if ok {
			if err := st.charge(slot); err != nil {
				return nil, n.at.wrap(err)
			}
			out = append(out, item)
		}
	}
	return out, nil
}

// loop is the variable `loop` of a {% for %}.
type loop struct {
	st      *state
	items   []any
	i       int
	changed []any
	asked   bool
}

func (l *loop) TypeName() string { return "loop" }

func (l *loop) Repr() string { return fmt.Sprintf("<loop %d/%d>", l.i+1, len(l.items)) }

var loopAttrs = []string{
	"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem", "depth", "depth0",
}

func (l *loop) known() []string { return loopAttrs }

func (l *loop) attr(name string) (any, bool) {
	n := len(l.items)
	switch name {
	case "index":
		return l.i + 1, true
	case "index0":
		return l.i, true
	case "revindex":
		return n - l.i, true
	case "revindex0":
		return n - l.i - 1, true
	case "first":
		return l.i == 0, true
	case "last":
		return l.i == n-1, true
	case "length":
		return n, true
	case "depth":
		return 1, true
	case "depth0":
		return 0, true
	case "previtem":
		if l.i > 0 {
			return l.items[l.i-1], true
		}
		l.st.built = true
		return &undefined{name: "loop.previtem", msg: "there is no previous item"}, true
	case "nextitem":
		if l.i+1 < n {
			return l.items[l.i+1], true
		}
		l.st.built = true
		return &undefined{name: "loop.nextitem", msg: "there is no next item"}, true
	}
	return nil, false
}

func (l *loop) method(st *state, name string, a *arguments) (any, bool, error) {
	switch name {
	case "cycle":
		if len(a.pos) == 0 {
			return nil, true, fmt.Errorf("loop.cycle needs something to cycle through")
		}
		return a.pos[l.i%len(a.pos)], true, nil
	case "changed":
		same := l.asked
		if same {
			var err error
			if same, err = st.equal([]any(l.changed), []any(a.pos)); err != nil {
				return nil, true, err
			}
		}
		l.asked, l.changed = true, a.pos
		return !same, true, nil
	}
	return nil, false, &hinted{"loop has no method " + name, "it has: cycle, changed; and without (): index, first, last, …"}
}
