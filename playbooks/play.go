package playbooks

import (
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"gopkg.in/yaml.v3"
)

// playbook reads one playbook given by the user.
func (p *parse) playbook(name string) []*Play {
	file, ok := p.l.playbookFile(name)
	if !ok {
		e := p.errorf(source.Pos{}, "there is no playbook %s", name)
		known := append(p.l.entries(dirOf(name)), p.l.shippedNames()...)
		if e.Hint = likelyFile(base(name), known); e.Hint == "" && p.l.opts.Shipped != nil {
			e.Hint = "playbooks that come with etcdplay: " + strings.Join(p.l.shippedNames(), ", ")
		}
		return nil
	}
	s, ok := (&scope{parse: p}).open(file, source.Pos{File: name})
	if !ok {
		return nil
	}
	plays := s.plays()
	for _, play := range plays {
		play.Playbook = name
	}
	return plays
}

// likelyFile is "did you mean" for names of files: what they all end in makes
// none of them likelier.
func likelyFile(name string, known []string) string {
	stem := func(file string) string { return strings.TrimSuffix(strings.TrimSuffix(file, ".yml"), ".yaml") }
	stems := make([]string, len(known))
	for i, k := range known {
		stems[i] = stem(k)
	}
	near := source.Nearest(stem(name), stems)
	if slices.Contains(stems, stem(name)) {
		near = stem(name) // with another ending
	}
	for _, k := range known {
		if near != "" && stem(k) == near {
			return `did you mean "` + k + `"?`
		}
	}
	return ""
}

// plays reads a file of plays.
func (s *scope) plays() []*Play {
	root := resolve(s.doc.root)
	at := source.Pos{File: s.doc.name, Line: 1}
	switch {
	case isNull(root):
		s.errorf(at, "this playbook is empty")
		return nil
	case root.Kind != yaml.SequenceNode:
		e := s.errorf(s.pos(root), "a playbook must be a list of plays, not %s", kindOf(root))
		if root.Kind == yaml.MappingNode {
			e.Msg = "a playbook must be a list of plays, not one dict"
			e.Hint = `begin each play with "- ", as in "- hosts: all"`
		}
		return nil
	}
	var plays []*Play
	for _, n := range root.Content {
		plays = append(plays, s.playOrImport(resolve(n))...)
	}
	return plays
}

func (s *scope) playOrImport(n *yaml.Node) []*Play {
	if isNull(n) {
		s.errorf(s.pos(n), "this play is empty").WithHint("take the - away")
		return nil
	}
	list, ok := s.entries(n, "a play")
	if !ok {
		return nil
	}
	for _, e := range list {
		if ShortName(e.key) == "import_playbook" {
			return s.importPlaybook(e, list)
		}
	}
	if play := s.readPlay(n, list); play != nil {
		return []*Play{play}
	}
	return nil
}

func (s *scope) importPlaybook(imp entry, list []entry) []*Play {
	var c Common
	for _, e := range list {
		switch e.key {
		case "name", "tags", "when", "vars":
			s.shared(&c, e)
		case imp.key:
		default:
			s.unknown(e, "import_playbook", []string{"name", "tags", "when", "vars"})
		}
	}
	name, at := s.word(imp.node, "import_playbook"), s.pos(imp.node)
	if name == "" {
		return nil
	}
	if jinja.IsTemplate(name) {
		s.errorf(at, "import_playbook is resolved before the run and knows no variables").
			WithHint("give conditions with when instead")
		return nil
	}
	file := join(dirOf(s.doc.name), name)
	if !s.l.isFile(file) {
		found, ok := s.l.playbookFile(name)
		if !ok || !strings.HasPrefix(found, shippedMark) {
			s.errorf(at, "there is no file %s", quoteShort(name)).Hint = s.nearestFile([]string{file})
			return nil
		}
		file = found
	}
	inner, ok := s.open(file, at)
	if !ok {
		return nil
	}
	plays := inner.plays()
	for _, p := range plays {
		p.When = append(slices.Clip(c.When), p.When...)
		p.Vars = append(slices.Clip(p.Vars), c.Vars...)
		for _, t := range c.Tags {
			if !contains(p.Tags, t) {
				p.Tags = append(slices.Clip(p.Tags), t)
			}
		}
	}
	return plays
}

