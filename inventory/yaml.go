package inventory

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

// readYAML adds a YAML or JSON source to the inventory: groups at the top, each
// a mapping of hosts, children and vars.
func (inv *Inventory) readYAML(file string, data []byte) error {
	root, err := value.ParseYAML(file, data)
	if err != nil || root == nil {
		return err
	}
	r := yamlReader{inv: inv, file: file}
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return nil
	}
	groups := r.entries(root, "an inventory", "groups")
	for _, e := range groups {
		if e.name == "plugin" && e.value.Kind == yaml.ScalarNode {
			r.fail(e.key, "inventory plugins (%s) cannot be used here", e.value.Value).
				WithHint("use an executable that prints the inventory as JSON on --list")
			return r.errs.Err() // the rest is the plugin's
		}
	}
	for _, e := range groups {
		r.group(e)
	}
	return r.errs.Err()
}

type yamlReader struct {
	inv     *Inventory
	file    string
	errs    source.Errors
	depth   int // of nested merges
	visited int // entries, through aliases too
}

// Bounds of what aliases may unfold to.
const (
	maxMerges  = 100
	maxEntries = 1_000_000
)

// A yamlEntry is one entry of a mapping whose keys are names.
type yamlEntry struct {
	name  string
	key   *yaml.Node
	value *yaml.Node
}

func (r *yamlReader) fail(n *yaml.Node, format string, args ...any) *source.Error {
	e := source.Errorf(value.YAMLPos(r.file, n), format, args...)
	r.errs = append(r.errs, e)
	return e
}

// entries returns the entries of a mapping, merged ones (<<) included; none for
// null. A text alone is a mapping of that name to nothing, as Ansible has it.
func (r *yamlReader) entries(n *yaml.Node, what, of string) []yamlEntry {
	n = resolved(n)
	switch {
	case isNull(n):
		return nil
	case n.Kind == yaml.ScalarNode && of != "groups" && of != "variables" && n.ShortTag() == "!!str":
		return []yamlEntry{{name: n.Value, key: n}}
	case n.Kind != yaml.MappingNode:
		r.fail(n, "%s must be a mapping of %s, not a %s", what, of, nodeKind(n))
		return nil
	}
	r.depth++
	defer func() { r.depth-- }()
	before := r.visited
	if r.visited += len(n.Content); r.depth > maxMerges || r.visited > maxEntries {
		if r.depth > maxMerges || before <= maxEntries {
			r.fail(n, "the aliases in %s unfold to too much", what)
		}
		return nil
	}
	var own, merged []yamlEntry
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := resolved(n.Content[i]), n.Content[i+1]
		if k.Tag == "!!merge" {
			for _, from := range mergedNodes(v) {
				merged = append(merged, r.entries(from, "what << merges", of)...)
			}
			continue
		}
		name, ok := r.name(k, of)
		if !ok {
			continue
		}
		if first := seen[name]; first != nil {
			r.fail(k, "%s is given twice", name).WithHint("it stands on line %d already: keep one of them", first.Line)
			continue
		}
		seen[name] = k
		own = append(own, yamlEntry{name, k, v})
	}
	var out []yamlEntry
	for _, e := range merged {
		if seen[e.name] == nil {
			seen[e.name] = e.key
			out = append(out, e)
		}
	}
	return append(out, own...)
}

func (r *yamlReader) name(k *yaml.Node, of string) (string, bool) {
	if k.Kind == yaml.ScalarNode {
		v, err := value.FromYAML(k, value.YAMLOptions{File: r.file})
		if name, ok := v.(string); ok && err == nil {
			return name, true
		}
		r.fail(k, "the names of %s must be text, and %s is %s", of, k.Value, jsonKind(v)).
			WithHint("put it in quotes: %q", k.Value)
		return "", false
	}
	r.fail(k, "the names of %s must be text", of)
	return "", false
}

func resolved(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n == nil || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func mergedNodes(n *yaml.Node) []*yaml.Node {
	if n = resolved(n); n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return []*yaml.Node{n}
}

func nodeKind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	}
	return "single value"
}

func (r *yamlReader) group(e yamlEntry) *Group {
	g := r.inv.addGroup(e.name)
	switch body := resolved(e.value); {
	case isNull(body):
		return g
	case body.Kind != yaml.MappingNode:
		r.fail(body, "the group %s must be a mapping of hosts, children and vars, not a %s", e.name, nodeKind(body))
		return g
	}
	for _, part := range r.entries(e.value, "the group "+e.name, "hosts, children and vars") {
		switch part.name {
		case "vars":
			r.vars(g, part.value)
		case "children":
			for _, c := range r.entries(part.value, "the children of "+e.name, "child groups") {
				if err := r.inv.link(g, r.inv.addGroup(c.name)); err != nil {
					r.fail(c.key, "%w", err)
					continue
				}
				r.group(c)
			}
		case "hosts":
			for _, h := range r.entries(part.value, "the hosts of "+e.name, "hosts") {
				r.host(g, h)
			}
		default:
			hint := source.DidYouMean(part.name, []string{"hosts", "children", "vars"})
			if hint == "" {
				hint = "a group of this name belongs under children"
			}
			r.fail(part.key, "the group %s has hosts, children and vars, but no %s", e.name, part.name).Hint = hint
		}
	}
	return g
}

func (r *yamlReader) vars(g *Group, n *yaml.Node) {
	if isNull(resolved(n)) {
		return
	}
	vars, err := r.inv.yamlVars(r.file, n, "the vars of "+g.Name)
	r.errs.Add(err)
	for _, v := range vars {
		v.Layer, v.Group = groupLayer(g.Name), g.Name
		r.errs.Add(g.setVar(v))
	}
}

func (r *yamlReader) host(g *Group, e yamlEntry) {
	names, port, err := expandHost(e.name)
	if err != nil {
		r.fail(e.key, "%w", err)
		return
	}
	var vars []Var
	if !isNull(resolved(e.value)) {
		vars, err = r.inv.yamlVars(r.file, e.value, "the variables of "+e.name)
		r.errs.Add(err)
	}
	for _, name := range names {
		h := r.inv.addHostPort(name, port, r.file, value.YAMLPos(r.file, e.key))
		g.add(h)
		for _, v := range vars {
			v.Layer = HostVars
			h.vars.set(v)
		}
	}
}

// yamlVars reads a mapping of variables with the place of each.
func (inv *Inventory) yamlVars(file string, n *yaml.Node, what string) ([]Var, error) {
	r := yamlReader{inv: inv, file: file}
	if isNull(resolved(n)) {
		return nil, nil
	}
	opts := value.YAMLOptions{File: file, Decrypt: inv.opts.Decrypt, KeepVault: inv.opts.KeepVault}
	var vars []Var
	for _, e := range r.entries(n, what, "variables") {
		v, err := value.FromYAML(e.value, opts)
		r.errs.Add(err)
		vars = append(vars, Var{Name: e.name, Value: v, From: value.YAMLPos(file, e.key)})
	}
	return vars, r.errs.Err()
}

// looksLikeYAML decides how a file without a telling name is read: by its first
// line that is no comment.
func looksLikeYAML(data []byte) bool {
	for _, line := range splitLines(strings.TrimPrefix(string(data), "\ufeff")) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line == "---" || line[0] == '{' || strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "%YAML") || strings.HasPrefix(line, "- ") {
			return true
		}
		name, rest, found := strings.Cut(line, ":")
		return found && !strings.ContainsAny(name, " \t=[") && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
	}
	return false
}
