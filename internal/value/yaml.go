package value

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"gopkg.in/yaml.v3"
)

// maxYAMLNodes bounds what one document may grow to through its aliases.
const maxYAMLNodes = 1_000_000

// YAMLOptions say how FromYAML treats what only the caller can know.
type YAMLOptions struct {
	File string // named in positions

	// Decrypt opens the text of a `!vault` scalar ("$ANSIBLE_VAULT;…").
	// Without it such a scalar is an error.
	Decrypt func(sealed []byte, at source.Pos) ([]byte, error)

	// KeepVault leaves `!vault` scalars sealed, as {"__ansible_vault": text}.
	KeepVault bool
}

// FromYAML turns a node into a value, reading scalars by the rules of YAML 1.1
// as Ansible does: yes, no, on and off are booleans, 0644 is octal, 1:30 is 90,
// 1_000 is a number, 1e3 is text. It parts from Ansible in these:
//
//   - dates stay the text they are;
//   - whole numbers beyond 64 bits stay text, so that no digit is lost;
//   - a key given twice is an error (Ansible keeps the last);
//   - `!unsafe` text that holds template marks becomes a template that yields
//     exactly that text.
//
// Aliases share one value. Errors are *source.Error with the place; several
// mistakes come together as source.Errors.
func FromYAML(node *yaml.Node, opts YAMLOptions) (any, error) {
	r := yamlReader{opts: opts, done: map[*yaml.Node]yamlValue{}}
	v := r.read(node, 0)
	return v.value, r.errs.Err()
}

// YAMLPos is the place of a node in a file.
func YAMLPos(file string, n *yaml.Node) source.Pos {
	return source.Pos{File: file, Line: n.Line, Col: n.Column}
}

type yamlValue struct {
	value any
	size  int // nodes, aliases counted as often as they are used
	open  bool
}

type yamlReader struct {
	opts YAMLOptions
	done map[*yaml.Node]yamlValue // by anchored node
	errs source.Errors
	full bool
}

func (r *yamlReader) fail(n *yaml.Node, format string, args ...any) yamlValue {
	r.errs.Add(source.Errorf(YAMLPos(r.opts.File, n), format, args...))
	return yamlValue{size: 1}
}

func (r *yamlReader) read(n *yaml.Node, depth int) yamlValue {
	if n == nil {
		return yamlValue{size: 1}
	}
	if depth > maxDepth {
		return r.fail(n, "nested more than %d levels deep", maxDepth)
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Anchor == "" {
		return r.bounded(n, r.content(n, depth))
	}
	if v, seen := r.done[n]; seen {
		if v.open {
			return r.fail(n, "the anchor &%s contains itself", n.Anchor)
		}
		return v
	}
	r.done[n] = yamlValue{open: true}
	v := r.bounded(n, r.content(n, depth))
	r.done[n] = v
	return v
}

func (r *yamlReader) bounded(n *yaml.Node, v yamlValue) yamlValue {
	if v.size <= maxYAMLNodes {
		return v
	}
	if !r.full {
		r.full = true
		r.fail(n, "the aliases expand to more than %d values", maxYAMLNodes)
	}
	return yamlValue{size: 1}
}

func (r *yamlReader) content(n *yaml.Node, depth int) yamlValue {
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return yamlValue{size: 1}
		}
		return r.read(n.Content[0], depth)
	case yaml.SequenceNode:
		if !r.tagIs(n, "!!seq", "!unsafe") {
			return r.fail(n, "the tag %s is not known here", n.Tag)
		}
		list, size := make([]any, 0, len(n.Content)), 1
		for _, c := range n.Content {
			v := r.read(c, depth+1)
			list, size = append(list, v.value), size+v.size
		}
		return r.unsafe(n, yamlValue{value: list, size: size})
	case yaml.MappingNode:
		return r.unsafe(n, r.mapping(n, depth))
	case yaml.ScalarNode:
		return yamlValue{value: r.scalar(n), size: 1}
	}
	return yamlValue{size: 1} // the zero Node: nothing was there
}

func (r *yamlReader) tagIs(n *yaml.Node, tags ...string) bool {
	if n.Tag == "" {
		return true
	}
	for _, t := range tags {
		if n.ShortTag() == t {
			return true
		}
	}
	return false
}

