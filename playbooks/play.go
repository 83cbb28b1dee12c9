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
		if e.Hint = source.DidYouMean(base(name), known); e.Hint == "" && p.l.opts.Shipped != nil {
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
		case isTask:
			x.Msg = quoteShort(e.key) + " is a task and cannot stand in a play itself"
			x.Hint = "put it below tasks:"
		default:
			x.Hint = source.DidYouMean(e.key, playKeywords)
		}
	}
}

func (s *scope) hosts(e entry) *Value {
	v := s.value(e.node)
	empty := v == nil || v.raw == ""
	if list, ok := rawList(v); ok {
		empty = len(list) == 0
		for i, x := range list {
			if text.check(x) != "" || x == nil {
				s.errorf(v.items[i].Pos, "hosts must be a pattern or a list of patterns")
			}
		}
	} else if v != nil && text.check(v.raw) != "" {
		if !bareTemplate(e.node) {
			s.errorf(v.Pos, "hosts must be a pattern or a list of patterns, not %s", kindOf(e.node))
		}
		return v
	}
	if empty {
		s.errorf(e.at, "hosts is empty").WithHint("name a group, a host, or all")
	}
	return v
}

func rawList(v *Value) ([]any, bool) {
	if v == nil {
		return nil, false
	}
	l, ok := v.raw.([]any)
	return l, ok
}

// choice is a keyword with a few words to choose from.
func (s *scope) choice(e entry, words ...string) *Value {
	v := s.value(e.node)
	if v == nil || v.dynamic {
		return v
	}
	name, _ := v.raw.(string)
	if contains(words, ShortName(name)) {
		if short := ShortName(name); short != name {
			return &Value{Pos: v.Pos, raw: short, size: 1}
		}
		return v
	}
	x := s.errorf(v.Pos, "%s must be one of %s, not %s", e.key, strings.Join(words, ", "), kindOf(e.node))
	x.Hint = source.DidYouMean(name, words)
	return nil
}

// serial is a number, a percentage, or a list of them.
func (s *scope) serial(e entry) *Value {
	v := s.value(e.node)
	if v == nil {
		return nil
	}
	items := []*Value{v}
	if v.items != nil {
		items = v.items
	}
	for _, it := range items {
		if it.dynamic {
			continue
		}
		raw := it.raw
		share := false
		if t, ok := raw.(string); ok {
			t = strings.TrimSpace(t)
			share = strings.HasSuffix(t, "%")
			raw = strings.TrimSuffix(t, "%")
		}
		n, ok := number(raw)
		switch {
		case !ok || n < 0 || !share && n != float64(int(n)):
			s.errorf(it.Pos, "serial must be a number of hosts or a percentage, or a list of them, not %s", it.written())
		case n == 0:
			s.errorf(it.Pos, "serial is 0: no host would ever be in a batch").WithHint("leave serial away to take all hosts at once")
		}
	}
	if v.items != nil && len(v.items) == 0 {
		s.errorf(v.Pos, "serial is an empty list")
	}
	return v
}

// varsFiles reads names of files, or lists of which the first that exists is
// taken. Those that are known now must exist.
func (s *scope) varsFiles(e entry) []*Value {
	n := resolve(e.node)
	if isNull(n) {
		return nil
	}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var out []*Value
	for _, it := range items {
		v := s.value(it)
		if v == nil {
			continue
		}
		if _, isText := v.raw.(string); !isText && v.items == nil {
			if !bareTemplate(it) {
				s.errorf(v.Pos, "vars_files must be names of files, not %s", kindOf(it))
			}
			continue
		}
		out = append(out, v)
		s.checkVarsFile(v)
	}
	return out
}

func (s *scope) checkVarsFile(v *Value) {
	names := []*Value{v}
	if v.items != nil {
		names = v.items
	}
	var tried []string
	for _, n := range names {
		name, static := isStatic(n)
		if !static {
			return
		}
		candidates := under([]string{join(s.play.path, "vars"), s.play.path}, name)
		if file, ok := s.l.find(candidates); ok {
			s.readVars(file, n.Pos)
			return
		}
		tried = append(tried, candidates...)
	}
	s.errorf(v.Pos, "there is no such file of variables").Hint = s.nearestFile(tried)
}

// prompts reads vars_prompt.
func (s *scope) prompts(e entry) []Prompt {
	items, _ := s.list(e.node, e.key)
	var out []Prompt
	for _, it := range items {
		list, ok := s.entries(it, "an element of vars_prompt")
		if !ok {
			continue
		}
		p := Prompt{Pos: s.pos(resolve(it)), Private: true}
		flag := func(e entry) bool {
			v := s.keyword(e, boolean)
			if v == nil {
				return false
			}
			b, _ := truth(v.raw)
			return b
		}
		for _, e := range list {
			switch e.key {
			case "name":
				if p.Name = s.word(e.node, e.key); p.Name != "" {
					s.variable(p.Name, e)
				}
			case "prompt":
				p.Prompt = s.keyword(e, text)
			case "default":
				p.Default = s.value(e.node)
			case "private":
				p.Private = flag(e)
			case "confirm":
				p.Confirm = flag(e)
			case "unsafe":
				p.Unsafe = flag(e)
			case "encrypt":
				p.Encrypt = s.word(e.node, e.key)
			case "salt", "salt_size":
				s.value(e.node)
			default:
				s.unknown(e, "vars_prompt", []string{"name", "prompt", "default", "private", "confirm", "unsafe", "encrypt", "salt", "salt_size"})
			}
		}
		if p.Name == "" {
			s.errorf(p.Pos, "this names no variable to ask for").WithHint("write name: NAME")
			continue
		}
		out = append(out, p)
	}
	return out
}
