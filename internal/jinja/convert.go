package jinja

import (
	"fmt"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/value"
)

const maxNesting = 500 // lists and dicts inside each other

// str is Python's str(v), refused for what is undefined or endless.
func (st *state) str(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case nil, bool, int, float64:
		return value.Str(v), nil
	case *undefined:
		s, err := use(v)
		if err != nil {
			return "", err
		}
		return s.(string), nil
	}
	v, err := st.plain(v)
	if err != nil {
		return "", err
	}
	return value.Str(v), nil
}

// plain prepares a value for printing: it checks the size of what was built
// here and reads a lazy mapping as a dict.
func (st *state) plain(v any) (any, error) {
	w := walker{st: st}
	return w.top(v)
}

// export prepares a value for leaving the Eval: tuples become lists, and
// nothing undefined gets out.
func (st *state) export(v any) (any, error) {
	switch v.(type) {
	case nil, bool, int, float64, string:
		return v, nil
	case *undefined:
		return use(v)
	}
	if _, lazy := v.(Mapping); lazy || st.built || isOwn(v) {
		w := walker{st: st, export: true}
		return w.top(v)
	}
	return v, nil
}

// isOwn reports a type that only templates know.
func isOwn(v any) bool {
	switch v.(type) {
	case tuple, *namespace, *datetime, *timedelta, callable:
		return true
	}
	return false
}

// A walker goes through a value once, bounded in size and depth, and copies
// only what it has to change.
type walker struct {
	st     *state
	export bool // for the world outside: tuples become lists
	write  bool // for JSON and YAML: lazy mappings too are read
}

func (w *walker) top(v any) (any, error) {
	v, _, err := w.walk(v, 0)
	return v, err
}

// walk returns the value to use instead of v, and whether it is another one.
func (w *walker) walk(v any, depth int) (any, bool, error) {
	if depth > maxNesting {
		return nil, false, &limitError{fmt.Sprintf("a value nested more than %d deep", maxNesting)}
	}
	if err := w.st.step(); err != nil {
		return nil, false, err
	}
	switch v := v.(type) {
	case nil, bool, int, float64:
		return v, false, nil
	case string:
		return v, false, w.st.charge(len(v))
	case *undefined:
		u, err := use(v)
		return u, true, err
	case []any:
		return w.list(v, depth)
	case tuple:
		l, changed, err := w.list(v, depth)
		if w.export || w.write || err != nil {
			return l, true, err
		}
		return tuple(l), changed, nil
	case *value.Dict:
		return w.dict(v, depth)
	case Mapping:
		if _, own := v.(allVars); w.export && !own {
			return v, false, nil
		}
		d, err := w.st.materialize(v)
		if err != nil {
			return nil, false, err
		}
		d, _, err = w.dict(d, depth)
		return d, true, err
	case *namespace:
		d, _, err := w.dict(v.vars, depth)
		if w.export || w.write || err != nil {
			return d, true, err
		}
		return &namespace{d}, true, nil
	case *datetime, *timedelta:
		if w.export || w.write {
			return value.Str(v), true, nil
		}
		return v, false, nil
	case callable:
		return nil, false, fmt.Errorf("a %s is no value: call it with ()", typeName(v))
	}
	if w.write {
		return nil, false, fmt.Errorf("%s %s can't be written down", article(v), brief(v))
	}
	return v, false, nil // the runner's own, such as omit
}

func (w *walker) list(v []any, depth int) ([]any, bool, error) {
	var out []any
	for i, e := range v {
		n, changed, err := w.walk(e, depth+1)
		if err != nil {
			return nil, false, err
		}
		if changed && out == nil {
			out = append(make([]any, 0, len(v)), v[:i]...)
		}
		if out != nil {
			out = append(out, n)
		}
	}
	if out == nil {
		return v, false, nil
	}
	return out, true, nil
}

func (w *walker) dict(v *value.Dict, depth int) (*value.Dict, bool, error) {
	var out *value.Dict
	for k, e := range v.All() {
		n, changed, err := w.walk(e, depth+1)
		if err != nil {
			return nil, false, err
		}
		if !changed {
			continue
		}
		if out == nil {
			out = v.Clone()
		}
		out.Set(k, n)
	}
	if out == nil {
		return v, false, nil
	}
	return out, true, nil
}

// materialize reads a lazy mapping as a dict.
func (st *state) materialize(m Mapping) (*value.Dict, error) {
	keys := m.Keys()
	if err := st.charge(len(keys) * 3 * slot); err != nil {
		return nil, err
	}
	d := &value.Dict{}
	for _, k := range keys {
		if err := st.step(); err != nil {
			return nil, err
		}
		v, ok, err := m.Get(st.ctx, k)
		if err != nil {
			return nil, err
		}
		if ok {
			d.Set(k, v)
		}
	}
	return d, nil
}

// mapping gives v as a dict, if it is one.
func (st *state) mapping(v any) (*value.Dict, bool, error) {
	switch v := v.(type) {
	case *value.Dict:
		return v, true, nil
	case *namespace:
		return v.vars, true, nil
	case Mapping:
		d, err := st.materialize(v)
		return d, true, err
	}
	return nil, false, nil
}

// sequence gives v as a list without copying, if it is a list or tuple.
func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case tuple:
		return v, true
	}
	return nil, false
}

// iterate gives what a loop over v sees. The result must not be changed.
func (st *state) iterate(v any) ([]any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case tuple:
		return v, nil
	case *value.Dict:
		if err := st.charge(v.Len() * slot); err != nil {
			return nil, err
		}
		return v.Keys(), nil
	case string:
		out, err := st.list(utf8.RuneCountInString(v))
		if err != nil {
			return nil, err
		}
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	case *undefined:
		if v.lenient {
			return nil, nil
		}
		return nil, v.err()
	case Mapping:
		return v.Keys(), nil
	case *namespace:
		return v.vars.Keys(), nil
	}
	return nil, fmt.Errorf("%s %s is not iterable", article(v), brief(v))
}

// truth is Python's bool(v).
func (st *state) truth(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case *undefined:
		if v.lenient {
			return false, nil
		}
		return false, v.err()
	case Mapping:
		return len(v.Keys()) > 0, nil
	}
	return value.Truthy(v), nil
}

// article is the type of v for a sentence, brief its text cut short.
func article(v any) string {
	switch v.(type) {
	case nil:
		return "the value"
	case bool:
		return "the boolean"
	case int, float64:
		return "the number"
	case string:
		return "the string"
	case []any, tuple:
		return "the list"
	case *value.Dict, Mapping:
		return "the dictionary"
	}
	return "the " + typeName(v)
}

func brief(v any) string {
	var s string
	switch v := v.(type) {
	case Mapping:
		return "{…}"
	case []any:
		if len(v) > 8 {
			return "[…]"
		}
		for _, e := range v {
			if _, ok := sequence(e); ok {
				return "[…]"
			}
			if _, ok := e.(*value.Dict); ok {
				return "[…]"
			}
		}
		s = value.Repr(v)
	case tuple:
		return brief([]any(v))
	case *value.Dict:
		return "{…}"
	case string:
		if len(v) > 200 {
			v = v[:200]
		}
		s = value.Repr(v)
	default:
		s = value.Repr(v)
	}
	if len(s) > 60 {
		cut := 57
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}
