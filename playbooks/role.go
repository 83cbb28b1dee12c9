package playbooks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

// A roleUse is one mention of a role.
type roleUse struct {
	name    string
	at      source.Pos
	options RoleOptions
	common  Common
	params  []Var
	parent  *Block
}

// roles reads the `roles:` of a play: dependencies come before their
// dependents.
func (s *scope) roles(e entry) []*Role {
	items, _ := s.list(e.node, e.key)
	var out []*Role
	for _, it := range items {
		use, ok := s.roleUse(resolve(it))
		if !ok {
			continue
		}
		if r := s.readRole(use); r != nil {
			out = append(out, withDeps(r)...)
		}
	}
	return out
}

func withDeps(r *Role) []*Role {
	var out []*Role
	for _, d := range r.Deps {
		out = append(out, withDeps(d)...)
	}
	return append(out, r)
}

// roleUse reads one element of `roles:` or of dependencies: a name, or a dict
// of keywords and parameters.
func (s *scope) roleUse(n *yaml.Node) (roleUse, bool) {
	use := roleUse{at: s.pos(n), common: Common{Pos: s.pos(n)}}
	if n.Kind == yaml.ScalarNode {
		use.name = s.word(n, "a role")
		return use, use.name != ""
	}
	list, ok := s.entries(n, "a role")
	if !ok {
		return use, false
	}
	for _, e := range list {
		switch {
		case e.key == "role" || e.key == "name":
			if use.name == "" || e.key == "role" {
				use.name, use.at = s.word(e.node, e.key), s.pos(e.node)
			}
		case e.key == "src" || e.key == "version" || e.key == "scm":
		case s.shared(&use.common, e):
		default:
			s.variable(e.key, e)
			if near := source.Nearest(e.key, roleKeywords); near != "" && len(e.key) > 3 {
				s.warnf(e.at, "write "+near+" if you mean the keyword", "%q becomes a parameter of the role", e.key)
			}
			use.params = append(use.params, Var{e.key, s.anyValue(e.node)})
		}
	}
	use.common.Name = nil
	if use.name == "" {
		s.errorf(use.at, "this names no role").WithHint("write role: NAME")
		return use, false
	}
	return use, true
}

// findRole finds the folder of a role: in roles/ beside the playbook, on the
// roles path, beside the role that asks, beside the playbook, or as a path.
func (s *scope) findRole(name string, at source.Pos) (string, bool) {
	if strings.Contains(name, "{{") {
		s.errorf(at, "the name of a role here cannot be a template: it is resolved before the run").WithHint("use include_role")
		return "", false
	}
	var dirs []string
	if s.play != nil {
		dirs = append(dirs, join(s.play.path, "roles"))
	}
	dirs = append(dirs, s.l.opts.RolesPath...)
	if s.role != nil {
		dirs = append(dirs, dirOf(s.role.path))
	}
	if s.play != nil {
		dirs = append(dirs, s.play.path)
	}
	tried := under(append(dirs, "."), name)
	for _, t := range tried {
		if s.l.isDir(t) {
			return t, true
		}
	}
	if s.play != nil {
		s.play.known.leaveOpen() // its handlers are as unknown as itself
	}
	e := s.errorf(at, "there is no role %q", name)
	var known []string
	for _, d := range dirs {
		for _, n := range s.l.entries(d) {
			if s.l.isDir(join(join(d, n), "tasks")) {
				known = append(known, n)
			}
		}
	}
	e.Hint = strings.TrimSpace(source.DidYouMean(base(name), known) + " looked for " + strings.Join(tried, ", "))
	if strings.Count(name, ".") == 2 && !strings.Contains(name, "/") {
		e.Hint = "roles of collections are not supported: put the role into roles/"
	}
	return "", false
}

// readRole reads a role with its dependencies.
func (s *scope) readRole(use roleUse) *Role {
	dir, ok := s.findRole(use.name, use.at)
	if !ok {
		return nil
	}
	for _, from := range []*string{&use.options.TasksFrom, &use.options.VarsFrom, &use.options.DefaultsFrom, &use.options.HandlersFrom} {
		if *from == "main" {
			*from = "" // need not be there
		}
	}
	id := "role " + dir
	if use.options.TasksFrom != "" {
		id += " tasks/" + use.options.TasksFrom
	}
	if slices.Contains(s.trail, id) {
		s.errorf(use.at, "the role %s uses itself", use.name).WithHint("the way is %s", joinWays(append(slices.Clip(s.trail), id)))
		return nil
	}
	r := &Role{
		Common: use.common, RoleName: base(strings.TrimRight(use.name, "/")), Dir: absolute(dir), path: dir, Params: use.params,
		Parent: use.parent, Play: s.play, Public: use.options.Public, AllowDuplicates: use.options.AllowDuplicates,
		from: use.options,
	}
	if s.play != nil && !s.dry {
		r.Repeats = s.play.known.firstUse(r)
	}
	in := &scope{parse: s.parse, dry: s.dry, play: s.play, role: r, block: use.parent, trail: append(slices.Clip(s.trail), id), doc: s.doc}
	in.meta(r, use)
	o := use.options
	r.Defaults = in.roleVars("defaults", o.DefaultsFrom, use.at)
	r.RoleVars = in.roleVars("vars", o.VarsFrom, use.at)
	handlers := *in
	handlers.handler = true
	r.Handlers = handlers.roleTasks("handlers", o.HandlersFrom, use.at)
	r.Tasks = in.roleTasks("tasks", o.TasksFrom, use.at)
	return r
}

