package jinja

import (
	"strconv"
	"strings"
)

// tupleOrExpr parses `a` or `a, b`. conditional says whether `if` is allowed
// outside of parentheses.
func (p *parser) tupleOrExpr(conditional bool) (expr, error) {
	one := p.expression
	if !conditional {
		one = p.or
	}
	off := p.peek().off
	first, err := one()
	if err != nil || !p.isOp(",") {
		return first, err
	}
	items := []expr{first}
	for p.takeOp(",") {
		if p.endsTuple() {
			break
		}
		e, err := one()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return &listExpr{p.mk(off), items, true}, nil
}

func (p *parser) endsTuple() bool {
	t := p.peek()
	switch t.kind {
	case tokExprEnd, tokStmtEnd, tokEOF:
		return true
	case tokOp:
		return t.text == ")" || t.text == "]" || t.text == "}" || t.text == "="
	case tokName:
		return t.text == "in"
	}
	return false
}

// expression parses a whole expression: `a if b else c`.
func (p *parser) expression() (expr, error) {
	if err := p.nest(); err != nil {
		return nil, err
	}
	defer p.unnest()
	off := p.peek().off
	e, err := p.or()
	for err == nil && p.takeWord("if") {
		c := &condExpr{then: e}
		if c.test, err = p.or(); err != nil {
			return nil, err
		}
		if p.takeWord("else") {
			if c.other, err = p.expression(); err != nil {
				return nil, err
			}
		}
		c.node = p.mk(off)
		e = c
	}
	return e, err
}

func (p *parser) or() (expr, error)  { return p.logic("or", p.and) }
func (p *parser) and() (expr, error) { return p.logic("and", p.not) }

func (p *parser) logic(word string, operand func() (expr, error)) (expr, error) {
	off := p.peek().off
	e, err := operand()
	for err == nil && p.takeWord(word) {
		var r expr
		if r, err = operand(); err == nil {
			e = &logicExpr{p.mk(off), e, r, word == "or"}
		}
	}
	return e, err
}

func (p *parser) not() (expr, error) {
	t := p.peek()
	if !p.takeWord("not") {
		return p.compare()
	}
	if err := p.nest(); err != nil {
		return nil, err
	}
	defer p.unnest()
	e, err := p.not()
	if err != nil {
		return nil, err
	}
	return &notExpr{p.mk(t.off), e}, nil
}

func (p *parser) compare() (expr, error) {
	off := p.peek().off
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	var rest []comparison
	for {
		t := p.peek()
		op := ""
		switch {
		case t.kind == tokOp && (t.text == "==" || t.text == "!=" || t.text == "<" || t.text == "<=" || t.text == ">" || t.text == ">="):
			op = t.text
			p.next()
		case p.takeWord("in"):
			op = "in"
		case p.isWord("not") && p.toks[p.i+1].kind == tokName && p.toks[p.i+1].text == "in":
			p.next()
			p.next()
			op = "not in"
		}
		if op == "" {
			break
		}
		with, err := p.sum()
		if err != nil {
			return nil, err
		}
		rest = append(rest, comparison{op, with, p.at(t)})
	}
	if rest == nil {
		return first, nil
	}
	return &compareExpr{p.mk(off), first, rest}, nil
}

// The levels of arithmetic, weakest first: + and -, then ~, then * / // %,
// then **.

func (p *parser) sum() (expr, error) { return p.binary(p.concat, "+", "-") }

func (p *parser) term() (expr, error) { return p.binary(p.pow, "*", "/", "//", "%") }

func (p *parser) pow() (expr, error) {
	return p.binary(func() (expr, error) { return p.unary(true) }, "**")
}

func (p *parser) binary(operand func() (expr, error), ops ...string) (expr, error) {
	off := p.peek().off
	e, err := operand()
	for err == nil {
		t := p.peek()
		if t.kind != tokOp || !oneOf(t.text, ops) {
			return e, nil
		}
		p.next()
		var r expr
		if r, err = operand(); err == nil {
			e = &binaryExpr{p.mk(off), t.text, e, r, p.at(t)}
		}
	}
	return nil, err
}

func oneOf(s string, list []string) bool {
	for _, l := range list {
		if s == l {
			return true
		}
	}
	return false
}

func (p *parser) concat() (expr, error) {
	off := p.peek().off
	e, err := p.term()
	if err != nil || !p.isOp("~") {
		return e, err
	}
	parts := []expr{e}
	for p.takeOp("~") {
		if e, err = p.term(); err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	return &concatExpr{p.mk(off), parts}, nil
}

func (p *parser) unary(filters bool) (expr, error) {
	if err := p.nest(); err != nil {
		return nil, err
	}
	defer p.unnest()
	t := p.peek()
	var e expr
	var err error
	if p.takeOp("-") || p.takeOp("+") {
		if e, err = p.unary(false); err == nil {
			e = &unaryExpr{p.mk(t.off), t.text[0], e}
		}
	} else {
		e, err = p.primary()
	}
	if err == nil {
		e, err = p.postfix(e)
	}
	if err == nil && filters {
		e, err = p.filters(e)
	}
	return e, err
}

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

// postfix parses .name, [key], [a:b] and (…) behind a value.
func (p *parser) postfix(e expr) (expr, error) {
	off := e.start()
	for {
		if p.nodes > maxNodes {
			return nil, p.errorf(p.peek(), "the expression is too long")
		}
		t := p.peek()
		switch {
		case p.takeOp("."):
			key := p.next()
			if key.kind != tokName && key.kind != tokInt {
				p.i--
				return nil, p.unexpected("a name after '.'")
			}
			n := &attrExpr{of: e, key: key.text}
			n.node = p.mk(off)
			n.at = p.at(key)
			e = n
		case p.takeOp("["):
			var err error
			if e, err = p.subscript(e, off, t); err != nil {
				return nil, err
			}
		case p.isOp("("):
			args, err := p.arguments()
			if err != nil {
				return nil, err
			}
			c := &callExpr{fn: e, args: args}
			c.node = p.mk(off)
			if err := p.checkLookup(c); err != nil {
				return nil, err
			}
			e = c
		default:
			return e, nil
		}
	}
}

func (p *parser) subscript(of expr, off int, open token) (expr, error) {
	var parts [3]expr
	n, colons := 0, 0
	for !p.isOp("]") {
		if p.takeOp(":") {
			colons++
			if colons > 2 {
				return nil, p.unexpected("']'")
			}
			n = colons
			continue
		}
		if parts[n] != nil {
			return nil, p.closeBracket(open, "]")
		}
		e, err := p.tupleOrExpr(true)
		if err != nil {
			return nil, err
		}
		parts[n] = e
	}
	if colons == 0 && parts[0] == nil {
		return nil, p.errorf(p.peek(), "a key is missing in [ ]")
	}
	p.next()
	if colons > 0 {
		return &sliceExpr{p.mk(off), of, parts[0], parts[1], parts[2]}, nil
	}
	return &itemExpr{p.mk(off), of, parts[0]}, nil
}

// arguments parses (a, b=c, *d, **e).
func (p *parser) arguments() (*argExprs, error) {
	open := p.next()
	a := &argExprs{}
	for first := true; !p.isOp(")"); first = false {
		if !first {
			if !p.takeOp(",") {
				return nil, p.closeBracket(open, ")")
			}
			if p.isOp(")") {
				break
			}
		}
		if err := p.argument(a); err != nil {
			return nil, err
		}
	}
	p.next()
	return a, nil
}

func (p *parser) argument(a *argExprs) error {
	t := p.peek()
	switch {
	case p.takeOp("*"):
		e, err := p.expression()
		if err == nil && a.star != nil {
			err = p.errorf(t, "a second *")
		}
		a.star = e
		return err
	case p.takeOp("**"):
		e, err := p.expression()
		if err == nil && a.dict != nil {
			err = p.errorf(t, "a second **")
		}
		a.dict = e
		return err
	case t.kind == tokName && p.toks[p.i+1].kind == tokOp && p.toks[p.i+1].text == "=":
		p.i += 2
		e, err := p.expression()
		if err != nil {
			return err
		}
		for _, k := range a.kw {
			if k.name == t.text {
				return p.errorf(t, "the argument %s is given twice", t.text)
			}
		}
		a.kw = append(a.kw, namedExpr{t.text, e})
		return nil
	}
	e, err := p.expression()
	if err != nil {
		return err
	}
	if len(a.kw) > 0 || a.dict != nil {
		return p.errorf(t, "an argument without a name can't follow one with a name")
	}
	a.pos = append(a.pos, e)
	return nil
}

// filters parses | filter and `is test` behind a value.
func (p *parser) filters(e expr) (expr, error) {
	off := e.start()
	for {
		switch {
		case p.takeOp("|"):
			f, err := p.filter()
			if err != nil {
				return nil, err
			}
			if f.fn.undef {
				p.guard(e)
			}
			n := &filterExpr{p.mk(off), e, f}
			n.at = f.at
			e = n
		case p.takeWord("is"):
			n, err := p.test(e, off)
			if err != nil {
				return nil, err
			}
			e = n
		case p.isOp("("):
			args, err := p.arguments()
			if err != nil {
				return nil, err
			}
			c := &callExpr{fn: e, args: args}
			c.node = p.mk(off)
			e = c
		default:
			return e, nil
		}
	}
}
