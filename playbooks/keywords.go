package playbooks

import (
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

// shared reads a keyword of Common; false: it is none.
func (s *scope) shared(c *Common, e entry) bool {
	switch e.key {
	case "name":
		c.Name = s.keyword(e, text)
	case "when":
		c.When = s.conds(e)
	case "vars":
		c.Vars = s.vars(e)
	case "tags":
		c.Tags = s.tags(e)
	case "become":
		c.Become = s.keyword(e, boolean)
	case "become_user":
		c.BecomeUser = s.keyword(e, text)
	case "become_method":
		c.BecomeMethod = s.choice(e, "sudo", "su", "doas")
	case "become_flags":
		c.BecomeFlags = s.keyword(e, text)
	case "connection":
		c.Connection = s.choice(e, "ssh", "local", "smart", "paramiko", "paramiko_ssh")
	case "remote_user":
		c.RemoteUser = s.keyword(e, text)
	case "port":
		c.Port = s.keyword(e, count)
	case "environment":
		c.Environment = s.dicts(e)
	case "module_defaults":
		c.ModuleDefaults = s.moduleDefaults(e)
	case "ignore_errors":
		c.IgnoreErrors = s.keyword(e, boolean)
	case "ignore_unreachable":
		c.IgnoreUnreachable = s.keyword(e, boolean)
	case "any_errors_fatal":
		c.AnyErrorsFatal = s.keyword(e, boolean)
	case "run_once":
		c.RunOnce = s.keyword(e, boolean)
	case "no_log":
		c.NoLog = s.keyword(e, boolean)
	case "check_mode":
		c.CheckMode = s.keyword(e, boolean)
	case "diff":
		c.Diff = s.keyword(e, boolean)
	case "timeout":
		c.Timeout = s.keyword(e, seconds)
	case "throttle":
		c.Throttle = s.keyword(e, count)
	case "delegate_to":
		c.Delegate = s.keyword(e, text)
	case "delegate_facts":
		c.DelegateFacts = s.keyword(e, boolean)
	case "become_exe", "debugger":
		if isNull(e.node) {
			break
		}
		s.errorf(e.at, "the keyword %q is not supported", e.key)
	case "collections":
		s.warnf(e.at, "all tasks are built in", "collections has no effect")
	default:
		return false
	}
	return true
}

// A kind is what a keyword wants; templates pass, they are looked at when the
// play runs.
type kind int

const (
	anything kind = iota
	boolean
	text    // a scalar
	count   // a whole number from 0 on
	seconds // a number from 0 on
	percent // a number from 0 to 100, with or without %
)

func (s *scope) keyword(e entry, want kind) *Value {
	v := s.value(e.node)
	if v == nil || v.dynamic {
		return v
	}
	problem := want.check(v.raw)
	if problem == "" {
		return v
	}
	if !bareTemplate(e.node) {
		s.errorf(v.Pos, "%s must be %s, not %s", e.key, problem, kindOf(e.node))
	}
	return nil
}

// check says what a value should have been; "" when it is fine.
func (k kind) check(v any) string {
	num, isNum := number(v)
	switch k {
	case boolean:
		if _, ok := truth(v); !ok {
			return "true or false"
		}
	case text:
		switch v.(type) {
		case []any, *value.Dict:
			return "a text"
		}
	case count:
		if !isNum || num < 0 || num != float64(int64(num)) {
			return "a whole number"
		}
	case seconds:
		if !isNum || num < 0 {
			return "a number of seconds"
		}
	case percent:
		if t, ok := v.(string); ok {
			num, isNum = number(strings.TrimSuffix(strings.TrimSpace(t), "%"))
		}
		if !isNum || num < 0 || num > 100 {
			return "a percentage from 0 to 100"
		}
	}
	return ""
}

func number(v any) (float64, bool) {
	switch x := v.(type) {
	case int:
		return float64(x), true
	case float64:
		return x, x == x
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(x), 64)
		return f, err == nil && f == f
	}
	return 0, false
}

// truth reads a boolean in any of Ansible's spellings.
func truth(v any) (val, ok bool) {
	switch x := v.(type) {
	case bool:
		return x, true
	case int:
		return x == 1, x == 0 || x == 1
	case float64:
		return x == 1, x == 0 || x == 1
	case string:
		switch strings.ToLower(strings.TrimSpace(x)) {
		case "y", "yes", "on", "1", "true", "t", "1.0":
			return true, true
		case "n", "no", "off", "0", "false", "f", "0.0":
			return false, true
		}
	}
	return false, false
}

// tags reads a list of tags; commas separate too.
func (s *scope) tags(e entry) []string {
	texts, nodes := s.words(e.node, "tags")
	var tags []string
	for i, t := range texts {
		if jinja.IsTemplate(t) {
			s.warnf(s.pos(nodes[i]), "write the tags out", "a tag with a template matches no --tags: what runs is chosen before templates are filled in")
		}
		for tag := range strings.SplitSeq(t, ",") {
			if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}

// dicts reads a dict, a template that gives one, or a list of them.
func (s *scope) dicts(e entry) []*Value {
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
		if _, isDict := v.raw.(*value.Dict); !isDict && !v.dynamic {
			s.errorf(v.Pos, "%s must be a dict, not %s", e.key, kindOf(it))
			continue
		}
		out = append(out, v)
	}
	return out
}

// moduleDefaults reads arguments by the names of tasks.
func (s *scope) moduleDefaults(e entry) []*Value {
	list := s.dicts(e)
	for _, v := range list {
		for _, k := range v.keys {
			name, _ := k.name.(string)
			if strings.HasPrefix(name, "group/") {
				s.errorf(k.pos, "module_defaults for groups of modules are not supported").WithHint("name the tasks one by one")
				continue
			}
			_, spec, ok := s.l.lookup(name)
			if !ok {
				s.unknownTask(name, k.pos)
				continue
			}
			s.checkDefaults(k.val, spec)
		}
	}
	return list
}