func (s *scope) readPlay(n *yaml.Node, list []entry) *Play {
	dir := dirOf(s.doc.name)
	p := &Play{
		Common: Common{Pos: s.pos(n)}, Dir: absolute(dir), path: dir,
		known: &playNames{roles: map[string]*Role{}, names: map[string]source.Pos{}, topics: map[string]bool{}},
	}
	in := *s
	in.play = p
	s = &in
	sections := map[string]entry{}
	hasHosts := false
	var unknown []entry
	for _, e := range list {
		switch e.key {
		case "hosts":
			p.Hosts, hasHosts = s.hosts(e), true
		case "user": // the old name of remote_user
			p.RemoteUser = s.keyword(e, text)
		case "gather_facts":
			p.GatherFacts = s.keyword(e, boolean)
		case "gather_subset":
			p.GatherSubset = s.value(e.node)
		case "gather_timeout":
			s.keyword(e, seconds)
		case "fact_path":
			s.errorf(e.at, "the keyword %q is not supported", e.key)
		case "serial":
			p.Serial = s.serial(e)
		case "max_fail_percentage":
			p.MaxFailPercent = s.keyword(e, percent)
		case "strategy":
			p.Strategy = s.choice(e, "linear", "free")
		case "order":
			p.Order = s.choice(e, "inventory", "sorted", "reverse_sorted", "reverse_inventory", "shuffle")
		case "force_handlers":
			p.ForceHandlers = s.keyword(e, boolean)
		case "vars_files":
			p.VarsFiles = s.varsFiles(e)
		case "vars_prompt":
			p.VarsPrompt = s.prompts(e)
		case "roles", "pre_tasks", "tasks", "post_tasks", "handlers":
			sections[e.key] = e
		default:
			if !s.shared(&p.Common, e) || contains(notOfPlays, e.key) {
				unknown = append(unknown, e)
			}
		}
	}
	p.When = nil
	s.unknownInPlay(unknown, hasHosts)
	if !hasHosts && len(unknown) == 0 {
		s.errorf(p.Pos, "this play has no hosts").WithHint("say which hosts it is for, as in hosts: all")
	}
	if e, ok := sections["handlers"]; ok {
		h := *s
		h.handler = true
		p.Handlers = h.tasks(e.node, e.key)
	}
	if e, ok := sections["roles"]; ok {
		p.Roles = s.roles(e)
		for _, r := range p.Roles {
			p.addHandlers(r)
		}
	}
	for name, into := range map[string]*[]Node{"pre_tasks": &p.PreTasks, "tasks": &p.Tasks, "post_tasks": &p.PostTasks} {
		if e, ok := sections[name]; ok {
			*into = s.tasks(e.node, name)
		}
	}
	return p
}

// unknownInPlay reports what a play cannot have; an element that is a task was
// put at the wrong level, and is said so once.
func (s *scope) unknownInPlay(unknown []entry, hasHosts bool) {
	for _, e := range unknown {
		if _, _, isTask := s.l.lookup(e.key); isTask && !hasHosts {
			s.errorf(e.at, "this is a task (%s), and a playbook is a list of plays", e.key).
				WithHint("put it below tasks: of a play that has hosts:")
			return
		}
	}
	for _, e := range unknown {
		_, _, isTask := s.l.lookup(e.key)
		x := s.errorf(e.at, "unknown keyword %q in a play", e.key)
		switch {
		case contains(notOfPlays, e.key) || contains(taskKeywords, e.key) || e.key == "block":
			x.Msg = "a play cannot have " + quoteShort(e.key)
			x.Hint = "put it on its tasks, blocks or roles"
		case e.key == "include":
			x.Hint = "say import_playbook"
		case isTask:
			x.Msg = quoteShort(e.key) + " is a task and cannot stand in a play itself"
			x.Hint = "put it below tasks:"
		default:
			x.Hint = source.DidYouMean(e.key, playKeywords)
		}
	}
}
