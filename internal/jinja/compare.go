package jinja

import (
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

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
