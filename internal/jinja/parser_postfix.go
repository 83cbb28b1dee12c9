package jinja

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
