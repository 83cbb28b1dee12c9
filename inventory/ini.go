package inventory

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/source"
)

var (
	sectionHeader = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)
	childName     = regexp.MustCompile(`^([^:\]\s]+)\s*(?:#.*)?$`)
)

// An iniReader reads one INI source into an inventory.
type iniReader struct {
	inv  *Inventory
	file string
	errs source.Errors

	group   *Group // of the section, nil before it exists
	name    string // of the section
	kind    string // hosts, children, vars
	pending map[string]*pendingGroup
	waiting []*pendingGroup // the same, in order
}

// A pendingGroup is used before its section stands.
type pendingGroup struct {
	name    string
	at      source.Pos
	text    string
	header  bool         // by its own [name:vars]
	parents []*Group     // that want it as a child
	wanted  []source.Pos // where they do
	vars    []Var
}

// readINI adds an INI source to the inventory. All mistakes are reported at
// once; the inventory is of no use after an error.
func (inv *Inventory) readINI(file string, data []byte) error {
	r := &iniReader{inv: inv, file: file, group: inv.groups[Ungrouped], name: Ungrouped, kind: "hosts",
		pending: map[string]*pendingGroup{}}
	for i, line := range splitLines(strings.TrimPrefix(string(data), "\ufeff")) {
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue // a comment may be in any encoding
		}
		at := source.Pos{File: file, Line: i + 1}
		if !utf8.ValidString(line) {
			r.fail(at, "", "not UTF-8 text").WithHint("save the file as UTF-8")
			continue
		}
		text := strings.TrimFunc(line, unicode.IsSpace)
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		at.Col = 1 + utf8.RuneCountInString(line[:strings.Index(line, text)])
		if text == "---" && r.kind == "hosts" {
			r.fail(at, line, "--- begins a YAML file, and this is read as INI").WithHint("rename it to end in .yml")
			break // the rest would only be misread
		}
		r.line(at, line, text)
	}
	for _, p := range r.waiting {
		if r.pending[p.name] != p {
			continue
		}
		var e *source.Error
		if p.header {
			e = r.fail(p.at, p.text, "[%s:vars] gives variables to a group that does not exist", p.name)
		} else {
			e = r.fail(p.at, p.text, "the group %s does not exist", p.name)
		}
		e.Hint = source.DidYouMean(p.name, inv.groupNames())
		if e.Hint == "" {
			e.Hint = "add a section [" + p.name + "], even an empty one"
		}
	}
	return r.errs.Err()
}

// splitLines splits where Python's splitlines does, so that line numbers are
// those that Ansible reports too.
func splitLines(s string) []string {
	if strings.ContainsAny(s, "\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029") {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\x1c", "\n", "\x1d", "\n",
			"\x1e", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	}
	return strings.Split(s, "\n")
}

func (r *iniReader) fail(at source.Pos, line, format string, args ...any) *source.Error {
	e := source.Errorf(at, format, args...)
	e.Text = line
	r.errs = append(r.errs, e)
	return e
}

func (r *iniReader) line(at source.Pos, line, text string) {
	if m := sectionHeader.FindStringSubmatch(text); m != nil {
		r.section(at, line, m[1], m[2])
		return
	}
	if text[0] == '[' {
		switch {
		case text[len(text)-1] == ']':
			r.fail(at, line, "%s is no section: [name], [name:children] or [name:vars], without blanks in the name", text)
			r.kind = "" // what follows belongs to it
			return
		case strings.Contains(text, "] ;"):
			r.fail(at, line, "a section is followed by a ; where only a # begins a comment")
			r.kind = ""
			return
		}
	}
	switch r.kind {
	case "hosts":
		r.hostLine(at, line, text)
	case "vars":
		r.varLine(at, line, text)
	case "children":
		r.childLine(at, line, text)
	}
}

func (r *iniReader) section(at source.Pos, line, name, kind string) {
	if kind == "" {
		kind = "hosts"
	}
	r.name, r.kind, r.group = name, kind, r.inv.groups[name]
	switch kind {
	case "hosts", "children":
		if r.group == nil {
			r.group = r.inv.addGroup(name)
		}
		r.resolve(name)
	case "vars":
		if r.group == nil && r.pending[name] == nil {
			r.wait(name, at, line).header = true
		}
	default:
		r.fail(at, line, "the section [%s:%s] is of an unknown kind", name, kind).
			Hint = source.DidYouMean(kind, []string{"children", "vars", "hosts"})
		r.kind = ""
	}
}

func (r *iniReader) wait(name string, at source.Pos, line string) *pendingGroup {
	p := r.pending[name]
	if p == nil {
		p = &pendingGroup{name: name, at: at, text: line}
		r.pending[name] = p
		r.waiting = append(r.waiting, p)
	}
	return p
}

