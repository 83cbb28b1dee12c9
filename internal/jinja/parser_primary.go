package jinja

import (
	"strconv"
	"strings"
)

func (p *parser) primary() (expr, error) {
	if p.nodes > maxNodes {
		return nil, p.errorf(p.peek(), "the expression is too long")
	}
	t := p.next()
	switch t.kind {
	case tokName:
		return p.nameOrConstant(t)
	case tokString:
		s := t.text
		for p.peek().kind == tokString {
			s += p.next().text
		}
		if p.condition {
			if holdsExpression(s) {
				return nil, p.errorf(t, "{{ }} inside a string is only text").
					WithHint("join text and variables with ~, as in 'a' ~ name")
			}
		}
		return &literal{p.mk(t.off), s}, nil
	case tokInt:
		n, err := strconv.ParseInt(t.text, 0, 64)
		if err != nil {
			n, err = strconv.ParseInt(t.text, 10, 64)
		}
		if err != nil {
			return nil, p.errorf(t, "the number %s does not fit into 64 bits", t.text)
		}
		return &literal{p.mk(t.off), int(n)}, nil
	case tokFloat:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, p.errorf(t, "the number %s is too large", t.text)
		}
		return &literal{p.mk(t.off), f}, nil
	case tokOp:
		switch t.text {
		case "(":
			return p.parens(t)
		case "[":
			return p.listLiteral(t)
		case "{":
			return p.dictLiteral(t)
		}
	}
	return nil, p.noExpression(t)
}

// holdsExpression reports text that its writer wanted to be evaluated.
func holdsExpression(s string) bool {
	_, rest, ok := strings.Cut(s, "{{")
	rest = strings.TrimLeft(rest, blanks)
	return ok && strings.Contains(rest, "}}") && rest != "" &&
		(rest[0] == '_' || rest[0]|0x20 >= 'a' && rest[0]|0x20 <= 'z')
}

// noExpression is the error where an expression should begin.
func (p *parser) noExpression(t token) error {
	e := p.errorf(t, "an expression is missing before %s", t)
	switch t.kind {
	case tokExprEnd, tokStmtEnd, tokEOF:
	default:
		e.Msg = "unexpected " + t.String()
	}
	if t.kind == tokOp {
		switch t.text {
		case "=":
			e.WithHint("write == to compare")
		case "|":
			e.WithHint("a filter needs a value before its |; `or` is the logical or")
		}
	}
	return e
}

var reserved = []string{"if", "else", "elif", "in", "is", "not", "and", "or", "for"}

func (p *parser) nameOrConstant(t token) (expr, error) {
	switch t.text {
	case "true", "True":
		return &literal{p.mk(t.off), true}, nil
	case "false", "False":
		return &literal{p.mk(t.off), false}, nil
	case "none", "None":
		return &literal{p.mk(t.off), nil}, nil
	}
	if oneOf(t.text, reserved) {
		return nil, p.noExpression(t)
	}
	if t.text == "lambda" {
		return nil, p.errorf(t, "there is no lambda").WithHint("use a {%% macro %%}, or | map, | select, | selectattr")
	}
	n := &name{p.mk(t.off), t.text}
	p.use(n)
	return n, nil
}

func (p *parser) parens(open token) (expr, error) {
	if p.takeOp(")") {
		return &listExpr{p.mk(open.off), nil, true}, nil
	}
	e, err := p.tupleOrExpr(true)
	if err != nil {
		return nil, err
	}
	if err := p.closeBracket(open, ")"); err != nil {
		return nil, err
	}
	return e, nil
}

// closeBracket wants the bracket that closes open.
func (p *parser) closeBracket(open token, close string) error {
	if p.takeOp(close) {
		return nil
	}
	want := "'" + close + "'"
	if close != ")" {
		want = "',' or " + want
	}
	e := p.unexpected(want)
	if p.isWord("for") {
		e.WithHint("there are no comprehensions; use | map, | select or | selectattr")
	}
	return e
}

func (p *parser) listLiteral(open token) (expr, error) {
	var items []expr
	for !p.isOp("]") {
		if len(items) > 0 {
			if !p.takeOp(",") {
				return nil, p.closeBracket(open, "]")
			}
			if p.isOp("]") {
				break
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	p.next()
	return &listExpr{p.mk(open.off), items, false}, nil
}

func (p *parser) dictLiteral(open token) (expr, error) {
	d := &dictExpr{}
	for !p.isOp("}") {
		if len(d.keys) > 0 {
			if !p.takeOp(",") {
				return nil, p.closeBracket(open, "}")
			}
			if p.isOp("}") {
				break
			}
		}
		k, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expectOp(":"); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.vals = append(d.keys, k), append(d.vals, v)
	}
	p.next()
	d.node = p.mk(open.off)
	return d, nil
}
