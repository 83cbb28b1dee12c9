package playbooks

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"gopkg.in/yaml.v3"
)

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
		candidates := under(s.l.orShipped([]string{join(s.play.path, "vars"), s.play.path}), name)
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
	items := []*yaml.Node{e.node}
	if n := resolve(e.node); n.Kind != yaml.MappingNode {
		items, _ = s.list(n, e.key)
	}
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

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// pythonWords cannot be names of variables: templates take them for others.
var pythonWords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
	"elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
	"not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "true", "false", "none",
}

// magicNames are set by the program and cannot be set by a play.
var magicNames = []string{
	"ansible_check_mode", "ansible_diff_mode", "ansible_facts", "ansible_play_batch", "ansible_play_hosts",
	"ansible_play_hosts_all", "group_names", "groups", "hostvars", "inventory_dir", "inventory_file",
	"inventory_hostname", "inventory_hostname_short", "omit", "play_hosts", "playbook_dir", "role_name",
	"role_path", "vars",
}

// validName reports whether a name can be a variable's.
func validName(name string) bool {
	return identifier.MatchString(name) && !slices.Contains(pythonWords, name)
}

// variable checks the name of a variable that is being set.
func (s *scope) variable(name string, e entry) {
	at := s.pos(e.node)
	if name == e.key {
		at = e.at
	}
	if !validName(name) {
		s.errorf(at, "%q cannot be the name of a variable", name).
			WithHint("letters, digits and _, no digit first, and no word of the template language such as %q", "not")
		return
	}
	if slices.Contains(magicNames, name) {
		s.warnf(at, "choose another name", "the variable %s is set by the program: this value is never seen", name)
	}
}

// vars reads `vars:`: a dict, or a list of them.
func (s *scope) vars(e entry) []Var {
	n := resolve(e.node)
	if isNull(n) {
		return nil
	}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var vars []Var
	for _, it := range items {
		list, _ := s.entries(it, e.key)
		for _, v := range list {
			s.variable(v.key, v)
			val := s.anyValue(v.node)
			if strings.Contains(v.key, "version") {
				s.checkText(val)
			}
			vars = append(vars, Var{Name: v.key, Value: val})
		}
	}
	return vars
}

// ReadVars reads a file of variables, or a folder of them, for vars_files and
// include_vars. file must have been found (see FindFile).
func (l *Loader) ReadVars(ctx context.Context, file string) ([]Var, error) {
	p := l.parse(ctx)
	vars := p.readVars(file, source.Pos{File: file})
	return vars, p.finish()
}

func (p *parse) readVars(file string, at source.Pos) []Var {
	if p.l.isDir(file) {
		var vars []Var
		for _, name := range p.l.entries(file) {
			inner := join(file, name)
			if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || !p.l.isDir(inner) && !isVarsFile(name) {
				continue
			}
			vars = append(vars, p.readVars(inner, at)...)
		}
		return vars
	}
	s, ok := (&scope{parse: p}).open(file, at)
	if !ok || isNull(s.doc.root) {
		return nil
	}
	list, ok := s.entries(s.doc.root, "a file of variables")
	if !ok {
		return nil
	}
	var vars []Var
	for _, e := range list {
		vars = append(vars, Var{Name: e.key, Value: s.anyValue(e.node)})
	}
	return vars
}

func isVarsFile(name string) bool {
	return strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".json") || !strings.Contains(name, ".")
}
