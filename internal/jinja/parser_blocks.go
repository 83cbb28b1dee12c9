package jinja

func (p *parser) macroTag(t token) (stmt, error) {
	word, err := p.expectName("the name of the macro")
	if err != nil {
		return nil, err
	}
	p.declare(word.text)
	m := &macro{name: word.text, at: p.at(word)}
	if err := p.signature(m); err != nil {
		return nil, err
	}
	if err := p.expectEnd(tokStmtEnd); err != nil {
		return nil, err
	}
	if err := p.macroBody(m, t, "endmacro"); err != nil {
		return nil, err
	}
	return &macroStmt{m}, p.expectEnd(tokStmtEnd)
}

func (p *parser) macroBody(m *macro, open token, end string) error {
	outer := p.inMacro
	p.inMacro = m
	p.pushScope(append([]string{"caller", "varargs", "kwargs"}, m.params...)...)
	body, _, err := p.body(&open, end)
	p.popScope()
	p.inMacro = outer
	m.body = body
	return err
}

// signature parses a macro's parameters, (a, b=1).
func (p *parser) signature(m *macro) error {
	if err := p.expectOp("("); err != nil {
		return err
	}
	for !p.isOp(")") {
		if len(m.params) > 0 {
			if err := p.expectOp(","); err != nil {
				return err
			}
			if p.isOp(")") {
				break
			}
		}
		t, err := p.expectName("the name of a parameter")
		if err != nil {
			return err
		}
		if oneOf(t.text, m.params) {
			return p.errorf(t, "the parameter %s stands there twice", t.text)
		}
		var def expr
		if p.takeOp("=") {
			if def, err = p.expression(); err != nil {
				return err
			}
		} else if len(m.defaults) > 0 && m.defaults[len(m.defaults)-1] != nil {
			return p.errorf(t, "the parameter %s needs a default too, as those before it have one", t.text)
		}
		m.params = append(m.params, t.text)
		m.defaults = append(m.defaults, def)
	}
	p.next()
	return nil
}

func (p *parser) callTag(t token) (stmt, error) {
	m := &macro{name: "caller", at: p.at(t)}
	if p.isOp("(") {
		if err := p.signature(m); err != nil {
			return nil, err
		}
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	c, ok := e.(*callExpr)
	if !ok {
		return nil, e.pos().errorf("{%% call %%} needs the call of a macro")
	}
	if err := p.expectEnd(tokStmtEnd); err != nil {
		return nil, err
	}
	if err := p.macroBody(m, t, "endcall"); err != nil {
		return nil, err
	}
	return &callStmt{c, m}, p.expectEnd(tokStmtEnd)
}

func (p *parser) filterTag(t token) (stmt, error) {
	n := &filterStmt{at: p.at(t)}
	for {
		f, err := p.filter()
		if err != nil {
			return nil, err
		}
		n.filters = append(n.filters, f)
		if !p.takeOp("|") {
			break
		}
	}
	if err := p.expectEnd(tokStmtEnd); err != nil {
		return nil, err
	}
	p.pushScope()
	body, _, err := p.body(&t, "endfilter")
	p.popScope()
	if err != nil {
		return nil, err
	}
	n.body = body
	return n, p.expectEnd(tokStmtEnd)
}

func (p *parser) withTag(t token) (stmt, error) {
	n := &withStmt{}
	for p.peek().kind != tokStmtEnd {
		if len(n.targets) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		to, err := p.oneTarget()
		if err != nil {
			return nil, err
		}
		if err := p.expectOp("="); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.targets, n.values = append(n.targets, to), append(n.values, v)
	}
	p.next()
	p.pushScope()
	defer p.popScope()
	for _, to := range n.targets {
		p.declareTarget(to)
	}
	body, _, err := p.body(&t, "endwith")
	if err != nil {
		return nil, err
	}
	n.body = body
	return n, p.expectEnd(tokStmtEnd)
}