// mapping reads entries; merged ones (<<) come first and give way to the
// mapping's own.
func (r *yamlReader) mapping(n *yaml.Node, depth int) yamlValue {
	if !r.tagIs(n, "!!map", "!!omap", "!unsafe") {
		return r.fail(n, "the tag %s is not known here", n.Tag)
	}
	out := yamlValue{size: 1}
	d := &Dict{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			r.merge(d, n.Content[i+1], depth+1, &out.size)
		}
	}
	first := map[any]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if isMerge(k) {
			continue
		}
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		if k.Kind != yaml.ScalarNode {
			if isTemplate(k) {
				e := source.Errorf(YAMLPos(r.opts.File, n), "a template at the start of a value must be quoted")
				r.errs.Add(e.WithHint(`write "{{ name }}"`))
			} else {
				r.fail(k, "a key must be plain text or a number, not a %s", kindName(k))
			}
			continue
		}
		key := r.scalar(k)
		if earlier, twice := first[key]; twice {
			e := source.Errorf(YAMLPos(r.opts.File, n.Content[i]), "the key %s is given twice", k.Value)
			r.errs.Add(e.WithHint("it stands on line %d already: keep one of them", earlier.Line))
			continue
		}
		first[key] = n.Content[i]
		item := r.read(v, depth+1)
		d.Set(key, item.value)
		out.size += item.size + 1
	}
	out.value = d
	return out
}

func isMerge(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Value == "<<" && k.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 &&
		(k.Tag == "" || k.Tag == "!!merge" || k.Tag == "!")
}

// merge adds the entries of a mapping, or of a list of mappings in which the
// earlier ones win.
func (r *yamlReader) merge(d *Dict, n *yaml.Node, depth int, size *int) {
	resolved := n
	if n.Kind == yaml.AliasNode {
		resolved = n.Alias
	}
	if depth > maxDepth {
		r.fail(n, "merges nested more than %d levels deep", maxDepth)
		return
	}
	if resolved.Kind == yaml.SequenceNode {
		for _, c := range resolved.Content {
			r.merge(d, c, depth+1, size)
		}
		return
	}
	if resolved.Kind != yaml.MappingNode {
		r.fail(n, "<< merges a mapping or a list of mappings, not a %s", kindName(resolved))
		return
	}
	v := r.read(n, depth)
	*size += v.size
	from, _ := v.value.(*Dict)
	for k, item := range from.All() {
		if _, have := d.Get(k); !have {
			d.Set(k, item)
		}
	}
}

// isTemplate recognises what becomes of an unquoted {{ name }}: a mapping whose
// key is a mapping.
func isTemplate(k *yaml.Node) bool {
	return k.Kind == yaml.MappingNode && k.Style&yaml.FlowStyle != 0
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	}
	return "scalar"
}

func (r *yamlReader) scalar(n *yaml.Node) any {
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	tag := n.ShortTag()
	if n.Style&yaml.TaggedStyle == 0 && !strings.HasPrefix(n.Tag, "!<") && (tag == "" || strings.HasPrefix(tag, "!!")) {
		// Not said by the user: what yaml.v3 makes of it goes by YAML 1.2.
		if quoted {
			return n.Value
		}
		return yaml11(n.Value)
	}
	switch tag {
	case "!!str", "!", "!!timestamp":
		return n.Value
	case "!unsafe":
		return literal(n.Value)
	case "!vault", "!vault-encrypted":
		return r.vault(n)
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return r.fail(n, "!!binary text is not base64: %w", err).value
		}
		return string(data)
	case "!!int", "!!float", "!!bool", "!!null":
		v, ok := yamlAs(tag, n.Value)
		if !ok {
			return r.fail(n, "%q is no %s", n.Value, strings.TrimPrefix(tag, "!!")).value
		}
		return v
	}
	e := source.Errorf(YAMLPos(r.opts.File, n), "the tag %s is not known here", n.Tag)
	r.errs.Add(e.WithHint("only !vault, !unsafe and the standard tags (!!str, !!int …) can be used"))
	return nil
}

func (r *yamlReader) vault(n *yaml.Node) any {
	at := YAMLPos(r.opts.File, n)
	if r.opts.KeepVault {
		return NewDict("__ansible_vault", n.Value)
	}
	if r.opts.Decrypt == nil {
		e := source.Errorf(at, "this value is encrypted with a vault and no vault password is given")
		r.errs.Add(e.WithHint("add --vault-password-file FILE or --ask-vault-pass"))
		return nil
	}
	plain, err := r.opts.Decrypt([]byte(n.Value), at)
	if err != nil && !errors.As(err, new(*source.Error)) {
		err = source.Errorf(at, "%w", err)
	}
	r.errs.Add(err)
	return string(plain)
}

// unsafe makes the strings of a list or mapping marked !unsafe literal.
func (r *yamlReader) unsafe(n *yaml.Node, v yamlValue) yamlValue {
	if n.Tag == "!unsafe" {
		v.value = literalAll(v.value)
	}
	return v
}

func literalAll(v any) any {
	switch v := v.(type) {
	case string:
		return literal(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = literalAll(e)
		}
		return out
	case *Dict:
		out := &Dict{}
		for k, e := range v.All() {
			out.Set(k, literalAll(e))
		}
		return out
	}
	return v
}

// literal is a template that yields s; s itself where nothing in it reads as a
// template.
func literal(s string) string {
	if !strings.Contains(s, "{{") && !strings.Contains(s, "{%") && !strings.Contains(s, "{#") {
		return s
	}
	return "{{ '" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "' }}"
}
