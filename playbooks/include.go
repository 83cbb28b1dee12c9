package playbooks

import (
	"context"
	"slices"

	"github.com/etcdplay/etcdplay/internal/source"
)

func (s *scope) includeTasks(name string, at source.Pos, t *Task) *Block {
	inner, ok := s.openTasks(name, at)
	if !ok {
		return nil
	}
	b := &Block{Parent: t.Parent, Role: t.Role, Play: t.Play, Params: t.Vars, File: inner.doc.name}
	if t.Apply != nil {
		b.Common = *t.Apply
	}
	b.Pos = t.Pos
	b.dirs = inner.dirs
	b.Tasks = inner.in(b).tasks(inner.doc.root, "a file of tasks")
	return b
}

// IncludeTasks reads a file of tasks for an include_tasks, at its place. file
// is looked for as the user wrote it there. The vars of the include, and
// behind them those given, become the block's Params; what stands below apply
// becomes its keywords.
func (l *Loader) IncludeTasks(ctx context.Context, file string, at *Task, vars []Var) (*Block, error) {
	if err := tooDeep(at); err != nil {
		return nil, err
	}
	p := l.parse(ctx)
	b := p.scopeOf(at).includeTasks(file, at.ActionPos, at)
	p.checkNotified()
	if err := p.finish(); err != nil {
		return nil, err
	}
	b.Params = append(slices.Clip(b.Params), vars...)
	return b, nil
}

// deepest bounds includes inside includes. Tasks that include themselves until
// something holds stay far below it; those that never stop would run for ever.
const deepest = 1000

func tooDeep(at *Task) error {
	if len(at.Chain()) <= deepest {
		return nil
	}
	return source.Errorf(at.ActionPos, "more than %d includes and blocks inside each other", deepest).
		WithHint("does this file include itself without end? A when: must stop it")
}

// scopeOf is the scope that a task stands in.
func (p *parse) scopeOf(t *Task) *scope {
	s := &scope{parse: p, doc: &document{name: t.File}, play: t.Play, role: t.Role, block: t.Parent, handler: t.Handler}
	s.dirs = []string{dirOf(t.File)}
	for b := t.Parent; b != nil; b = b.Parent {
		if b.dirs != nil {
			s.dirs = append(s.dirs, b.dirs...)
			break
		}
	}
	s.dirs = slices.Compact(s.dirs)
	return s
}

// RoleOptions are the arguments of include_role.
type RoleOptions struct {
	TasksFrom, VarsFrom, DefaultsFrom, HandlersFrom string // "" is main
	Public, AllowDuplicates                         bool
}

// staticRoleOptions reads them from arguments; ok is false when one holds a
// template.
func staticRoleOptions(args *Value) (o RoleOptions, ok bool) {
	o.AllowDuplicates = true
	read := func(name string, into *string) bool {
		v, _, given := args.Entry(name)
		if !given {
			return true
		}
		text, static := isStatic(v)
		*into = text
		return static
	}
	flag := func(name string, into *bool) bool {
		v, _, given := args.Entry(name)
		if !given {
			return true
		}
		b, valid := truth(v.Raw())
		*into = b
		return valid && !v.Dynamic()
	}
	ok = read("tasks_from", &o.TasksFrom)
	ok = read("vars_from", &o.VarsFrom) && ok
	ok = read("defaults_from", &o.DefaultsFrom) && ok
	ok = read("handlers_from", &o.HandlersFrom) && ok
	ok = flag("public", &o.Public) && ok
	ok = flag("allow_duplicates", &o.AllowDuplicates) && ok
	return o, ok
}

// IncludeRole reads a role for an include_role, at its place. The Block holds
// all that there is to run, the tasks of its dependencies first.
func (l *Loader) IncludeRole(ctx context.Context, name string, o RoleOptions, at *Task, vars []Var) (*Role, *Block, error) {
	if err := tooDeep(at); err != nil {
		return nil, nil, err
	}
	p := l.parse(ctx)
	r, b := p.scopeOf(at).includeRole(name, at.ActionPos, o, at)
	p.checkNotified()
	if err := p.finish(); err != nil {
		return nil, nil, err
	}
	b.Params = append(slices.Clip(b.Params), vars...)
	return r, b, nil
}

func (s *scope) includeRole(name string, at source.Pos, o RoleOptions, t *Task) (*Role, *Block) {
	b := &Block{Parent: t.Parent, Role: t.Role, Play: t.Play, Params: t.Vars, File: t.File}
	if t.Apply != nil {
		b.Common = *t.Apply
	}
	b.Pos = t.Pos
	r := s.roleIn(b, name, at, o)
	return r, b
}

// roleIn reads a role and fills a block with what there is to run.
func (s *scope) roleIn(b *Block, name string, at source.Pos, o RoleOptions) *Role {
	r := s.readRole(roleUse{name: name, at: at, options: o, parent: b, common: Common{Pos: at}})
	if r == nil {
		return nil
	}
	var add func(*Role)
	add = func(r *Role) {
		for _, d := range r.Deps {
			add(d)
		}
		b.Tasks = append(b.Tasks, r.Tasks...)
	}
	add(r)
	return r
}
