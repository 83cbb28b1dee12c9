package jinja

import (
	"context"
	"errors"
	"fmt"

	"github.com/etcdplay/etcdplay/internal/source"
)

// A state is one Eval under way.
type state struct {
	ctx       context.Context
	env       *Env
	limits    Limits
	resolved  []resolved        // variables asked for so far
	index     map[string]int    // into resolved, once there are many
	templates map[string][]stmt // included in this Eval, by path
	frame     *frame
	out       *output
	steps     int
	memory    int
	depth     int
	// built: containers, tuples or undefined values were made in this Eval
	// and may have to be checked or replaced before they leave it.
	built bool
}

type resolved struct {
	name  string
	value any
	found bool
}

func newState(ctx context.Context, env *Env) *state {
	if env == nil {
		env = &Env{}
	}
	limits := env.Limits.filled()
	return &state{ctx: ctx, env: env, limits: limits, frame: &frame{}, out: &output{limit: limits.Output}}
}

// A frame holds the names that a part of a template has set.
type frame struct {
	outer *frame
	names []string
	vals  []any
}

func (f *frame) set(name string, v any) {
	for i, n := range f.names {
		if n == name {
			f.vals[i] = v
			return
		}
	}
	f.names = append(f.names, name)
	f.vals = append(f.vals, v)
}

func (f *frame) get(name string) (any, bool) {
	for ; f != nil; f = f.outer {
		for i, n := range f.names {
			if n == name {
				return f.vals[i], true
			}
		}
	}
	return nil, false
}

func (st *state) push() *frame {
	st.frame = &frame{outer: st.frame}
	return st.frame
}

func (st *state) pop() { st.frame = st.frame.outer }

// A limitError says which limit a template hit.
type limitError struct{ what string }

func (e *limitError) Error() string {
	return "the template is stopped: " + e.what
}

// step counts work done; it fails when there was too much of it or the run is
// being cancelled.
func (st *state) step() error {
	st.steps++
	if st.steps&0xff == 0 {
		if err := st.ctx.Err(); err != nil {
			return fmt.Errorf("the template was interrupted: %w", context.Cause(st.ctx))
		}
	}
	if st.steps > st.limits.Steps {
		return &limitError{fmt.Sprintf("more than %d steps", st.limits.Steps)}
	}
	return nil
}

// charge accounts for n bytes before they are allocated.
func (st *state) charge(n int) error {
	if n < 0 || n > st.limits.Memory-st.memory {
		return &limitError{fmt.Sprintf("it needs more than %d MiB of memory", st.limits.Memory>>20)}
	}
	st.memory += n
	return nil
}

const slot = 16 // bytes of an element in a list

// list makes room for a list of n elements.
func (st *state) list(n int) ([]any, error) {
	if err := st.charge(product(n, slot)); err != nil {
		return nil, err
	}
	st.built = true
	return make([]any, 0, n), nil
}

func (st *state) enter() error {
	st.depth++
	if st.depth > st.limits.Depth {
		return &limitError{fmt.Sprintf("more than %d calls inside each other", st.limits.Depth)}
	}
	return nil
}

func (st *state) leave() { st.depth-- }

// lookup resolves a name: what the template set, then the variables, then the
// built-in functions.
func (st *state) lookup(name string, at place) (any, error) {
	if v, ok := st.frame.get(name); ok {
		return v, nil
	}
	v, found, err := st.outer(name)
	if err != nil {
		return nil, err
	}
	if found {
		return v, nil
	}
	if f, ok := lib().globals[name]; ok {
		return f, nil
	}
	if name == "vars" {
		return allVars{st}, nil
	}
	st.built = true
	return &undefined{name: name, at: at, known: st.knownNames}, nil
}

// outer resolves a variable, once.
func (st *state) outer(name string) (any, bool, error) {
	if st.env.Vars == nil {
		return nil, false, nil
	}
	if st.index != nil {
		if i, ok := st.index[name]; ok {
			return st.resolved[i].value, st.resolved[i].found, nil
		}
	} else {
		for i := range st.resolved {
			if st.resolved[i].name == name {
				return st.resolved[i].value, st.resolved[i].found, nil
			}
		}
	}
	v, found, err := st.env.Vars.Var(st.ctx, name)
	if err != nil {
		var u *UndefinedError
		if !errors.As(err, &u) {
			return nil, false, err
		}
		st.built = true
		v, found = &undefined{name: name, cause: err}, true
	}
	st.resolved = append(st.resolved, resolved{name, v, found})
	switch n := len(st.resolved); {
	case st.index != nil:
		st.index[name] = n - 1
	case n > 16:
		st.index = make(map[string]int, 2*n)
		for i := range st.resolved {
			st.index[st.resolved[i].name] = i
		}
	}
	return v, found, nil
}

// knownNames are all names that a template could have meant.
func (st *state) knownNames() []string {
	var names []string
	for f := st.frame; f != nil; f = f.outer {
		names = append(names, f.names...)
	}
	if st.env.Vars != nil {
		names = append(names, st.env.Vars.Names()...)
	}
	for name := range lib().globals {
		names = append(names, name)
	}
	return names
}

// allVars is the variable `vars`: every variable by its name.
type allVars struct{ st *state }

func (a allVars) Get(_ context.Context, key any) (any, bool, error) {
	name, ok := key.(string)
	if !ok {
		return nil, false, nil
	}
	return a.st.outer(name)
}

func (a allVars) Keys() []any {
	var keys []any
	if a.st.env.Vars != nil {
		for _, n := range a.st.env.Vars.Names() {
			keys = append(keys, n)
		}
	}
	return keys
}

// An output collects what a template puts out. The first value is held back
// natively: if it stays the only one, it keeps its type.
type output struct {
	first   any
	n       int
	buf     []byte
	limit   int
	flushed bool
}

func (o *output) single() (any, bool) { return o.first, o.n == 1 && !o.flushed }

// emit puts out one value.
func (o *output) emit(st *state, v any) error {
	o.n++
	if o.n == 1 {
		o.first = v
		return nil
	}
	if err := o.flush(st); err != nil {
		return err
	}
	return o.write(st, v)
}

// flush turns a value that was held back into text.
func (o *output) flush(st *state) error {
	if o.n == 0 || o.flushed {
		return nil
	}
	o.flushed = true
	first := o.first
	o.first = nil
	return o.write(st, first)
}

func (o *output) write(st *state, v any) error {
	if v == nil {
		return nil
	}
	s, ok := v.(string)
	if !ok {
		var err error
		if s, err = st.str(v); err != nil {
			return err
		}
	}
	if len(o.buf)+len(s) > o.limit {
		return &limitError{fmt.Sprintf("more than %d MiB of output", o.limit>>20)}
	}
	o.buf = append(o.buf, s...)
	return nil
}

// capture runs a body and returns what it put out, as text.
func (st *state) capture(body []stmt) (string, error) {
	saved := st.out
	out := &output{limit: st.limits.Output}
	st.out = out
	err := runBody(st, body)
	st.out = saved
	if err == nil {
		err = out.flush(st)
	}
	if err == nil {
		err = st.charge(len(out.buf))
	}
	return string(out.buf), err
}

func hint(format string, args ...any) func(error) error {
	return func(err error) error {
		return &hinted{msg: err.Error(), hint: fmt.Sprintf(format, args...)}
	}
}

func didYouMean(name string, known []string) string { return source.DidYouMean(name, known) }
