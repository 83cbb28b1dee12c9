package jinja

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A tuple is a list that prints in parentheses. It leaves an Eval as a list.
type tuple []any

// Repr is (1, 2) or (1,).
func (t tuple) Repr() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, v := range t {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(value.Repr(v))
	}
	if len(t) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}

// Truthy is false for ().
func (t tuple) Truthy() bool { return len(t) > 0 }

// Equal compares with another tuple.
func (t tuple) Equal(other any) bool {
	o, ok := other.(tuple)
	return ok && value.Equal([]any(t), []any(o))
}

// A namespace is the one thing that a template may change.
type namespace struct{ vars *value.Dict }

func (n *namespace) Repr() string { return "<Namespace " + value.Repr(n.vars) + ">" }

// A callable is a value that can be called.
type callable interface {
	call(st *state, at place, a *arguments) (any, error)
}

// arguments of a call, evaluated.
type arguments struct {
	pos []any
	kw  []kwarg
}

type kwarg struct {
	name  string
	value any
}

func (a *arguments) dict() *value.Dict {
	d := &value.Dict{}
	for _, k := range a.kw {
		d.Set(k.name, k.value)
	}
	return d
}

// typeName is Python's name of a value's type.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	case tuple:
		return "tuple"
	case *value.Dict, Mapping:
		return "dict"
	case *undefined:
		return "AnsibleUndefined"
	case *namespace:
		return "Namespace"
	case *datetime:
		return "datetime"
	case *timedelta:
		return "timedelta"
	case callable:
		return "function"
	case interface{ TypeName() string }:
		return v.TypeName()
	}
	return "object"
}
