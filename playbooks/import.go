package playbooks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
)

// includeKeywords are those that an include_… can have itself; what its tasks
// are to have stands below apply.
var includeKeywords = []string{
	"action", "local_action", "args", "collections", "debugger", "ignore_errors", "loop", "loop_control", "name",
	"no_log", "register", "run_once", "tags", "timeout", "vars", "when", "listen", "notify",
}

// notOfImports are keywords that need a task that runs.
var notOfImports = []string{
	"loop", "loop_control", "register", "until", "retries", "delay", "async", "poll", "changed_when", "failed_when",
}

// expand puts what a static import names in its place, and looks ahead into
// what an include names, so that mistakes in it are found now.
func (s *scope) expand(t *Task, list []entry) Node {
	switch t.Action {
	case "import_tasks", "import_role":
		for _, e := range list {
			if contains(notOfImports, e.key) || strings.HasPrefix(e.key, "with_") {
				s.errorf(e.at, "%s cannot have %q", t.Action, e.key).
					WithHint("use %s", strings.Replace(t.Action, "import", "include", 1))
			}
		}
		if t.Action == "import_role" {
			return s.importRole(t)
		}
		return s.importTasks(t)
	case "include_tasks", "include_role":
		if s.handler && t.Action == "include_role" {
			s.errorf(t.ActionPos, "a handler cannot be a role").WithHint("use include_tasks")
			return nil
		}
		for _, e := range list {
			plain := contains(includeKeywords, e.key) || strings.HasPrefix(e.key, "with_")
			if plain || !contains(taskKeywords, e.key) {
				continue
			}
			s.errorf(e.at, "%s cannot have %q", t.Action, e.key).
				WithHint("give it to the tasks inside: below apply of %s, or use %s", t.Action, strings.Replace(t.Action, "include", "import", 1))
		}
		t.Apply = s.apply(t)
		s.lookAhead(t)
	}
	return t
}

// apply reads the keywords that an include gives to its tasks.
func (s *scope) apply(t *Task) *Common {
	v, _, ok := t.Args.Entry("apply")
	if !ok || v.node == nil {
		return nil
	}
	list, ok := s.entries(v.node, "apply")
	if !ok {
		return nil
	}
	c := &Common{Pos: v.Pos}
	for _, e := range list {
		if !s.shared(c, e) {
			s.unknown(e, "apply", slices.Concat(notOfPlays, sharedKeywords))
		}
	}
	return c
}

// importTasks replaces an import by a block with the tasks of the file.
func (s *scope) importTasks(t *Task) Node {
	name, at, ok := s.fileArg(t)
	if !ok {
		return nil
	}
	b := &Block{Common: t.Common, Notify: t.Notify, Parent: t.Parent, Role: t.Role, Play: t.Play}
	inner, ok := s.openTasks(name, at)
	if !ok {
		return nil
	}
	b.File = inner.doc.name
	b.Tasks = inner.in(b).tasks(inner.doc.root, "a file of tasks")
	return b
}

// fileArg is the name of the file of an import_tasks or include_tasks, if it
// is known before the run.
func (s *scope) fileArg(t *Task) (string, source.Pos, bool) {
	v := t.FreeForm
	if v == nil {
		v, _, _ = t.Args.Entry("file")
	}
	if v == nil {
		return "", source.Pos{}, false
	}
	name, static := isStatic(v)
	if !static && strings.HasPrefix(t.Action, "import") {
		s.errorf(v.Pos, "%s is resolved before the run and knows no variables", t.Action).
			WithHint("use %s", strings.Replace(t.Action, "import", "include", 1))
	}
	return name, v.Pos, static && name != ""
}

// openTasks finds and opens a file of tasks.
func (s *scope) openTasks(name string, at source.Pos) (*scope, bool) {
	tried := under(s.taskDirs(), name)
	file, ok := s.l.find(tried)
	if !ok {
		e := s.errorf(at, "there is no file %s", quoteShort(name))
		e.Hint = s.nearestFile(tried)
		return nil, false
	}
	return s.open(file, at)
}

// nearestFile guesses which file was meant, or says where it was looked for.
func (p *parse) nearestFile(tried []string) string {
	for _, t := range tried {
		if hint := source.DidYouMean(base(t), p.l.entries(dirOf(t))); hint != "" {
			return hint
		}
	}
	return "looked for " + strings.Join(tried, ", ")
}

func base(name string) string { return name[strings.LastIndexAny(name, `/:`)+1:] }

// taskDirs lists where a file of tasks is looked for: beside this one, beside
// those that brought this one in, in the role, beside the playbook, among the
// shipped ones.
func (s *scope) taskDirs() []string {
	dirs := slices.Clone(s.dirs)
	if s.role != nil {
		if s.handler {
			dirs = append(dirs, join(s.role.path, "handlers"))
		}
		dirs = append(dirs, join(s.role.path, "tasks"), s.role.path)
	}
	if s.play != nil {
		dirs = append(dirs, s.play.path)
	}
	return slices.Compact(s.l.orShipped(dirs))
}

// lookAhead reads what an include names, if that is known, only to find
// mistakes and handlers.
func (s scope) lookAhead(t *Task) {
	s.dry = true
	if t.Action == "include_role" {
		v, _, _ := t.Args.Entry("name")
		name, static := isStatic(v)
		if !static {
			s.play.known.leaveOpen()
			return
		}
		o, known := staticRoleOptions(t.Args)
		if !known || name == "" {
			return
		}
		if dir, ok := s.findRole(name, v.Pos); ok && !s.within(dir) && s.l.first(lookedInto{s.play, fmt.Sprint(dir, o)}) {
			s.includeRole(name, v.Pos, o, t)
		}
		return
	}
	name, at, ok := s.fileArg(t)
	if !ok {
		return
	}
	file, found := s.l.find(under(s.taskDirs(), name))
	if found && (slices.Contains(s.trail, file) || !s.l.first(lookedInto{s.play, file})) {
		return
	}
	s.includeTasks(name, at, t)
}

// within reports whether a role is being read already: a role may include
// itself, on a condition.
func (s *scope) within(dir string) bool {
	return slices.ContainsFunc(s.trail, func(t string) bool { return strings.HasPrefix(t, "role "+dir) })
}

// importRole replaces an import_role by a block with the role's tasks.
func (s *scope) importRole(t *Task) Node {
	v, _, _ := t.Args.Entry("name")
	name, static := isStatic(v)
	o, known := staticRoleOptions(t.Args)
	if s.handler {
		s.errorf(t.ActionPos, "a handler cannot be a role").WithHint("use import_tasks")
		return nil
	}
	if v == nil || static && name == "" {
		return nil
	}
	if !static || !known {
		s.errorf(t.ActionPos, "import_role is resolved before the run and knows no variables").WithHint("use include_role")
		return nil
	}
	b := &Block{Common: t.Common, Notify: t.Notify, Parent: t.Parent, Role: t.Role, Play: t.Play, File: t.File}
	if r := s.roleIn(b, name, v.Pos, o); r != nil {
		s.play.Imported = append(s.play.Imported, r)
		s.play.addHandlers(r)
	}
	return b
}