// part finds a file of a role: main or what a …_from names, with any of the
// usual endings.
func (s *scope) part(sub, name string, folders bool) (string, bool) {
	if name == "" {
		name = "main"
	}
	for _, ending := range []string{".yml", ".yaml", ".json", ""} {
		file := join(join(s.role.path, sub), name+ending)
		if s.l.isFile(file) || ending == "" && folders && s.l.isDir(file) {
			return file, true
		}
	}
	return join(join(s.role.path, sub), name), false
}

func (s *scope) missingPart(file, from string, at source.Pos) {
	if from != "" {
		e := s.errorf(at, "the role %s has no file %s", s.role.RoleName, strings.TrimPrefix(file, s.role.path+"/"))
		e.Hint = source.DidYouMean(base(file)+".yml", s.l.entries(dirOf(file)))
	}
}

func (s *scope) roleVars(sub, from string, at source.Pos) []Var {
	file, ok := s.part(sub, from, true)
	if !ok {
		s.missingPart(file, from, at)
		return nil
	}
	return s.readVars(file, at)
}

func (s *scope) roleTasks(sub, from string, at source.Pos) []Node {
	file, ok := s.part(sub, from, false)
	if !ok {
		s.missingPart(file, from, at)
		return nil
	}
	in, ok := s.open(file, at)
	if !ok {
		return nil
	}
	return in.tasks(in.doc.root, "a file of "+sub)
}

// meta reads meta/main: the dependencies.
func (s *scope) meta(r *Role, use roleUse) {
	file, ok := s.part("meta", "", false)
	if !ok {
		return
	}
	in, ok := s.open(file, use.at)
	if !ok || isNull(in.doc.root) {
		return
	}
	list, _ := in.entries(in.doc.root, "the meta file of a role")
	for _, e := range list {
		switch e.key {
		case "allow_duplicates":
			if v := in.keyword(e, boolean); v != nil {
				b, _ := truth(v.raw)
				r.AllowDuplicates = r.AllowDuplicates || b
			}
		case "dependencies":
			items, _ := in.list(e.node, e.key)
			for _, it := range items {
				if dep, ok := in.roleUse(resolve(it)); ok {
					// The dependency inherits from the role that wants it.
					dep.parent = &Block{Parent: r.Parent, Role: r, Play: s.play, File: file, Common: Common{Pos: dep.at}}
					if d := in.readRole(dep); d != nil {
						r.Deps = append(r.Deps, d)
					}
				}
			}
		case "galaxy_info", "collections", "argument_specs", "standalone":
		default:
			in.unknown(e, "the meta file of a role", []string{"allow_duplicates", "dependencies", "galaxy_info", "collections"})
		}
	}
}

// First is the first use of the role with the same parameters, tags and
// conditions: r itself unless it repeats another. A host that has run one use
// skips the others, unless they allow duplicates.
func (r *Role) First() *Role {
	if r.Repeats != nil {
		return r.Repeats
	}
	return r
}

// identity tells uses of roles apart: the same role with the same parameters,
// tags and conditions is the same, and runs once.
func (r *Role) identity() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\x00%v\x00%q\x00", r.Dir, r.from, r.Tags)
	for _, c := range r.When {
		fmt.Fprintf(&b, "%q ", c.Text)
	}
	for _, vars := range [][]Var{r.Params, r.Vars} {
		b.WriteByte(0)
		for _, v := range vars {
			fmt.Fprintf(&b, "%s=%s\x00", v.Name, value.Repr(v.Value.Raw()))
		}
	}
	return b.String()
}

// addHandlers makes a role's handlers the play's, behind those of its
// dependencies. Of a role that is used again the later handlers count, unless
// their names depend on variables.
func (p *Play) addHandlers(r *Role) {
	for _, d := range r.Deps {
		p.addHandlers(d)
	}
	again := map[source.Pos]bool{}
	for _, n := range r.Handlers {
		again[nodePos(n)] = !dynamicName(n)
	}
	p.Handlers = slices.DeleteFunc(p.Handlers, func(n Node) bool { return again[nodePos(n)] })
	p.Handlers = append(p.Handlers, r.Handlers...)
}

func nodePos(n Node) source.Pos {
	switch n := n.(type) {
	case *Task:
		return n.Pos
	case *Block:
		return n.Pos
	}
	return source.Pos{}
}

func dynamicName(n Node) bool {
	switch n := n.(type) {
	case *Task:
		return n.Name.Dynamic()
	case *Block:
		return slices.ContainsFunc(n.Tasks, dynamicName)
	}
	return false
}
