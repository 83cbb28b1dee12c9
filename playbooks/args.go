package playbooks

import (
	"errors"
	"strings"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

// rawTasks take their text as it is but for these k=v words, so that
// `command: dd if=/dev/zero` means what it says.
var (
	rawTasks = []string{"command", "shell", "raw", "script"}
	rawWords = []string{"creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline", "strip_empty_ends"}
)

// arguments reads what stands behind a task's name.
func (s *scope) arguments(t *Task, spec Spec, n *yaml.Node) {
	n = resolve(n)
	switch {
	case isNull(n) || s.refuseBareTemplate(n):
	case n.Kind == yaml.MappingNode:
		t.Args = s.anyValue(n)
	case n.Kind == yaml.SequenceNode:
		e := s.errorf(s.pos(n), "the arguments of %s must be a dict, not a list", t.Action)
		if _, ok := spec.arg("argv"); ok {
			e.Hint = "give the list as argv"
		}
	default:
		s.freeForm(t, spec, n, n.Value, 0)
	}
}

// actionForm reads `action: copy src=a` and `action: {module: copy, src: a}`.
func (s *scope) actionForm(t *Task, e entry) (Spec, bool) {
	n := resolve(e.node)
	if isNull(n) {
		s.errorf(e.at, "%s names no task", e.key)
		return Spec{}, false
	}
	if n.Kind == yaml.ScalarNode {
		rest := strings.TrimLeft(n.Value, " \n")
		start := len(n.Value) - len(rest)
		name := rest
		if i := strings.IndexAny(rest, " \n"); i >= 0 {
			name = rest[:i]
		}
		var spec Spec
		var ok bool
		if t.Action, spec, ok = s.l.lookup(name); !ok {
			s.unknownTask(name, s.pos(n))
			return Spec{}, false
		}
		if off := start + len(name); strings.TrimSpace(n.Value[off:]) != "" {
			s.freeForm(t, spec, n, n.Value[off:], off)
		}
		return spec, true
	}
	list, ok := s.entries(n, e.key)
	if !ok {
		return Spec{}, false
	}
	for _, m := range list {
		if m.key != "module" {
			continue
		}
		name := s.word(m.node, "module")
		var spec Spec
		if t.Action, spec, ok = s.l.lookup(name); !ok {
			s.unknownTask(name, s.pos(m.node))
			return Spec{}, false
		}
		v := s.anyValue(n)
		t.Args = without(v, "module")
		return spec, true
	}
	s.errorf(e.at, "%s names no task", e.key).WithHint("write module: NAME among its keys")
	return Spec{}, false
}

// freeForm takes `echo hi creates=/x` and `path=/x mode=0755` apart. text
// begins at a byte offset of the node's text.
func (s *scope) freeForm(t *Task, spec Spec, n *yaml.Node, text string, base int) {
	whole := base == 0
	at := func(off int) source.Pos { return textPos(s.doc, n, n.Value, base+off) }
	free, pairs, err := takeApart(text, contains(rawTasks, t.Action))
	if err != nil {
		s.errorf(s.pos(n), "%w", err).WithHint("put the arguments on lines of their own, below %s", t.Action)
		return
	}
	var keys []keyed
	args := value.NewDict()
	dynamic := false
	for _, a := range pairs {
		if _, twice := args.Get(a.key); twice {
			s.errorf(at(a.off), "%q is given twice", a.key)
			continue
		}
		k := keyed{pos: at(a.off), name: a.key, val: s.textValue(a.val, n, base+a.valOff)}
		if key := s.textValue(a.key, n, base+a.off); key.dynamic {
			k.key = key
		}
		keys = append(keys, k)
		args.Set(a.key, k.val.raw)
		dynamic = dynamic || k.val.dynamic || k.key != nil
	}
	if len(keys) > 0 {
		t.Args = &Value{Pos: s.pos(n), raw: args, keys: keys, dynamic: dynamic, size: 1 + len(keys)}
	}
	switch {
	case len(free) == 0:
	case spec.FreeForm == "" && len(keys) == 0 && len(free) == 1 && jinja.IsTemplate(text):
		t.ArgsFrom = s.textValue(strings.TrimSpace(text), n, base+free[0].off)
	case spec.FreeForm == "":
		s.errorf(at(free[0].off), "%s takes arguments by name, not %s", t.Action, quoteShort(free[0].text)).
			WithHint("write NAME: VALUE on lines of their own below it; its arguments are %s", argNames(spec))
	case len(keys) == 0 && whole:
		t.FreeForm = s.value(n)
	default:
		t.FreeForm = s.textValue(rejoin(free), n, base+free[0].off)
	}
}

// textValue compiles a part of a scalar's text that begins at a byte offset.
func (s *scope) textValue(part string, n *yaml.Node, off int) *Value {
	at := textPos(s.doc, n, n.Value, off)
	v := &Value{Pos: at, raw: part, size: 1}
	if !jinja.IsTemplate(part) {
		return v
	}
	var err error
	v.template, err = jinja.CompileIn(part, func(o int) source.Pos { return textPos(s.doc, n, n.Value, off+o) })
	if v.dynamic = err == nil; err != nil {
		s.add(at, err)
	}
	return v
}

// moreArguments reads `args:`.
func (s *scope) moreArguments(t *Task, e entry) {
	v := s.value(e.node)
	if v == nil {
		return
	}
	if _, isDict := v.raw.(*value.Dict); !isDict {
		if v.dynamic && t.ArgsFrom == nil {
			t.ArgsFrom = v
			return
		}
		if !bareTemplate(e.node) {
			s.errorf(v.Pos, "args must be a dict, not %s", kindOf(e.node))
		}
		return
	}
	if t.Args == nil {
		t.Args = v
		return
	}
	both := &Value{Pos: t.Args.Pos, keys: append([]keyed{}, t.Args.keys...), dynamic: t.Args.dynamic || v.dynamic, size: t.Args.size + v.size}
	raw := t.Args.raw.(*value.Dict).Clone()
	for _, k := range v.keys {
		if _, twice := raw.Get(k.name); twice {
			s.errorf(k.pos, "the argument %q is given twice", value.Str(k.name)).WithHint("it stands below %s already", t.Action)
			continue
		}
		both.keys = append(both.keys, k)
		raw.Set(k.name, k.val.raw)
	}
	both.raw = raw
	t.Args = both
}

// without is a dict but for one key.
func without(v *Value, key string) *Value {
	out := &Value{Pos: v.Pos, size: v.size}
	raw := value.NewDict()
	for _, k := range v.keys {
		if k.name != key {
			out.keys = append(out.keys, k)
			raw.Set(k.name, k.val.raw)
			out.dynamic = out.dynamic || k.val.dynamic || k.key != nil
		}
	}
	out.raw = raw
	if len(out.keys) == 0 {
		return nil
	}
	return out
}

func argNames(spec Spec) string {
	var names []string
	for _, a := range spec.Args {
		if a.Name != "*" {
			names = append(names, a.Name)
		}
	}
	return strings.Join(names, ", ")
}

// flatten lists the single errors of a joined one.
func flatten(err error) []error {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, flatten(e)...)
		}
		return out
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
