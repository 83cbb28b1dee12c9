package jinja

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
)

// Bounds of a template's own shape: what a person writes is far below.
const (
	maxParseDepth = 200
	maxNodes      = 20_000 // in one tag
)

type parser struct {
	text   *text
	toks   []token
	i      int
	depth  int
	nodes  int
	syntax syntax
	// scopes are the names that the template itself sets, innermost last.
	scopes []map[string]bool
	refs   []ref
	refOf  map[*name]int
	// condition: a bare expression, where {{ }} has no business.
	condition bool
	inMacro   *macro
}

func newParser(t *text, toks []token, s syntax) *parser {
	return &parser{text: t, toks: toks, syntax: s, scopes: []map[string]bool{{}}, refOf: map[*name]int{}}
}

func compile(t *text, s syntax) (*Template, error) {
	t.nl = s.Newline
	tmpl := &Template{text: t}
	tmpl.newlines = len(t.src) - len(strings.TrimRight(t.src, "\n"))
	p, err := parseTemplate(t, s)
	if err != nil {
		return nil, err
	}
	tmpl.body, tmpl.refs = p.body, p.refs
	return tmpl, nil
}

type parsed struct {
	body []stmt
	refs []ref
}

// parseTemplate parses a text without its last newline, which Jinja2 drops.
func parseTemplate(t *text, s syntax) (*parsed, error) {
	full := t.src
	cut := strings.TrimSuffix(full, "\n")
	if len(cut) < s.start {
		cut = full
	}
	t.src = cut
	defer func() { t.src = full }()
	toks, err := lex(t, s)
	if err != nil {
		return nil, err
	}
	p := newParser(t, toks, s)
	body, _, err := p.body(nil)
	if err != nil {
		return nil, err
	}
	return &parsed{body, p.refs}, nil
}

func compileExpr(t *text) (*Template, error) {
	from, to := 0, len(t.src)
	trimmed := strings.TrimSpace(t.src)
	wrapped := strings.HasPrefix(trimmed, "{{") && strings.HasSuffix(trimmed, "}}") && strings.Count(trimmed, "{{") == 1
	if wrapped {
		from = strings.Index(t.src, "{{") + 2
		to = strings.LastIndex(t.src, "}}")
	}
	if trimmed == "" || wrapped && strings.TrimSpace(t.src[from:to]) == "" {
		return nil, t.place(0).errorf("an expression is missing")
	}
	if !wrapped && IsTemplate(trimmed[:min(2, len(trimmed))]) {
		return nil, t.place(strings.Index(t.src, "{")).errorf("%s has no place in an expression", trimmed[:2]).
			WithHint("write the bare expression: variables stand by their names alone")
	}
	toks, err := lexExpr(t, from, to)
	if err != nil {
		return nil, err
	}
	p := newParser(t, toks, syntax{})
	p.condition = true
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expectEnd(tokEOF); err != nil {
		return nil, err
	}
	return &Template{text: t, body: []stmt{&outputStmt{e}}, refs: p.refs, wrapped: wrapped}, nil
}

func (p *parser) peek() token { return p.toks[p.i] }

func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind != tokEOF {
		p.i++
	}
	return t
}

// lastEnd is the byte behind the token read last.
func (p *parser) lastEnd() int {
	if p.i == 0 {
		return p.toks[0].off
	}
	return p.toks[p.i-1].end
}

func (p *parser) isOp(op string) bool {
	t := p.peek()
	return t.kind == tokOp && t.text == op
}

func (p *parser) takeOp(op string) bool {
	if p.isOp(op) {
		p.i++
		return true
	}
	return false
}

func (p *parser) isWord(word string) bool {
	t := p.peek()
	return t.kind == tokName && t.text == word
}

func (p *parser) takeWord(word string) bool {
	if p.isWord(word) {
		p.i++
		return true
	}
	return false
}

func (p *parser) errorf(at token, format string, args ...any) *source.Error {
	return p.text.place(at.off).errorf(format, args...)
}

func (p *parser) expectOp(op string) error {
	if p.takeOp(op) {
		return nil
	}
	return p.unexpected("'" + op + "'")
}

func (p *parser) expectName(what string) (token, error) {
	if t := p.peek(); t.kind == tokName {
		p.i++
		return t, nil
	}
	return token{}, p.unexpected(what)
}

// unexpected is the error at the current token, where want should stand.
func (p *parser) unexpected(want string) *source.Error {
	t := p.peek()
	e := p.errorf(t, "expected %s, not %s", want, t)
	if t.kind == tokOp && t.text == "=" {
		e.Msg = "'=' does not compare"
		e.WithHint("write == to compare; = sets a variable in {%% set %%} or names an argument")
	}
	return e
}

// expectEnd wants the tag or the expression to be over.
func (p *parser) expectEnd(kind tokenKind) error {
	t := p.peek()
	if t.kind == kind {
		p.next()
		return nil
	}
	want := "the end of the expression"
	switch kind {
	case tokExprEnd:
		want = "'" + p.closing(p.syntax.VariableEnd, "}}") + "'"
	case tokStmtEnd:
		want = "'" + p.closing(p.syntax.BlockEnd, "%}") + "'"
	}
	e := p.unexpected(want)
	if e.Hint != "" {
		return e
	}
	switch {
	case t.kind == tokName && t.text == "for":
		e.WithHint("there are no comprehensions; use | map, | select or | selectattr, or a {%% for %%} block")
	case t.kind == tokName && p.i > 0 && p.toks[p.i-1].kind == tokName, t.kind == tokString, t.kind == tokInt, t.kind == tokName:
		e.WithHint("an operator is missing in between, or quotes around text")
	case t.kind == tokOp && t.text == ":":
		e.WithHint("text with a colon needs quotes; a dictionary stands in { }")
	case t.kind == tokOp && t.text == "}":
		e.WithHint("is there a brace too many?")
	}
	return e
}

func (p *parser) closing(set, def string) string {
	if set == "" {
		return def
	}
	return set
}

// nest guards the parser's recursion.
func (p *parser) nest() error {
	p.depth++
	if p.depth > maxParseDepth {
		return p.errorf(p.peek(), "nested more than %d deep", maxParseDepth)
	}
	return nil
}

func (p *parser) unnest() { p.depth-- }

func (p *parser) at(t token) place { return p.text.place(t.off) }

// mk is the node that begins at off and ends with the token read last.
func (p *parser) mk(off int) node {
	p.nodes++
	return node{p.text.place(off), off, p.lastEnd()}
}

func (p *parser) pushScope(names ...string) {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	p.scopes = append(p.scopes, m)
}

func (p *parser) popScope() { p.scopes = p.scopes[:len(p.scopes)-1] }

func (p *parser) declare(name string) { p.scopes[len(p.scopes)-1][name] = true }

func (p *parser) declared(name string) bool {
	for _, s := range p.scopes {
		if s[name] {
			return true
		}
	}
	return false
}

// use notes a name that comes from outside.
func (p *parser) use(n *name) {
	if p.inMacro != nil {
		p.inMacro.noteUse(n.name)
	}
	if p.declared(n.name) || lib().globals[n.name] != nil {
		return
	}
	p.refOf[n] = len(p.refs)
	p.refs = append(p.refs, ref{name: n.name, off: n.at.off})
}

// guard marks the variable at the root of e as one that may be undefined.
func (p *parser) guard(e expr) {
	for {
		switch n := e.(type) {
		case *name:
			if i, ok := p.refOf[n]; ok {
				p.refs[i].guarded = true
			}
			return
		case *attrExpr:
			e = n.of
		case *itemExpr:
			e = n.of
		default:
			return
		}
	}
}
