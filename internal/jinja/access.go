package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/value"
)

// attribute is v.key. of is the expression that gave v, for messages; it may
// be nil.
func (st *state) attribute(v any, key string, at place, of expr) (any, error) {
	switch v := v.(type) {
	case *value.Dict:
		if isMethod(lib().dictMethods, key) {
			return nil, uncalled(key, "dictionaries", of)
		}
		if e, ok := v.Get(key); ok {
			return e, nil
		}
		if i, err := strconv.Atoi(key); err == nil { // foo.0
			if e, ok := v.Get(i); ok {
				return e, nil
			}
		}
		return st.missing(v, key, at, of), nil
	case *undefined:
		return v, nil
	case *namespace:
		if e, ok := v.vars.Get(key); ok {
			return e, nil
		}
		return st.missing(v.vars, key, at, of), nil
	case Mapping:
		if isMethod(lib().dictMethods, key) {
			return nil, uncalled(key, "dictionaries", of)
		}
		return st.item(v, key, at, of)
	case []any, tuple:
		if i, err := strconv.Atoi(key); err == nil {
			return st.item(v, i, at, of)
		}
		if t, ok := v.(tuple); ok && len(t) == 2 && (key == "grouper" || key == "list") {
			if key == "list" { // the names that groupby gives its pairs
				return t[1], nil
			}
			return t[0], nil
		}
		if isMethod(lib().listMethods, key) {
			return nil, uncalled(key, "lists", nil)
		}
	case string:
		if i, err := strconv.Atoi(key); err == nil {
			return st.item(v, i, at, of)
		}
		if isMethod(lib().stringMethods, key) {
			return nil, uncalled(key, "strings", nil)
		}
	case attributes:
		if e, ok := v.attr(key); ok {
			return e, nil
		}
	}
	st.built = true
	u := &undefined{name: key, at: at, msg: fmt.Sprintf("%s has no attribute '%s'", lacks(v, of), key)}
	if l, ok := v.(*loop); ok {
		u.known = l.known
	} else if lib().filters[key] != nil {
		u.hint = "it is a filter: write value | " + key
	}
	return u, nil
}

// attributes of the values that templates make themselves.
type attributes interface {
	attr(name string) (any, bool)
}

func uncalled(key, of string, dict expr) error {
	h := &hinted{msg: fmt.Sprintf("'%s' is a method of %s and is not called here", key, of), hint: "call it: ." + key + "()"}
	if dict != nil {
		h.hint += fmt.Sprintf("; or, for the key of that name, write ['%s']", key)
	}
	return h
}

// subject names a value in a message: by what the user wrote if that is
// short.
func subject(v any, of expr) string {
	if of != nil {
		if s := of.source(); len(s) <= 60 {
			return s
		}
	}
	return article(v)
}

// lacks is what is said of a value that has no such attribute: what it is.
func lacks(v any, of expr) string {
	kind := article(v)
	if of == nil {
		return kind
	}
	if v == nil {
		return subject(v, of) + " is None and"
	}
	return subject(v, of) + " is " + strings.Replace(kind, "the ", "a ", 1) + " and"
}

// missing is the value of a key that a dict does not have.
func (st *state) missing(d *value.Dict, key any, at place, of expr) *undefined {
	st.built = true
	u := &undefined{name: value.Str(key), at: at}
	u.msg = fmt.Sprintf("%s has no key %s", subject(d, of), brief(key))
	u.known = func() []string { return stringKeys(d.Keys()) }
	return u
}

func stringKeys(keys []any) []string {
	var names []string
	for _, k := range keys {
		if s, ok := k.(string); ok {
			names = append(names, s)
		}
	}
	return names
}

// item is v[key].
func (st *state) item(v, key any, at place, of expr) (any, error) {
	if u, ok := v.(*undefined); ok {
		return u, nil
	}
	key, err := use(key)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *value.Dict:
		if k, err := hashable(key); err != nil {
			return nil, err
		} else if e, ok := dictGet(v, k); ok {
			return e, nil
		}
		return st.missing(v, key, at, of), nil
	case *namespace:
		return st.item(v.vars, key, at, of)
	case Mapping:
		if _, err := hashable(key); err != nil {
			return nil, err
		}
		e, ok, err := v.Get(st.ctx, key)
		if err != nil || ok {
			return e, err
		}
		st.built = true
		return &undefined{
			name: value.Str(key), at: at, known: func() []string { return stringKeys(v.Keys()) },
			msg: fmt.Sprintf("%s has no key %s", subject(v, of), brief(key)),
		}, nil
	case []any:
		return st.index1(v, len(v), key, at, of, func(i int) any { return v[i] })
	case tuple:
		return st.index1(v, len(v), key, at, of, func(i int) any { return v[i] })
	case string:
		if ascii(v) {
			return st.index1(v, len(v), key, at, of, func(i int) any { return v[i : i+1] })
		}
		runes := []rune(v)
		return st.index1(v, len(runes), key, at, of, func(i int) any { return string(runes[i]) })
	}
	if name, ok := key.(string); ok {
		return st.attribute(v, name, at, of)
	}
	st.built = true
	return &undefined{name: value.Str(key), at: at, msg: fmt.Sprintf("%s has no item %s", lacks(v, of), brief(key))}, nil
}

func (st *state) index1(v any, n int, key any, at place, of expr, get func(int) any) (any, error) {
	i, ok := wholeNumber(key)
	if !ok {
		st.built = true
		return &undefined{name: value.Str(key), at: at, msg: fmt.Sprintf("%s has no item %s: an item is asked for by its number", lacks(v, of), brief(key))}, nil
	}
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		st.built = true
		return &undefined{name: value.Str(key), at: at, msg: fmt.Sprintf("%s has no item %v: it has %d, counted from 0", subject(v, of), key, n)}, nil
	}
	return get(i), nil
}

// dictGet finds a key as Python does: 1, 1.0 and True are one key.
func dictGet(d *value.Dict, key any) (any, bool) {
	if v, ok := d.Get(key); ok {
		return v, true
	}
	switch k := key.(type) {
	case bool:
		if k {
			return d.Get(1)
		}
		return d.Get(0)
	case float64:
		if i := int(k); float64(i) == k {
			return d.Get(i)
		}
	case int:
		if v, ok := d.Get(float64(k)); ok {
			return v, true
		}
		if k == 0 || k == 1 {
			return d.Get(k == 1)
		}
	}
	return nil, false
}

// dictSet sets a key as Python does, where 1, 1.0 and True are one key.
func dictSet(d *value.Dict, key, v any) {
	switch key.(type) {
	case bool, int, float64:
		for k := range d.All() {
			if value.Equal(k, key) {
				key = k
				break
			}
		}
	}
	d.Set(key, v)
}

// wholeNumber takes an int or a bool.
func wholeNumber(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
