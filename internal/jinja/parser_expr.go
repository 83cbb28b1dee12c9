package jinja

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

func (p *parser) or() (expr, error) { return p.logic("or", p.and) }

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
