package jinja

import (
	"github.com/etcdplay/etcdplay/internal/source"
)

// body parses text and tags up to one of the given end tags, which it leaves
// behind its name; open is the tag that is being closed.
func (p *parser) body(open *token, until ...string) ([]stmt, token, error) {
	if err := p.nest(); err != nil {
		return nil, token{}, err
	}
	defer p.unnest()
	var out []stmt
	for {
		p.nodes = 0
		t := p.next()
		switch t.kind {
		case tokEOF:
			if open != nil {
				e := p.errorf(*open, "the {%% %s %%} that begins here never ends", open.text)
				e.WithHint("close it with {%% %s %%}", until[len(until)-1])
				if open.text == "set" {
					e.Hint += ", or give it a value: {% set name = … %}"
				}
				return nil, t, e
			}
			return out, t, nil
		case tokData:
			out = append(out, &textStmt{t.text})
		case tokExprBegin:
			e, err := p.tupleOrExpr(true)
			if err == nil {
				err = p.expectEnd(tokExprEnd)
			}
			if err != nil {
				return nil, t, err
			}
			out = append(out, &outputStmt{e})
		case tokStmtBegin:
			word, err := p.expectName("the name of a tag")
			if err != nil {
				return nil, t, err
			}
			if oneOf(word.text, until) {
				return out, word, nil
			}
			s, err := p.statement(word, open)
			if err != nil {
				return nil, t, err
			}
			out = append(out, s)
		}
	}
}

var tags = []string{
	"if", "elif", "else", "endif", "for", "endfor", "set", "endset", "macro", "endmacro", "call", "endcall",
	"filter", "endfilter", "with", "endwith", "include", "raw", "endraw",
}

// refusedTags are Jinja2's that are left out, with what to do instead.
var refusedTags = map[string]string{
	"block":      "template inheritance is left out; use {% include %} or {% macro %}",
	"extends":    "template inheritance is left out; use {% include %} or {% macro %}",
	"autoescape": "nothing is ever escaped; use | escape where it is needed",
	"do":         "a template can't change variables; use {% set %}",
	"break":      "give the loop a condition: {% for x in list if … %}",
	"continue":   "give the loop a condition: {% for x in list if … %}",
	"trans":      "translations are left out",
	"debug":      "print a value with {{ }}",
}

func (p *parser) statement(t token, open *token) (stmt, error) {
	switch t.text {
	case "if":
		return p.ifTag(t)
	case "for":
		return p.forTag(t)
	case "set":
		return p.setTag(t)
	case "macro":
		return p.macroTag(t)
	case "call":
		return p.callTag(t)
	case "filter":
		return p.filterTag(t)
	case "with":
		return p.withTag(t)
	case "include":
		return p.includeTag(t)
	case "import", "from":
		return p.importTag(t)
	}
	if h := refusedTags[t.text]; h != "" {
		return nil, p.errorf(t, "{%% %s %%} is not supported", t.text).WithHint("%s", h)
	}
	if oneOf(t.text, tags) {
		e := p.errorf(t, "{%% %s %%} closes nothing that is open here", t.text)
		if open != nil {
			e.WithHint("open is the {%% %s %%} at %s", open.text, p.at(*open).where())
		}
		return nil, e
	}
	e := p.errorf(t, "there is no tag named %s", t.text)
	e.Hint = source.DidYouMean(t.text, tags)
	return nil, e
}

