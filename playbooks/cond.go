package playbooks

import (
	"regexp"
	"strings"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

// conds reads a condition, or a list of them, all of which must hold.
func (s *scope) conds(e entry) []*Cond {
	n := resolve(e.node)
	if isNull(n) {
		return nil
	}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var out []*Cond
	for _, it := range items {
		if c := s.cond(resolve(it), e.key); c != nil {
			out = append(out, c)
		}
	}
	return out
}

func (s *scope) cond(n *yaml.Node, keyword string) *Cond {
	if isNull(n) || s.refuseBareTemplate(n) {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		s.errorf(s.pos(n), "%s must be a condition or a list of conditions, not %s", keyword, kindOf(n)).
			WithHint(`write it as one text, like "x == 1 and y is defined"`)
		return nil
	}
	c := &Cond{Pos: s.pos(n), Text: n.Value}
	raw, err := value.FromYAML(n, value.YAMLOptions{File: s.doc.name})
	if err != nil {
		s.add(c.Pos, err)
		return nil
	}
	expr, isText := raw.(string)
	if !isText {
		c.Const = value.Truthy(raw)
		return c
	}
	if strings.TrimSpace(expr) == "" {
		c.Const = true
		return c
	}
	s.warnOfCond(c, keyword, expr)
	compile := jinja.CompileExprIn
	if jinja.IsTemplate(expr) && !wholeTemplate(expr) {
		compile = jinja.CompileIn
	}
	t, err := compile(expr, locator(s.doc, n, expr))
	if err != nil {
		s.add(c.Pos, err)
		return nil
	}
	if jinja.IsTemplate(expr) && !t.Wrapped() {
		c.Template = t
	} else {
		c.Expr = t
	}
	return c
}

// wholeTemplate reports whether a text is one {{ }} and nothing else.
func wholeTemplate(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{{") && strings.HasSuffix(text, "}}") && strings.Count(text, "{{") == 1 && strings.Count(text, "}}") == 1
}

var quotedText = regexp.MustCompile(`^\s*('[^']*'|"[^"]*")\s*$`)

func (s *scope) warnOfCond(c *Cond, keyword, expr string) {
	word := strings.ToLower(strings.TrimSpace(expr))
	switch {
	case jinja.IsTemplate(expr):
		s.warnf(c.Pos, "leave the {{ }} away", "%s is an expression already and needs no {{ }}", keyword)
	case word == "yes" || word == "no" || word == "on" || word == "off":
		s.warnf(c.Pos, "leave the quotes away, or write true or false", "in quotes %s is the name of a variable", strings.TrimSpace(expr))
	case quotedText.MatchString(expr) && len(word) > 2:
		s.warnf(c.Pos, "for a variable leave the inner quotes away; for a constant write true or false",
			"%s is a text, and a text that is not empty is always true", strings.TrimSpace(expr))
	}
}

// exprAt checks an expression that stands in an argument (assert's that).
func (s *scope) exprAt(v *Value) {
	text, ok := v.raw.(string)
	if !ok || v.dynamic {
		return
	}
	var err error
	if v.node != nil && v.node.Kind == yaml.ScalarNode {
		_, err = jinja.CompileExprIn(text, locator(s.doc, v.node, text))
	} else {
		_, err = jinja.CompileExpr(text, v.Pos)
	}
	if err != nil {
		s.add(v.Pos, err)
	}
}
