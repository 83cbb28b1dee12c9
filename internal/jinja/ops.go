package jinja

import (
	"fmt"
	"math"
	"math/bits"
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

var errOverflow = fmt.Errorf("the number does not fit into 64 bits")

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

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func integer(op string, l, r int) (any, error) {
	switch op {
	case "+":
		s := l + r
		if (s > l) != (r > 0) && r != 0 {
			return nil, errOverflow
		}
		return s, nil
	case "-":
		s := l - r
		if (s < l) != (r > 0) && r != 0 {
			return nil, errOverflow
		}
		return s, nil
	case "*":
		return multiply(l, r)
	case "/":
		if r == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		return float64(l) / float64(r), nil
	case "//":
		if r == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		if l == math.MinInt && r == -1 {
			return nil, errOverflow
		}
		q := l / r
		if l%r != 0 && (l < 0) != (r < 0) {
			q--
		}
		return q, nil
	case "%":
		if r == 0 {
			return nil, fmt.Errorf("integer modulo by zero")
		}
		if r == -1 {
			return 0, nil
		}
		m := l % r
		if m != 0 && (m < 0) != (r < 0) {
			m += r
		}
		return m, nil
	default: // **
		return power(l, r)
	}
}

func multiply(l, r int) (any, error) {
	hi, lo := bits.Mul64(magnitude(l), magnitude(r))
	negative := (l < 0) != (r < 0)
	switch {
	case hi != 0 || lo > 1<<63 || lo == 1<<63 && !negative:
		return nil, errOverflow
	case negative:
		return int(-lo), nil
	}
	return int(lo), nil
}

func magnitude(i int) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

func power(base, exp int) (any, error) {
	if exp < 0 {
		if base == 0 {
			return nil, fmt.Errorf("0 can't be raised to a negative power")
		}
		return math.Pow(float64(base), float64(exp)), nil
	}
	switch base {
	case 0, 1:
		if exp == 0 {
			return 1, nil
		}
		return base, nil
	case -1:
		return 1 - 2*(exp&1), nil
	}
	if exp > 64 {
		return nil, errOverflow
	}
	out := 1
	for range exp {
		v, err := multiply(out, base)
		if err != nil {
			return nil, err
		}
		out = v.(int)
	}
	return out, nil
}

func float(op string, l, r float64) (any, error) {
	switch op {
	case "+":
		return l + r, nil
	case "-":
		return l - r, nil
	case "*":
		return l * r, nil
	case "/":
		if r == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		return l / r, nil
	case "//", "%":
		if r == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		q, m := divmod(l, r)
		if op == "%" {
			return m, nil
		}
		return q, nil
	default: // **
		p := math.Pow(l, r)
		switch {
		case l == 0 && r < 0:
			return nil, fmt.Errorf("0 can't be raised to a negative power")
		case math.IsNaN(p) && !math.IsNaN(l) && !math.IsNaN(r):
			return nil, fmt.Errorf("%v ** %v is no real number", l, r)
		case math.IsInf(p, 0) && !math.IsInf(l, 0) && !math.IsInf(r, 0):
			return nil, fmt.Errorf("%v ** %v is too large", l, r)
		}
		return p, nil
	}
}

// divmod rounds towards negative infinity, as Python does.
func divmod(l, r float64) (q, m float64) {
	m = math.Mod(l, r)
	q = (l - m) / r
	if m != 0 {
		if (r < 0) != (m < 0) {
			m += r
			q--
		}
	} else {
		m = math.Copysign(0, r)
	}
	if q != 0 {
		floor := math.Floor(q)
		if q-floor > 0.5 {
			floor++
		}
		return floor, m
	}
	return math.Copysign(0, l/r), m
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

// product multiplies sizes; too large is the largest.
func product(a, b int) int {
	v, err := multiply(a, b)
	if err != nil {
		return math.MaxInt
	}
	return v.(int)
}

func (st *state) compare(op string, l, r any) (bool, error) {
	switch op {
	case "in", "not in":
		found, err := st.contains(r, l)
		return found == (op == "in"), err
	}
	l, err := use(l)
	if err != nil {
		return false, err
	}
	if r, err = use(r); err != nil {
		return false, err
	}
	switch op {
	case "==":
		return st.equal(l, r)
	case "!=":
		eq, err := st.equal(l, r)
		return !eq, err
	}
	c, ok, err := st.order(l, r, 0)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, mismatch(op, l, r)
	}
	switch op {
	case "<":
		return c == less, nil
	case "<=":
		return c == less || c == same, nil
	case ">":
		return c == greater, nil
	default:
		return c == greater || c == same, nil
	}
}

// equal is Python's ==.
func (st *state) equal(l, r any) (bool, error) {
	if scalar(l) || scalar(r) {
		if v, ok := use2(l, r); ok {
			return false, v
		}
		return value.Equal(l, r), nil
	}
	l, err := st.plain(l)
	if err != nil {
		return false, err
	}
	if r, err = st.plain(r); err != nil {
		return false, err
	}
	if value.Equal(l, r) {
		return true, nil
	}
	return identical(l, r), nil
}

// use2 reports the error of using either of two values.
func use2(l, r any) (error, bool) {
	for _, v := range [2]any{l, r} {
		if _, err := use(v); err != nil {
			return err, true
		}
	}
	return nil, false
}

// identical compares the runner's own values, such as omit.
func identical(l, r any) (eq bool) {
	switch l.(type) {
	case []any, tuple, *value.Dict:
		return false
	}
	defer func() {
		if recover() != nil { // not comparable
			eq = false
		}
	}()
	return l == r
}

func scalar(v any) bool {
	switch v.(type) {
	case nil, bool, int, float64, string:
		return true
	}
	return false
}

type ordering int8

const (
	less ordering = iota
	same
	greater
	neither // NaN
)

// order compares as Python's < does; ok=false: these types have no order.
func (st *state) order(l, r any, depth int) (ordering, bool, error) {
	if depth > maxNesting {
		return neither, false, &limitError{fmt.Sprintf("a value nested more than %d deep", maxNesting)}
	}
	if a, ok := l.(string); ok {
		b, ok := r.(string)
		return ordering(strings.Compare(a, b) + 1), ok, nil
	}
	if a, ok := wholeNumber(l); ok {
		if b, ok := wholeNumber(r); ok {
			switch {
			case a < b:
				return less, true, nil
			case a > b:
				return greater, true, nil
			}
			return same, true, nil
		}
	}
	if a, ok := number(l); ok {
		b, ok := number(r)
		switch {
		case a < b:
			return less, ok, nil
		case a > b:
			return greater, ok, nil
		case a == b:
			return same, ok, nil
		}
		return neither, ok, nil
	}
	switch a := l.(type) {
	case []any:
		if b, ok := r.([]any); ok {
			return st.orderLists(a, b, depth)
		}
	case tuple:
		if b, ok := r.(tuple); ok {
			return st.orderLists(a, b, depth)
		}
	case *datetime:
		if b, ok := r.(*datetime); ok {
			return ordering(a.t.Compare(b.t) + 1), true, nil
		}
	case *timedelta:
		if b, ok := r.(*timedelta); ok {
			return st.order(int(a.d), int(b.d), depth)
		}
	}
	return neither, false, nil
}

func (st *state) orderLists(a, b []any, depth int) (ordering, bool, error) {
	for i := range min(len(a), len(b)) {
		if err := st.step(); err != nil {
			return neither, false, err
		}
		eq, err := st.equal(a[i], b[i])
		if err != nil {
			return neither, false, err
		}
		if !eq {
			return st.order(a[i], b[i], depth+1)
		}
	}
	return st.order(len(a), len(b), depth)
}

// contains is `v in container`.
func (st *state) contains(container, v any) (bool, error) {
	container, err := use(container)
	if err != nil {
		return false, err
	}
	if v, err = use(v); err != nil {
		return false, err
	}
	switch c := container.(type) {
	case string:
		s, ok := v.(string)
		if !ok {
			return false, fmt.Errorf("`in` looks for text in the string %s, not for %s %s", brief(c), article(v), brief(v))
		}
		return strings.Contains(c, s), nil
	case []any:
		return st.listContains(c, v)
	case tuple:
		return st.listContains(c, v)
	case *value.Dict:
		if v, err = hashable(v); err != nil {
			return false, err
		}
		_, ok := dictGet(c, v)
		return ok, nil
	case *namespace:
		return st.contains(c.vars, v)
	case Mapping:
		if v, err = hashable(v); err != nil {
			return false, err
		}
		for _, k := range c.Keys() {
			if value.Equal(k, v) {
				return true, nil
			}
		}
		return false, nil
	}
	return false, fmt.Errorf("`in` needs a list, a dictionary or text, not %s %s", article(container), brief(container))
}

func (st *state) listContains(l []any, v any) (bool, error) {
	if err := st.charge(len(l)); err != nil { // bounds nested searches
		return false, err
	}
	if s, ok := v.(string); ok {
		for _, e := range l {
			if t, ok := e.(string); ok {
				if s == t {
					return true, nil
				}
			} else if u, ok := e.(*undefined); ok && !u.lenient {
				return false, u.err()
			}
		}
		return false, nil
	}
	for _, e := range l {
		if err := st.step(); err != nil {
			return false, err
		}
		eq, err := st.equal(v, e)
		if err != nil || eq {
			return eq, err
		}
	}
	return false, nil
}