// resolve gives a group what was said of it before its section.
func (r *iniReader) resolve(name string) {
	p := r.pending[name]
	if p == nil {
		return
	}
	delete(r.pending, name)
	for i, parent := range p.parents {
		if err := r.inv.link(parent, r.group); err != nil {
			r.fail(p.wanted[i], "", "%w", err)
		}
	}
	for _, v := range p.vars {
		r.errs.Add(r.group.setVar(v))
	}
}

func (r *iniReader) childLine(at source.Pos, line, text string) {
	m := childName.FindStringSubmatch(text)
	if m == nil {
		r.fail(at, line, "[%s:children] holds names of groups only, not %q", r.name, text).
			WithHint("variables of a group stand under [GROUP:vars]")
		return
	}
	child := r.inv.groups[m[1]]
	if child == nil {
		p := r.wait(m[1], at, line)
		p.parents, p.wanted = append(p.parents, r.group), append(p.wanted, at)
		return
	}
	if err := r.inv.link(r.group, child); err != nil {
		r.fail(at, line, "%w", err)
	}
}

func (r *iniReader) varLine(at source.Pos, line, text string) {
	key, raw, found := strings.Cut(text, "=")
	if !found {
		r.fail(at, line, "name=value is wanted in [%s:vars], not %q", r.name, text)
		return
	}
	v := Var{Name: strings.TrimSpace(key), Value: parseLiteral(strings.TrimSpace(raw)), From: at,
		Layer: groupLayer(r.name), Group: r.name}
	if r.group == nil {
		p := r.pending[r.name]
		p.vars = append(p.vars, v)
		return
	}
	r.errs.Add(r.group.setVar(v))
}

func groupLayer(group string) Layer {
	if group == All {
		return AllVars
	}
	return GroupVars
}

func (r *iniReader) hostLine(at source.Pos, line, text string) {
	words, err := splitWords(text, at.Col)
	if err != nil {
		r.fail(at, line, "%w", err)
		return
	}
	if len(words) == 0 {
		return
	}
	names, port, err := expandHost(words[0].text)
	if err != nil {
		r.fail(at, line, "%w", err)
		return
	}
	var vars []Var
	if words[0].text == names[0] {
		r.checkName(at, names[0])
	}
	for _, w := range words[1:] {
		key, raw, found := strings.Cut(w.text, "=")
		here := source.Pos{File: r.file, Line: at.Line, Col: w.col}
		if !found {
			e := r.fail(here, line, "name=value is wanted behind a host, not %q", w.text)
			switch {
			case w.text == ";":
				e.Hint = "only a # begins a comment behind a host"
			case strings.Contains(text, "{{"):
				e.Hint = "put quotes around a value that holds blanks: name=\"{{ … }}\""
			}
			return
		}
		if w.hash {
			r.inv.warn(source.Errorf(here, "a # cuts the value of %s short", key).
				WithHint("the rest of the line is a comment; put the value in quotes if the # belongs to it"))
		}
		vars = append(vars, Var{Name: key, Value: parseLiteral(raw), From: here, Layer: HostVars})
	}
	for _, name := range names {
		h := r.inv.addHostPort(name, port, r.file, at)
		r.checkTwice(h, vars, line)
		r.group.add(h)
		for _, v := range vars {
			h.vars.set(v)
		}
	}
}

// checkTwice refuses a host that one file gives two addresses: where hosts merge
// and the later one wins, that is a name somebody forgot to change.
func (r *iniReader) checkTwice(h *Host, vars []Var, line string) {
	for _, v := range vars {
		if v.Name != "ansible_host" && v.Name != "ansible_ssh_host" {
			continue
		}
		before, ok := h.vars.vars[v.Name]
		was, is := fmt.Sprint(before.Value), fmt.Sprint(v.Value)
		if !ok || before.From.File != r.file || was == is {
			continue
		}
		r.fail(v.From, line, "%s has two addresses: %s on line %d, and %s here", h.Name, was, before.From.Line, is).
			WithHint("each host needs a name of its own; to change a host's address, change it where it stands")
	}
}

// checkName warns of a name that Ansible takes and nobody means.
func (r *iniReader) checkName(at source.Pos, name string) {
	host, port, found := strings.Cut(name, ":")
	if !found || strings.Contains(port, ":") || !isHost(host) {
		return
	}
	if _, err := strconv.Atoi(port); err != nil {
		r.inv.warn(source.Errorf(at, "%s is taken as the name of a host: %q is no port", name, port))
	}
}
