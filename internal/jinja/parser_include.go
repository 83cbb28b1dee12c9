package jinja

func (p *parser) includeTag(t token) (stmt, error) {
	n := &includeStmt{at: p.at(t), syntax: p.syntax, context: true}
	var err error
	if n.file, err = p.expression(); err != nil {
		return nil, err
	}
	if p.isWord("ignore") && p.toks[p.i+1].text == "missing" {
		p.i += 2
		n.optional = true
	}
	if n.context, err = p.contextWords(true); err != nil {
		return nil, err
	}
	return n, p.expectEnd(tokStmtEnd)
}

// contextWords parses `with context` and `without context`.
func (p *parser) contextWords(def bool) (bool, error) {
	with, without := p.isWord("with"), p.isWord("without")
	if !with && !without {
		return def, nil
	}
	p.next()
	if !p.takeWord("context") {
		return def, p.unexpected("'context'")
	}
	return with, nil
}

// importTag parses {% import 'file' as name %} and {% from 'file' import a as
// b, c %}.
func (p *parser) importTag(t token) (stmt, error) {
	n := &importStmt{at: p.at(t), syntax: p.syntax}
	var err error
	if n.file, err = p.expression(); err != nil {
		return nil, err
	}
	if t.text == "import" {
		if !p.takeWord("as") {
			return nil, p.unexpected("'as'")
		}
		as, err := p.expectName("a name")
		if err != nil {
			return nil, err
		}
		n.as = as.text
		p.declare(n.as)
	} else {
		if !p.takeWord("import") {
			return nil, p.unexpected("'import'")
		}
		for {
			what, err := p.expectName("the name of a macro")
			if err != nil {
				return nil, err
			}
			item := imported{what.text, what.text, p.at(what)}
			if p.takeWord("as") {
				as, err := p.expectName("a name")
				if err != nil {
					return nil, err
				}
				item.as = as.text
			}
			n.names = append(n.names, item)
			p.declare(item.as)
			if !p.takeOp(",") || p.peek().kind == tokStmtEnd {
				break
			}
		}
	}
	if n.context, err = p.contextWords(false); err != nil {
		return nil, err
	}
	return n, p.expectEnd(tokStmtEnd)
}
