package playbooks

import (
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"gopkg.in/yaml.v3"
)

// task reads one element of a list of tasks: a task, a block, or what an
// import puts in its place. nil: it is beyond use, and reported.
func (s *scope) task(n *yaml.Node) Node {
	n = resolve(n)
	if isNull(n) {
		at := source.Pos{File: s.doc.name}
		if n != nil {
			at = s.pos(n)
		}
		s.errorf(at, "this task is empty").WithHint("take the - away")
		return nil
	}
	list, ok := s.entries(n, "a task")
	if !ok {
		return nil
	}
	for _, e := range list {
		switch e.key {
		case "block", "rescue", "always":
			return s.readBlock(n, list)
		}
	}
	return s.readTask(n, list)
}

func (s *scope) readBlock(n *yaml.Node, list []entry) Node {
	b := &Block{Common: Common{Pos: s.pos(n)}, Parent: s.block, Role: s.role, Play: s.play, File: s.doc.name}
	if s.handler {
		s.errorf(b.Pos, "a handler cannot be a block").WithHint("use import_tasks, or several handlers that listen to one name")
	}
	sections := map[string]entry{}
	for _, e := range list {
		switch e.key {
		case "block", "rescue", "always":
			sections[e.key] = e
		case "notify":
			b.Notify = s.notify(e)
		default:
			if s.shared(&b.Common, e) {
				continue
			}
			if _, _, isTask := s.l.lookup(e.key); isTask || contains(taskKeywords, e.key) || strings.HasPrefix(e.key, "with_") {
				s.errorf(e.at, "a block cannot have %q", e.key).WithHint("put it on the tasks inside, or use include_tasks")
				continue
			}
			s.unknown(e, "a block", blockKeywords)
		}
	}
	if _, ok := sections["block"]; !ok {
		s.errorf(b.Pos, "rescue and always belong to a block: it is missing")
	}
	inner := s.in(b)
	for name, into := range map[string]*[]Node{"block": &b.Tasks, "rescue": &b.Rescue, "always": &b.Always} {
		if e, ok := sections[name]; ok {
			*into = inner.tasks(e.node, name)
		}
	}
	return b
}

func (s *scope) readTask(n *yaml.Node, list []entry) Node {
	t := &Task{
		Common: Common{Pos: s.pos(n)}, Parent: s.block, Role: s.role, Play: s.play,
		File: s.doc.name, Handler: s.handler,
	}
	var actions, unknown []entry
	var args, control *entry
	for _, e := range list {
		switch e.key {
		case "action", "local_action":
			actions = append(actions, e)
		case "args":
			args = &e
		case "loop_control":
			control = &e
		case "loop":
			t.Loop = s.loop(e, t.Loop)
		case "register":
			if t.Register = s.word(e.node, e.key); t.Register != "" {
				s.variable(t.Register, e)
			}
		case "until":
			t.Until = s.conds(e)
		case "retries":
			t.Retries = s.keyword(e, count)
		case "delay":
			t.Delay = s.keyword(e, seconds)
		case "async":
			t.Async = s.keyword(e, count)
		case "poll":
			t.Poll = s.keyword(e, count)
		case "changed_when":
			t.ChangedWhen = s.conds(e)
		case "failed_when":
			t.FailedWhen = s.conds(e)
		case "notify":
			t.Notify = s.notify(e)
		case "listen":
			if !s.handler {
				s.errorf(e.at, "only handlers can listen").WithHint("move the task to the handlers, or say notify")
			}
			t.Listen, _ = s.words(e.node, e.key)
		default:
			if s.shared(&t.Common, e) {
				continue
			}
			if strings.HasPrefix(e.key, "with_") {
				t.Loop = s.loop(e, t.Loop)
				continue
			}
			if _, _, ok := s.l.lookup(e.key); ok {
				actions = append(actions, e)
			} else {
				unknown = append(unknown, e)
			}
		}
	}
	for b := s.block; b != nil; b = b.Parent {
		for _, v := range b.Notify {
			if !slices.Contains(t.Notify, v) {
				t.Notify = append(slices.Clip(t.Notify), v)
			}
		}
	}
	if control != nil {
		s.loopControl(*control, t.Loop)
	}
	if t.Retries != nil && t.Until == nil {
		s.warnf(t.Retries.Pos, "say until when to try", "retries does nothing without until")
	}
	ok := s.action(t, actions, unknown, args)
	if s.handler {
		s.addHandler(t)
	}
	if !ok {
		return nil
	}
	return s.expand(t, list)
}

