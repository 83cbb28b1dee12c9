package playbooks

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
)

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
