package playbooks

import (
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"gopkg.in/yaml.v3"
)

// An entry is one key of a mapping with its value.
type entry struct {
	key  string
	at   source.Pos // of the key
	node *yaml.Node
}

// maxMerge bounds how deep << may nest.
const maxMerge = 50

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	n = resolve(n)
	return n == nil || n.Kind == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Style&^yaml.TaggedStyle == 0
}

func isQuoted(n *yaml.Node) bool {
	return n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// kindOf names a node for a message.
func kindOf(n *yaml.Node) string {
	switch n = resolve(n); {
	case isNull(n):
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "a dict"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() != "!!str" {
		return n.Value
	}
	return quoteShort(n.Value)
}

func quoteShort(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:57]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// bareTemplate recognises what YAML makes of an unquoted {{ name }}: a dict
// whose only key is a dict.
func bareTemplate(n *yaml.Node) bool {
	n = resolve(n)
	if n == nil || n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle == 0 || len(n.Content) != 2 || !isNull(n.Content[1]) {
		return false
	}
	k := n.Content[0]
	return k.Kind == yaml.MappingNode && k.Style&yaml.FlowStyle != 0
}

// refuseBareTemplate reports a {{ }} that lost its quotes; whether it did.
func (s *scope) refuseBareTemplate(n *yaml.Node) bool {
	if !bareTemplate(n) {
		return false
	}
	n = resolve(n)
	text := "{{ name }}"
	if line := []rune(s.doc.line(n.Line)); n.Column >= 1 && n.Column <= len(line) {
		if t := string(line[n.Column-1:]); strings.Contains(t, "}}") {
			text = t[:strings.Index(t, "}}")+2]
		}
	}
	s.errorf(s.doc.pos(n), "a value that begins with {{ must be quoted: YAML takes it for a dict").WithHint(`write "%s"`, text)
	return true
}

// entries lists the keys of a mapping, merged ones (<<) first. Keys that are
// no plain words and keys given twice are refused. ok is false when there is
// no mapping; what says what it should have been.
func (s *scope) entries(n *yaml.Node, what string) (list []entry, ok bool) {
	n = resolve(n)
	if n == nil || n.Kind != yaml.MappingNode {
		if n != nil {
			s.errorf(s.doc.pos(n), "%s must be a dict, not %s", what, kindOf(n))
		}
		return nil, false
	}
	if s.refuseBareTemplate(n) {
		return nil, false
	}
	return s.merged(n, 0), true
}

func (s *scope) merged(n *yaml.Node, depth int) []entry {
	var list []entry
	index := map[string]int{}
	if depth > maxMerge {
		s.errorf(s.doc.pos(n), "<< is nested too deep")
		return nil
	}
	inherit := func(from *yaml.Node) {
		if from = resolve(from); from == nil || from.Kind != yaml.MappingNode {
			s.errorf(s.doc.pos(n), "<< merges a dict or a list of dicts")
			return
		}
		for _, e := range s.merged(from, depth+1) {
			if _, have := index[e.key]; !have {
				index[e.key] = len(list)
				list = append(list, e)
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k, v := n.Content[i], resolve(n.Content[i+1]); isMerge(k) {
			if v.Kind == yaml.SequenceNode {
				for _, c := range v.Content {
					inherit(c)
				}
				continue
			}
			inherit(v)
		}
	}
	own := map[string]source.Pos{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyNode, at := resolve(n.Content[i]), s.doc.pos(n.Content[i])
		if isMerge(n.Content[i]) {
			continue
		}
		if keyNode.Kind != yaml.ScalarNode {
			s.errorf(at, "a key must be a word, not %s", kindOf(keyNode))
			continue
		}
		e := entry{key: keyNode.Value, at: at, node: n.Content[i+1]}
		if first, twice := own[e.key]; twice {
			s.errorf(at, "%q is given twice", e.key).WithHint("it stands in line %d already: keep one", first.Line)
			continue
		}
		own[e.key] = at
		if j, have := index[e.key]; have {
			list[j] = e
			continue
		}
		index[e.key] = len(list)
		list = append(list, e)
	}
	return list
}

func isMerge(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Value == "<<" && !isQuoted(k)
}

// list gives the elements of a sequence; null is an empty one. ok is false
// when it is something else.
func (s *scope) list(n *yaml.Node, what string) (items []*yaml.Node, ok bool) {
	n = resolve(n)
	if isNull(n) {
		return nil, true
	}
	if n.Kind != yaml.SequenceNode {
		if !s.refuseBareTemplate(n) {
			s.errorf(s.doc.pos(n), "%s must be a list, not %s", what, kindOf(n))
		}
		return nil, false
	}
	return n.Content, true
}

// words reads a list of plain texts, or a single one.
func (s *scope) words(n *yaml.Node, what string) (texts []string, nodes []*yaml.Node) {
	n = resolve(n)
	if isNull(n) {
		return nil, nil
	}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, it := range items {
		it = resolve(it)
		switch {
		case s.refuseBareTemplate(it):
		case it.Kind == yaml.SequenceNode:
			t, ns := s.words(it, what)
			texts, nodes = append(texts, t...), append(nodes, ns...)
		case it.Kind != yaml.ScalarNode || isNull(it):
			s.errorf(s.doc.pos(it), "%s must be a text or a list of texts, not %s", what, kindOf(it))
		default:
			texts, nodes = append(texts, it.Value), append(nodes, it)
		}
	}
	return texts, nodes
}

// word reads one plain text; "" with an error when it is none.
func (s *scope) word(n *yaml.Node, what string) string {
	n = resolve(n)
	if n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		if n == nil || !s.refuseBareTemplate(n) {
			s.errorf(s.doc.pos(n), "%s must be a text, not %s", what, kindOf(n))
		}
		return ""
	}
	return n.Value
}
