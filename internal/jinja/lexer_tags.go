package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/source"
)

// operators, the longer ones first.
var operators = []string{
	"//", "**", "==", "!=", ">=", "<=",
	"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",",
}

// inside reads the tokens of a tag up to its end; end "" is the end of input.
func (l *lexer) inside(begin token, end string, rawStrings bool) error {
	var brackets []token
	for {
		l.pos = len(l.src) - len(strings.TrimLeftFunc(l.src[l.pos:], unicode.IsSpace))
		rest := l.src[l.pos:]
		if rest == "" {
			if len(brackets) > 0 {
				open := brackets[len(brackets)-1]
				return l.text.place(open.off).errorf("'%s' is never closed", open.text)
			}
			if end == "" {
				return nil
			}
			return l.text.place(begin.off).errorf("'%s' is never closed", begin.text).
				WithHint("end it with %s", end)
		}
		if end != "" && len(brackets) == 0 {
			sign := byte(0)
			tail := rest
			if (rest[0] == '-' || rest[0] == '+' && begin.kind == tokStmtBegin) && strings.HasPrefix(rest[1:], end) {
				sign = rest[0]
				tail = rest[1:]
			}
			if strings.HasPrefix(tail, end) {
				return l.endTag(begin, end, sign)
			}
		}
		if end != "" && len(brackets) > 0 && strings.HasPrefix(rest, end) && !l.closes(brackets, rest, end) {
			open := brackets[len(brackets)-1]
			return l.text.place(open.off).errorf("'%s' is not closed before '%s'", open.text, end)
		}
		tok, err := l.token(rest, rawStrings)
		if err != nil {
			return err
		}
		if tok.kind == tokOp {
			switch tok.text {
			case "(", "[", "{":
				brackets = append(brackets, tok)
			case ")", "]", "}":
				if len(brackets) == 0 {
					e := l.text.place(tok.off).errorf("'%s' without '%s'", tok.text, opener(tok.text))
					if tok.text == "}" && end != "" {
						e.WithHint("%s ends with %s", begin.text, end)
					}
					return e
				}
				open := brackets[len(brackets)-1]
				if open.text != opener(tok.text) {
					return l.text.place(tok.off).errorf("'%s' closes no '%s' but the '%s' at %s",
						tok.text, opener(tok.text), open.text, l.text.place(open.off).where())
				}
				brackets = brackets[:len(brackets)-1]
			}
		}
		l.toks = append(l.toks, tok)
		l.pos = tok.end
	}
}

// closes reports whether what looks like the tag's end can be brackets that
// close, as the first braces of `{{ {'a': {}} }}`.
func (l *lexer) closes(open []token, rest, end string) bool {
	return strings.HasPrefix(rest, opposite(open[len(open)-1].text))
}

func opener(close string) string {
	switch close {
	case ")":
		return "("
	case "]":
		return "["
	}
	return "{"
}

func opposite(open string) string {
	switch open {
	case "(":
		return ")"
	case "[":
		return "]"
	}
	return "}"
}

// where is a short form of the place for use inside a message.
func (p place) where() string {
	at := p.pos()
	at.File = ""
	return strings.TrimPrefix(at.String(), ":")
}

func (l *lexer) endTag(begin token, end string, sign byte) error {
	off := l.pos
	if sign != 0 {
		l.pos++
	}
	l.pos += len(end)
	kind := tokStmtEnd
	if begin.kind == tokExprBegin {
		kind = tokExprEnd
	}
	l.toks = append(l.toks, token{kind: kind, text: end, off: off, end: l.pos})
	if begin.kind == tokExprBegin {
		if sign == '-' {
			l.pos = len(l.src) - len(strings.TrimLeftFunc(l.src[l.pos:], unicode.IsSpace))
		}
		l.lineBeg = l.pos > 0 && l.src[l.pos-1] == '\n'
		return nil
	}
	l.afterBlock(sign)
	return nil
}

// token reads one token at the start of rest, which is not blank.
func (l *lexer) token(rest string, rawStrings bool) (token, error) {
	tok := token{off: l.pos}
	c := rest[0]
	switch {
	case c == '\'' || c == '"':
		return l.str(rest, rawStrings)
	case c >= '0' && c <= '9':
		return l.number(rest)
	}
	r, _ := utf8.DecodeRuneInString(rest)
	if r == '_' || unicode.IsLetter(r) {
		n := 0
		for i, r := range rest {
			if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) {
				break
			}
			n = i + utf8.RuneLen(r)
		}
		tok.kind, tok.text, tok.end = tokName, rest[:n], l.pos+n
		return tok, nil
	}
	if strings.HasPrefix(rest, "||") {
		return tok, l.text.place(l.pos).errorf("unexpected ||").WithHint("write `or`")
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			tok.kind, tok.text, tok.end = tokOp, op, l.pos+len(op)
			return tok, nil
		}
	}
	return tok, l.unknown(rest, r)
}

func (l *lexer) unknown(rest string, r rune) *source.Error {
	e := l.text.place(l.pos).errorf("unexpected character %q", string(r))
	switch {
	case strings.HasPrefix(rest, "&&"), r == '&':
		e.WithHint("write `and`")
	case r == '?':
		e.WithHint("write: value if test else other")
	case r == '!':
		e.WithHint("write `not`")
	case r == '“' || r == '”' || r == '‘' || r == '’':
		e.WithHint("these are typographic quotes; use ' or \"")
	case r == '$':
		e.WithHint("a variable is written by its name alone")
	case r == '\\':
		e.WithHint("a backslash belongs into a quoted string")
	}
	return e
}