func (p *parser) ifTag(t token) (stmt, error) {
	n := &ifStmt{}
	for {
		test, err := p.tupleOrExpr(true)
		if err == nil {
			err = p.expectEnd(tokStmtEnd)
		}
		if err != nil {
			return nil, err
		}
		body, end, err := p.body(&t, "elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		n.branches = append(n.branches, branch{test, body})
		if end.text == "elif" {
			continue
		}
		if end.text == "else" {
			if p.isWord("if") {
				return nil, p.errorf(p.peek(), "`else if` is written elif")
			}
			if err := p.expectEnd(tokStmtEnd); err != nil {
				return nil, err
			}
			if n.other, _, err = p.body(&t, "endif"); err != nil {
				return nil, err
			}
		}
		return n, p.expectEnd(tokStmtEnd)
	}
}

func (p *parser) forTag(t token) (stmt, error) {
	n := &forStmt{at: p.at(t)}
	var err error
	if n.target, err = p.target(); err != nil {
		return nil, err
	}
	if !p.takeWord("in") {
		return nil, p.unexpected("'in'")
	}
	if n.over, err = p.tupleOrExpr(false); err != nil {
		return nil, err
	}
	p.pushScope()
	defer p.popScope()
	p.declareTarget(n.target)
	if p.takeWord("if") {
		if n.test, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if p.isWord("recursive") {
		return nil, p.errorf(p.peek(), "recursive loops are not supported").WithHint("use a macro that calls itself")
	}
	if err := p.expectEnd(tokStmtEnd); err != nil {
		return nil, err
	}
	p.declare("loop")
	body, end, err := p.body(&t, "else", "endfor")
	if err != nil {
		return nil, err
	}
	n.body = body
	if end.text == "else" {
		if err := p.expectEnd(tokStmtEnd); err != nil {
			return nil, err
		}
		if n.other, _, err = p.body(&t, "endfor"); err != nil {
			return nil, err
		}
	}
	return n, p.expectEnd(tokStmtEnd)
}

// target parses what a loop or a set assigns to: a, (a, b), or ns.a.
func (p *parser) target() (*target, error) {
	first, err := p.oneTarget()
	if err != nil || !p.isOp(",") {
		return first, err
	}
	t := &target{at: first.at, items: []*target{first}}
	for p.takeOp(",") {
		if p.endsTuple() {
			break
		}
		next, err := p.oneTarget()
		if err != nil {
			return nil, err
		}
		t.items = append(t.items, next)
	}
	return t, nil
}

func (p *parser) oneTarget() (*target, error) {
	if err := p.nest(); err != nil {
		return nil, err
	}
	defer p.unnest()
	if open := p.peek(); p.takeOp("(") {
		t, err := p.target()
		if err != nil {
			return nil, err
		}
		return t, p.closeBracket(open, ")")
	}
	t, err := p.expectName("the name of a variable")
	if err != nil {
		return nil, err
	}
	switch {
	case oneOf(t.text, reserved) || oneOf(t.text, []string{"true", "false", "none", "True", "False", "None"}):
		return nil, p.errorf(t, "%s can't be the name of a variable", t.text)
	case p.isOp("[") || p.isOp("("):
		return nil, p.errorf(p.peek(), "a template can't change what is inside a variable").
			WithHint("set a new variable, or a namespace's: {%% set ns.x = … %%}")
	}
	n := &target{at: p.at(t), name: t.text}
	if p.takeOp(".") {
		attr, err := p.expectName("a name after '.'")
		if err != nil {
			return nil, err
		}
		n.attr = attr.text
	}
	return n, nil
}

func (p *parser) declareTarget(t *target) {
	for _, i := range t.items {
		p.declareTarget(i)
	}
	if t.items == nil && t.attr == "" {
		p.declare(t.name)
	}
}

func (p *parser) setTag(t token) (stmt, error) {
	n := &setStmt{at: p.at(t)}
	var err error
	if n.target, err = p.target(); err != nil {
		return nil, err
	}
	if p.takeOp("=") {
		if n.value, err = p.tupleOrExpr(true); err != nil {
			return nil, err
		}
		p.declareTarget(n.target)
		return n, p.expectEnd(tokStmtEnd)
	}
	if n.target.items != nil || p.isOp("==") {
		return nil, p.unexpected("'='")
	}
	for p.takeOp("|") {
		f, err := p.filter()
		if err != nil {
			return nil, err
		}
		n.filters = append(n.filters, f)
	}
	if err := p.expectEnd(tokStmtEnd); err != nil {
		return nil, err
	}
	p.pushScope()
	n.body, _, err = p.body(&t, "endset")
	p.popScope()
	if err != nil {
		return nil, err
	}
	p.declareTarget(n.target)
	return n, p.expectEnd(tokStmtEnd)
}