// action finds out which task it is and reads its arguments; false: there is
// none that could be run.
func (s *scope) action(t *Task, actions, unknown []entry, args *entry) bool {
	for _, e := range unknown {
		switch {
		case e.key == "hosts":
			s.errorf(e.at, "this is a play, and a list of tasks holds tasks only").
				WithHint("bring whole plays in with import_playbook, beside the other plays")
			return false
		case len(actions) > 0:
			s.unknownInTask(e, actions[0])
		case len(unknown) == 1:
			s.unknownTask(e.key, e.at)
		default:
			x := s.errorf(e.at, "%q is neither a task nor a keyword", e.key)
			x.Hint = source.DidYouMean(e.key, s.taskNames())
		}
	}
	switch {
	case len(actions) > 1:
		s.errorf(actions[1].at, "two tasks in one: %s and %s", actions[0].key, actions[1].key).
			WithHint("begin another task with - in front of %s", actions[1].key)
		return false
	case len(actions) == 0 && len(unknown) == 0:
		s.errorf(t.Pos, "this task does nothing: no task's name is in it").WithHint("add one, such as command, copy or debug")
		return false
	case len(actions) == 0:
		return false
	}
	e := actions[0]
	t.ActionPos = e.at
	before := len(s.errs)
	var spec Spec
	switch e.key {
	case "action", "local_action":
		if e.key == "local_action" {
			t.Delegate = &Value{Pos: e.at, raw: "localhost", size: 1}
		}
		var ok bool
		if spec, ok = s.actionForm(t, e); !ok {
			return false
		}
	default:
		t.Action, spec, _ = s.l.lookup(e.key)
		s.arguments(t, spec, e.node)
	}
	if args != nil {
		s.moreArguments(t, *args)
	}
	if len(s.errs) == before {
		s.checkArguments(t, spec)
	}
	return true
}

// unknownTask reports the name of a task that there is not.
func (p *parse) unknownTask(name string, at source.Pos) {
	e := p.errorf(at, "unknown task %q", name)
	short := name[strings.LastIndexByte(name, '.')+1:]
	if !ours[short] {
		name = ShortName(name)
	}
	switch {
	case name == "import_playbook":
		e.Msg, e.Hint = "import_playbook cannot stand among tasks", "it stands in a playbook where a play could"
	case name == "include":
		e.Hint = "say import_tasks, or include_tasks when it depends on the host"
	case ours[short] && short != name:
		e.Msg, e.Hint = "Ansible's "+short+" is not part of etcdplay", "slurp reads a file of a host"
	case strings.Count(name, ".") >= 2:
		if _, _, ok := p.l.lookup(short); ok {
			e.Hint = "collections are not supported, but there is a built-in task " + short
			break
		}
		e.Hint = "collections are not supported; " + replacement(short)
	case replacement(name) != "":
		e.Hint = replacement(name)
	default:
		e.Hint = source.DidYouMean(name, p.taskNames())
	}
	e.Hint = strings.TrimSuffix(e.Hint, "; ")
}

// replacement says which task does the work of one that many playbooks use.
func replacement(name string) string {
	switch name {
	case "apt", "yum", "dnf", "apk", "zypper", "pacman", "pip":
		return "package installs with the host's own package manager"
	case "iptables", "ufw", "firewalld", "nftables":
		return "firewall opens ports with whatever the host uses"
	case "authorized_key":
		return "user takes authorized keys"
	case "hostname", "cron", "mount", "timezone", "modprobe", "git", "expect":
		return "command and shell can do it: give them creates, or a changed_when"
	}
	return ""
}

// unknownInTask reports a key beside a task's name.
func (s *scope) unknownInTask(e, action entry) {
	x := s.errorf(e.at, "unknown keyword %q", e.key)
	_, spec, _ := s.l.lookup(action.key)
	if _, isArg := spec.arg(e.key); isArg {
		x.Hint = "as an argument of " + action.key + " it must be indented below it"
		return
	}
	if contains(playKeywords, e.key) {
		x.Hint = e.key + " belongs to a play, not to a task"
		return
	}
	x.Hint = source.DidYouMean(e.key, s.taskNames())
}

// taskNames are all keys that a task can have.
func (p *parse) taskNames() []string {
	names := append(p.l.opts.Catalog.Names(), taskKeywords...)
	for _, k := range loopKinds {
		names = append(names, "with_"+k)
	}
	return names
}
