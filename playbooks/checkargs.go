package playbooks

import (
	"errors"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// checkArguments refuses what can be seen to be wrong before anything runs.
func (s *scope) checkArguments(t *Task, spec Spec) {
	given := map[string]*Value{}
	dict := value.NewDict()
	if t.Args != nil {
		for _, k := range t.Args.keys {
			name := value.Str(k.name)
			given[name] = k.val
			dict.Set(name, k.val.raw)
		}
	}
	if t.FreeForm != nil {
		if a, ok := spec.arg(spec.FreeForm); ok {
			for name := range given {
				if b, ok := spec.arg(name); ok && b.Name == a.Name {
					s.errorf(t.FreeForm.Pos, "%s is given twice: as %s and as the text behind %s", a.Name, name, t.Action)
					return
				}
			}
		}
		given[spec.FreeForm] = t.FreeForm
		dict.Set(spec.FreeForm, t.FreeForm.raw)
	}
	if spec.Check == nil {
		return
	}
	elsewhere := t.ArgsFrom != nil || defaultsFor(t.Chain(), t.Action)
	unknown := map[string]bool{}
	if elsewhere {
		for _, a := range spec.Args {
			if !isGiven(given, a) && a.Name != "*" {
				unknown[a.Name] = true
				if a.Required {
					dict.Set(a.Name, "")
				}
			}
		}
	}
	err := spec.Check(dict, func(arg string) bool {
		v, ok := given[arg]
		return !unknown[arg] && (!ok || !v.Dynamic()) && !elsewhere
	})
	s.argErrors(t, spec, err)
	for name, v := range given {
		a, ok := spec.arg(name)
		if !ok {
			continue
		}
		if v.Dynamic() {
			s.checkNested(v, a.Elem)
		}
		switch _, isInt := v.raw.(int); {
		case isInt && a.Type == "mode":
			s.warnf(v.Pos, "write \""+v.written()+"\"", "put file modes in quotes: YAML reads %s as a number", v.written())
		case a.Type == "string" || a.Type == "list":
			s.checkText(v)
		}
	}
	s.checkExpressions(t, given)
}

func isGiven(given map[string]*Value, a tasks.Arg) bool {
	for _, name := range append([]string{a.Name}, a.Aliases...) {
		if _, ok := given[name]; ok {
			return true
		}
	}
	return false
}

// written is a scalar as it stands in the file.
func (v *Value) written() string {
	if v.node == nil {
		return value.Str(v.raw)
	}
	return v.node.Value
}

// argErrors records what decoding has found, each at its argument.
func (s *scope) argErrors(t *Task, spec Spec, err error) {
	for _, one := range flatten(err) {
		at, msg, hint := t.ActionPos, one.Error(), ""
		var arg *tasks.ArgError
		var failure *tasks.Failure
		switch {
		case errors.As(one, &arg):
			msg, hint = strings.TrimPrefix(arg.Msg, "_raw: "), arg.Hint
			if key, val, ok := t.locate(spec, arg.Arg); ok {
				if at = val; strings.HasPrefix(msg, "unknown argument") || strings.HasSuffix(msg, "the same argument") {
					at = key
				}
			}
		case errors.As(one, &failure):
			msg, hint = failure.Msg, failure.Hint
		}
		if len(spec.Args) == 0 {
			hint = t.Action + " takes no arguments"
		}
		e := s.errorf(at, "%s: %s", t.Action, msg)
		e.Hint, e.Err = hint, one
	}
}

// locate finds the places of an argument's name and value: users[0].uid.
func (t *Task) locate(spec Spec, path string) (key, val source.Pos, ok bool) {
	if path == spec.FreeForm && t.FreeForm != nil {
		return t.FreeForm.Pos, t.FreeForm.Pos, true
	}
	v := t.Args
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if i, err := strconv.Atoi(part); err == nil && v != nil && i >= 0 && i < len(v.items) {
			v = v.items[i]
			key, val, ok = v.Pos, v.Pos, true
			continue
		}
		inner, at, found := v.Entry(part)
		if !found {
			return key, val, ok
		}
		v = inner
		key, val, ok = at, inner.Pos, true
	}
	return key, val, ok
}

// checkText warns of what YAML reads as a number or a boolean where a text is
// wanted and that is not the same as a text: 3.10 becomes 3.1.
func (s *scope) checkText(v *Value) {
	for _, item := range v.items {
		s.checkText(item)
	}
	if v.node == nil || isQuoted(v.node) {
		return
	}
	switch v.raw.(type) {
	case bool, int, float64:
		if written, read := v.node.Value, value.Str(v.raw); written != read && !strings.EqualFold(written, read) {
			s.warnf(v.Pos, `write "`+written+`" for the text`, "YAML reads %s as %s", written, read)
		}
	}
}

// Nested dicts that hold templates are not decoded yet, but the names in them
// are known.
func (s *scope) checkNested(v *Value, elem []tasks.Arg) {
	if len(elem) == 0 {
		return
	}
	for _, item := range v.items {
		s.checkNested(item, elem)
	}
	var names []string
	for _, a := range elem {
		if a.Name == "*" {
			return
		}
		names = append(append(names, a.Name), a.Aliases...)
	}
	for _, k := range v.keys {
		name := value.Str(k.name)
		a, ok := findArg(elem, name)
		if !ok {
			s.errorf(k.pos, "unknown argument %q", name).Hint = source.DidYouMean(name, names)
			continue
		}
		s.checkNested(k.val, a.Elem)
	}
}

// checkDefaults looks at an entry of module_defaults: nothing in it is
// required.
func (s *scope) checkDefaults(v *Value, spec Spec) {
	if v.Dynamic() && len(v.keys) == 0 || spec.Check == nil {
		return
	}
	if _, isDict := v.raw.(*value.Dict); !isDict {
		s.errorf(v.Pos, "module_defaults gives each task a dict of arguments")
		return
	}
	for _, k := range v.keys {
		name := value.Str(k.name)
		if _, ok := spec.arg(name); ok || isOpen(spec.Args) {
			continue
		}
		var names []string
		for _, a := range spec.Args {
			names = append(append(names, a.Name), a.Aliases...)
		}
		s.errorf(k.pos, "unknown argument %q", name).Hint = source.DidYouMean(name, names)
	}
}

func isOpen(args []tasks.Arg) bool {
	for _, a := range args {
		if a.Name == "*" {
			return true
		}
	}
	return false
}

// defaultsFor reports whether module_defaults may have arguments for a task.
func defaultsFor(chain []*Common, action string) bool {
	for _, c := range chain {
		for _, d := range c.ModuleDefaults {
			if d.Dynamic() && len(d.keys) == 0 {
				return true
			}
			for _, k := range d.keys {
				if name, _ := k.name.(string); ShortName(name) == action {
					return true
				}
			}
		}
	}
	return false
}

// checkExpressions compiles the arguments that hold expressions.
func (s *scope) checkExpressions(t *Task, given map[string]*Value) {
	switch t.Action {
	case "assert":
		if v := given["that"]; v != nil {
			for _, item := range append(v.items, v) {
				s.exprAt(item)
			}
		}
	case "debug":
		if v := given["var"]; v != nil {
			s.exprAt(v)
		}
	case "set_fact":
		if t.Args != nil {
			for _, k := range t.Args.keys {
				if name, ok := k.name.(string); ok && k.key == nil && !validName(name) {
					s.errorf(k.pos, "%q cannot be the name of a variable", name)
				}
			}
		}
	}
}
