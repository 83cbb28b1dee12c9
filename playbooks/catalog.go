package playbooks

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// A Catalog knows the tasks and actions that a playbook may use, by their
// names without ansible.builtin. in front. (A task of Ansible's whose short
// name means something else here is listed by its long name.)
type Catalog interface {
	Lookup(name string) (Spec, bool)
	Names() []string
}

// A Spec is what the parser must know of a task.
type Spec struct {
	Args     []tasks.Arg
	FreeForm string // the argument that takes `command: echo hi`, or ""
	Doc      tasks.Doc

	// Check decodes arguments strictly. Of those for which known is false (they
	// hold templates) it looks at the names only; when all are known, it
	// validates them too. Its errors join *tasks.ArgError. nil: no check.
	Check func(args *value.Dict, known func(arg string) bool) error
}

// SpecOf is the Spec of a module or an action, each call of make giving a new
// one.
func SpecOf(make func() any) Spec {
	sample := make()
	spec := Spec{Args: tasks.Args(sample), FreeForm: tasks.FreeForm(sample)}
	if d, ok := sample.(interface{ Doc() tasks.Doc }); ok {
		spec.Doc = d.Doc()
	}
	spec.Check = func(args *value.Dict, known func(string) bool) error {
		m := make()
		all := true
		err := tasks.DecodeKnown(m, args, func(arg string) bool {
			k := known(arg)
			all = all && k
			return k
		})
		if err != nil || !all {
			return err
		}
		if v, ok := m.(tasks.Validator); ok {
			return v.Validate()
		}
		return nil
	}
	return spec
}

// arg finds an argument by its name or an alias.
func (s Spec) arg(name string) (tasks.Arg, bool) {
	return findArg(s.Args, name)
}

func findArg(args []tasks.Arg, name string) (tasks.Arg, bool) {
	for _, a := range args {
		if a.Name == name && name != "*" {
			return a, true
		}
		for _, alias := range a.Aliases {
			if alias == name {
				return a, true
			}
		}
	}
	return tasks.Arg{}, false
}

// ShortName takes the prefixes of Ansible's own collection off.
func ShortName(name string) string {
	for _, prefix := range []string{"ansible.builtin.", "ansible.legacy."} {
		if short, ok := strings.CutPrefix(name, prefix); ok {
			return short
		}
	}
	return name
}

// ours are the tasks that share a name with one of Ansible's but do something
// else: under Ansible's full name they are not meant.
var ours = map[string]bool{"fetch": true}

// lookup finds a task by any of its names, and says what it is called here.
func (l *Loader) lookup(name string) (string, Spec, bool) {
	if spec, ok := l.opts.Catalog.Lookup(name); ok && ShortName(name) == name {
		return name, spec, true
	}
	short := ShortName(name)
	if short == name {
		return "", Spec{}, false
	}
	if long := "ansible.builtin." + short; ours[short] {
		spec, ok := l.opts.Catalog.Lookup(long)
		return long, spec, ok
	}
	spec, ok := l.opts.Catalog.Lookup(short)
	return short, spec, ok
}
