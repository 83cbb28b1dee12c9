package playbooks

import (
	"context"
	"strings"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

// A Value is a piece of YAML with its templates compiled: a scalar, a list or
// a dict. A nil *Value is a keyword that was not given.
type Value struct {
	Pos      source.Pos
	raw      any // the value as written, templates as their text
	template *jinja.Template
	items    []*Value
	keys     []keyed
	dynamic  bool // there is a template somewhere in it
	size     int  // how many values it is
	node     *yaml.Node
}

type keyed struct {
	pos  source.Pos
	key  *Value // a key may be a template
	name any
	val  *Value
}

// Raw is the value as written: templates are their text.
func (v *Value) Raw() any {
	if v == nil {
		return nil
	}
	return v.raw
}

// Dynamic reports whether the value has a template anywhere in it.
func (v *Value) Dynamic() bool { return v != nil && v.dynamic }

// Eval fills the templates in.
func (v *Value) Eval(ctx context.Context, env *jinja.Env) (any, error) {
	switch {
	case v == nil:
		return nil, nil
	case !v.dynamic:
		return v.raw, nil
	case v.template != nil:
		return v.template.Eval(ctx, env)
	case v.items != nil:
		out := make([]any, len(v.items))
		for i, it := range v.items {
			x, err := it.Eval(ctx, env)
			if err != nil {
				return nil, err
			}
			out[i] = x
		}
		return out, nil
	default:
		out := value.NewDict()
		for _, k := range v.keys {
			name := k.name
			if k.key != nil {
				x, err := k.key.Eval(ctx, env)
				if err != nil {
					return nil, err
				}
				name = x
			}
			x, err := k.val.Eval(ctx, env)
			if err != nil {
				return nil, err
			}
			out.Set(name, x)
		}
		return out, nil
	}
}

// Entry returns the value of a dict's key and the place of the key.
func (v *Value) Entry(key string) (*Value, source.Pos, bool) {
	if v == nil {
		return nil, source.Pos{}, false
	}
	for _, k := range v.keys {
		if k.name == key {
			return k.val, k.pos, true
		}
	}
	return nil, source.Pos{}, false
}

// A Cond is one condition of `when:` and its like: an expression, or a value
// such as true. Eval says whether it holds.
type Cond struct {
	Pos      source.Pos
	Text     string          // as written
	Expr     *jinja.Template // nil: Template or Const
	Template *jinja.Template // text with {{ }} in parts: its outcome is the expression
	Const    bool
}

// Eval says whether the condition holds. As in Ansible, what {{ }} gives is an
// expression once more: `when: "{{ flag }}"` with the text "false" is false.
func (c *Cond) Eval(ctx context.Context, env *jinja.Env) (bool, error) {
	again := c.Template
	if again == nil {
		if c.Expr == nil {
			return c.Const, nil
		}
		again = c.Expr
	}
	v, err := again.Eval(ctx, env)
	if err != nil {
		return false, err
	}
	if text, ok := v.(string); ok && (c.Template != nil || c.Expr.Wrapped()) {
		if strings.TrimSpace(text) == "" {
			return false, nil
		}
		t, err := jinja.CompileExpr(text, c.Pos)
		if err != nil {
			return false, err
		}
		// The text may have come from a host: it must not run lookups here.
		safe := *env
		safe.NoLookups = true
		if v, err = t.Eval(ctx, &safe); err != nil {
			return false, err
		}
	}
	return value.Truthy(v), nil
}
