package playbooks

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
)

// loopKinds are the loops that begin with with_.
var loopKinds = []string{
	"items", "list", "dict", "flattened", "indexed_items", "together", "nested", "cartesian", "subelements",
	"sequence", "fileglob", "first_found", "lines", "random_choice", "inventory_hostnames", "file", "env",
	"pipe", "template", "vars", "password", "url",
}

// loop reads loop: or a with_….
func (s *scope) loop(e entry, earlier *Loop) *Loop {
	kind := "loop"
	if k, ok := strings.CutPrefix(e.key, "with_"); ok {
		if kind = k; !contains(loopKinds, k) {
			x := s.errorf(e.at, "unknown loop %q", e.key)
			if hint := source.DidYouMean(k, loopKinds); hint != "" {
				x.Hint = strings.Replace(hint, `"`, `"with_`, 1)
			}
			return earlier
		}
	}
	if earlier != nil {
		s.errorf(e.at, "a task can have one loop").WithHint("the other stands in line %d", earlier.Pos.Line)
		return earlier
	}
	over := s.value(e.node)
	if over == nil {
		return nil
	}
	l := &Loop{Pos: e.at, Kind: kind, Over: over, LoopVar: "item"}
	if kind == "loop" && !over.dynamic {
		if _, isList := over.raw.([]any); !isList && !bareTemplate(e.node) {
			s.errorf(over.Pos, "loop must be a list, not %s", kindOf(e.node)).WithHint("a single element is written [element]")
		}
	}
	return l
}

func (s *scope) loopControl(e entry, l *Loop) {
	list, _ := s.entries(e.node, e.key)
	if l == nil { // report what is wrong in it all the same
		l = &Loop{}
	}
	for _, c := range list {
		switch c.key {
		case "loop_var":
			if l.LoopVar = s.word(c.node, c.key); l.LoopVar != "" {
				s.variable(l.LoopVar, c)
			}
		case "index_var":
			if l.IndexVar = s.word(c.node, c.key); l.IndexVar != "" {
				s.variable(l.IndexVar, c)
			}
		case "label":
			l.Label = s.value(c.node)
		case "pause":
			l.Pause = s.keyword(c, seconds)
		case "extended":
			if v := s.keyword(c, boolean); v != nil {
				if v.dynamic {
					s.errorf(v.Pos, "extended must be true or false, not a template")
				}
				l.Extended, _ = truth(v.raw)
			}
		case "extended_allitems":
			s.keyword(c, boolean)
		default:
			s.unknown(c, "loop_control", []string{"loop_var", "index_var", "label", "pause", "extended", "extended_allitems"})
		}
	}
}

// unknown reports a key that a dict of the given kind cannot have.
func (s *scope) unknown(e entry, of string, known []string) *source.Error {
	x := s.errorf(e.at, "unknown keyword %q in %s", e.key, of)
	x.Hint = source.DidYouMean(e.key, known)
	return x
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
