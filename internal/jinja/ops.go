package jinja

import (
	"fmt"
	"math"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

func unary(op byte, v any) (any, error) {
	v, err := use(v)
	if err != nil {
		return nil, err
	}
	if b, ok := v.(bool); ok {
		v, _ = wholeNumber(b)
	}
	switch v := v.(type) {
	case int:
		if op == '-' {
			if v == math.MinInt {
				return nil, errOverflow
			}
			return -v, nil
		}
		return v, nil
	case float64:
		if op == '-' {
			return -v, nil
		}
		return v, nil
	}
	return nil, fmt.Errorf("%c needs a number, not %s %s", op, article(v), brief(v))
}

// binary is the arithmetic of + - * / // % **, with Python's meaning for
// strings and lists.
func (st *state) binary(op string, l, r any) (any, error) {
	l, err := use(l)
	if err != nil {
		return nil, err
	}
	if r, err = use(r); err != nil {
		return nil, err
	}
	if b, ok := l.(bool); ok {
		l, _ = wholeNumber(b)
	}
	if b, ok := r.(bool); ok {
		if _, isText := l.(string); !isText || op != "%" {
			r, _ = wholeNumber(b)
		}
	}
	if li, ok := l.(int); ok {
		if ri, ok := r.(int); ok {
			return integer(op, li, ri)
		}
	}
	lf, lok := number(l)
	rf, rok := number(r)
	if lok && rok {
		return float(op, lf, rf)
	}
	switch op {
	case "+":
		return st.add(l, r)
	case "*":
		return st.repeat(l, r)
	case "%":
		if s, ok := l.(string); ok {
			return st.percent(s, r)
		}
	case "-":
		if d, ok := l.(*datetime); ok {
			return d.minus(r)
		}
		if a, ok := l.(*timedelta); ok {
			if b, ok := r.(*timedelta); ok {
				return &timedelta{a.d - b.d}, nil
			}
		}
	}
	return nil, mismatch(op, l, r)
}

func mismatch(op string, l, r any) error {
	h := &hinted{msg: fmt.Sprintf("'%s' can't work on %s %s and %s %s", op, article(l), brief(l), article(r), brief(r))}
	_, ls := l.(string)
	_, rs := r.(string)
	_, ln := number(l)
	_, rn := number(r)
	switch {
	case op == "+" && (ls || rs):
		h.hint = "join text with ~, or turn text into a number with | int"
	case ls && rn || rs && ln:
		h.hint = "turn the text into a number with | int or | float"
	}
	return h
}

func (st *state) add(l, r any) (any, error) {
	switch a := l.(type) {
	case string:
		if b, ok := r.(string); ok {
			if err := st.charge(len(a) + len(b)); err != nil {
				return nil, err
			}
			return a + b, nil
		}
	case []any:
		if b, ok := r.([]any); ok {
			return st.join(a, b)
		}
	case tuple:
		if b, ok := r.(tuple); ok {
			v, err := st.join(a, b)
			return tuple(v), err
		}
	case *datetime:
		if b, ok := r.(*timedelta); ok {
			return a.plus(b), nil
		}
	case *timedelta:
		if b, ok := r.(*timedelta); ok {
			return &timedelta{a.d + b.d}, nil
		}
		if b, ok := r.(*datetime); ok {
			return b.plus(a), nil
		}
	case *value.Dict:
		if _, ok := r.(*value.Dict); ok {
			return nil, &hinted{"dictionaries can't be added", "merge them with | combine"}
		}
	}
	return nil, mismatch("+", l, r)
}

func (st *state) join(a, b []any) ([]any, error) {
	out, err := st.list(len(a) + len(b))
	if err != nil {
		return nil, err
	}
	return append(append(out, a...), b...), nil
}

func (st *state) repeat(l, r any) (any, error) {
	if _, ok := l.(int); ok {
		l, r = r, l
	}
	n, ok := r.(int)
	if !ok {
		return nil, mismatch("*", l, r)
	}
	n = max(n, 0)
	switch v := l.(type) {
	case string:
		if err := st.charge(product(len(v), n)); err != nil {
			return nil, err
		}
		return strings.Repeat(v, n), nil
	case []any:
		return st.repeatList(v, n)
	case tuple:
		out, err := st.repeatList(v, n)
		return tuple(out), err
	}
	return nil, mismatch("*", l, r)
}

func (st *state) repeatList(v []any, n int) ([]any, error) {
	out, err := st.list(product(len(v), n))
	if err != nil {
		return nil, err
	}
	if len(v) == 0 {
		return out, nil
	}
	for range n {
		out = append(out, v...)
	}
	return out, nil
}
