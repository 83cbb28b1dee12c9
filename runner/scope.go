package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/playbooks"
)

// A binding is what a name stands for: a finished value, or one with
// templates that are filled in when it is used.
type binding struct {
	final any
	lazy  *playbooks.Value // nil: final
	from  source.Pos
	given bool // by the inventory or on the command line
}

// A layer is one rank of variables.
type layer interface {
	lookup(name string) (b binding, ok bool, err error)
	names() []string
}

// givens are variables that users set, as opposed to those of playbooks.
type givens struct{ layer }

func (l givens) lookup(name string) (binding, bool, error) {
	b, ok, err := l.layer.lookup(name)
	b.given = true
	return b, ok, err
}

// A scope resolves names for one task on one host: the layers from the
// strongest to the weakest. It is used by one goroutine, and each name keeps
// the value that it had when it was first asked for.
type scope struct {
	layers []layer
	memo   map[string]any
	busy   []string // names being evaluated, to find loops
	env    jinja.Env
	warn   func(at source.Pos, text string) // may be nil
}

func newScope(layers []layer, env jinja.Env) *scope {
	s := &scope{layers: layers, memo: map[string]any{}, env: env}
	s.env.Vars = s
	return s
}

// with is the scope with a stronger layer on top; nothing remembered carries
// over, for what was evaluated may depend on the new names.
func (s *scope) with(l layer) *scope {
	c := newScope(append([]layer{l}, s.layers...), s.env)
	c.warn = s.warn
	return c
}

// Var resolves a name (jinja.Vars).
func (s *scope) Var(ctx context.Context, name string) (any, bool, error) {
	if v, ok := s.memo[name]; ok {
		return v, true, nil
	}
	b, ok, err := s.find(name)
	if err != nil || !ok {
		return nil, false, err
	}
	v := b.final
	if b.lazy != nil {
		if slices.Contains(s.busy, name) {
			return nil, false, source.Errorf(b.from, "the variable %s is defined by itself: %s", name, strings.Join(append(s.busy, name), " → "))
		}
		s.busy = append(s.busy, name)
		v, err = b.lazy.Eval(ctx, &s.env)
		s.busy = s.busy[:len(s.busy)-1]
		if err != nil {
			if b.given && isUndefined(err) {
				return nil, false, unfillable(b.from, name, err)
			}
			if s.warn != nil && isUndefined(err) {
				// As in Ansible, `default` then applies, which hides a typo.
				s.warn(b.from, fmt.Sprintf("%s counts as undefined, because of its value: %v", name, err))
			}
			return nil, false, err
		}
	}
	s.memo[name] = v
	return v, true, nil
}

// unfillable is the error of a variable that a user has set to something
// undefined. Unlike in Ansible no `default` applies: it would hide a typo, and
// put somebody's data where the default says.
func unfillable(at source.Pos, name string, err error) error {
	e := source.Errorf(at, "%s can't be filled in: %s", name, err.Error()) // not wrapped: it is not undefined
	var cause *source.Error
	if errors.As(err, &cause) {
		e.Hint, e.Text = cause.Hint, cause.Text
		if cause.Pos == at {
			e.Msg = name + " can't be filled in: " + cause.Msg
		}
	}
	return e
}

func (s *scope) find(name string) (binding, bool, error) {
	for _, l := range s.layers {
		if b, ok, err := l.lookup(name); ok || err != nil {
			return b, ok, err
		}
	}
	return binding{}, false, nil
}

// Names lists all known names (jinja.Vars).
func (s *scope) Names() []string {
	var all []string
	for _, l := range s.layers {
		all = append(all, l.names()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// eval fills in a keyword; nil gives nil.
func (s *scope) eval(ctx context.Context, v *playbooks.Value) (any, error) {
	return v.Eval(ctx, &s.env)
}

// expr evaluates an expression given as text.
func (s *scope) expr(ctx context.Context, text string, at source.Pos) (any, error) {
	t, err := jinja.CompileExpr(text, at)
	if err != nil {
		return nil, err
	}
	return t.Eval(ctx, &s.env)
}

// finals is a layer of finished values.
type finals map[string]any

func (f finals) lookup(name string) (binding, bool, error) {
	v, ok := f[name]
	return binding{final: v}, ok, nil
}

func (f finals) names() []string {
	out := make([]string, 0, len(f))
	for n := range f {
		out = append(out, n)
	}
	return out
}

// written is a layer of variables as a playbook has them.
type written []playbooks.Var

func (w written) lookup(name string) (binding, bool, error) {
	for i := len(w) - 1; i >= 0; i-- { // a later one wins
		if w[i].Name == name {
			return binding{lazy: w[i].Value, final: w[i].Value.Raw(), from: w[i].Value.Pos}, true, nil
		}
	}
	return binding{}, false, nil
}

func (w written) names() []string {
	out := make([]string, len(w))
	for i, v := range w {
		out[i] = v.Name
	}
	return out
}

// computed is a layer of values made when they are asked for.
type computed map[string]func() (any, error)

func (c computed) lookup(name string) (binding, bool, error) {
	f, ok := c[name]
	if !ok {
		return binding{}, false, nil
	}
	v, err := f()
	if err != nil {
		return binding{}, false, fmt.Errorf("%s: %w", name, err)
	}
	return binding{final: v}, true, nil
}

func (c computed) names() []string {
	out := make([]string, 0, len(c))
	for n := range c {
		out = append(out, n)
	}
	return out
}
