package jinja

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/source"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokData
	tokExprBegin // {{
	tokExprEnd   // }}
	tokStmtBegin // {%
	tokStmtEnd   // %}
	tokName
	tokString
	tokInt
	tokFloat
	tokOp
)

type token struct {
	kind     tokenKind
	text     string // the data, name, operator, decoded string or digits
	off, end int
}

func (t token) String() string {
	switch t.kind {
	case tokEOF:
		return "the end"
	case tokData:
		return "text"
	case tokExprBegin, tokExprEnd, tokStmtBegin, tokStmtEnd, tokOp:
		return "'" + t.text + "'"
	case tokString:
		return "a string"
	case tokInt, tokFloat:
		return "number " + t.text
	}
	return "'" + t.text + "'"
}

// syntax says how a text is cut into tokens.
type syntax struct {
	TextOptions
	start      int  // where the template begins in the text
	rawStrings bool // backslashes in strings inside {{ }} stand for themselves
}

func (s *syntax) fill() {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&s.VariableStart, "{{")
	set(&s.VariableEnd, "}}")
	set(&s.BlockStart, "{%")
	set(&s.BlockEnd, "%}")
	set(&s.CommentStart, "{#")
	set(&s.CommentEnd, "#}")
}

type lexer struct {
	syntax
	text    *text
	src     string
	pos     int
	toks    []token
	opens   []opening // longest first
	lineBeg bool      // the text before pos ended a line
}

type opening struct {
	delim string
	kind  tokenKind // tokEOF stands for a comment
	next  int       // where it stands next, from the last position on
}

const blanks = " \t\n\r\v\f"

// lex cuts a template into tokens.
func lex(t *text, s syntax) ([]token, error) {
	s.fill()
	l := &lexer{syntax: s, text: t, src: t.src, pos: s.start, lineBeg: true}
	l.opens = []opening{
		{s.VariableStart, tokExprBegin, -1}, {s.BlockStart, tokStmtBegin, -1}, {s.CommentStart, tokEOF, -1},
	}
	sort.SliceStable(l.opens, func(i, j int) bool { return len(l.opens[i].delim) > len(l.opens[j].delim) })
	for l.pos < len(l.src) {
		if err := l.root(); err != nil {
			return nil, err
		}
	}
	return append(l.toks, token{kind: tokEOF, off: len(l.src), end: len(l.src)}), nil
}

// lexExpr cuts a bare expression into tokens.
func lexExpr(t *text, from, to int) ([]token, error) {
	l := &lexer{text: t, src: t.src[:to], pos: from}
	l.fill()
	if err := l.inside(token{kind: tokEOF, off: from}, "", false); err != nil {
		return nil, err
	}
	return append(l.toks, token{kind: tokEOF, off: to, end: to}), nil
}

// root reads text up to the next tag, and that tag.
func (l *lexer) root() error {
	at, open := l.nextOpening()
	if open == nil {
		l.data(l.src[l.pos:], l.pos)
		l.pos = len(l.src)
		return nil
	}
	start := l.pos
	data := l.src[start:at]
	inner := at + len(open.delim)
	sign := byte(0)
	if inner < len(l.src) && (l.src[inner] == '-' || l.src[inner] == '+') {
		sign = l.src[inner]
		inner++
	}
	switch {
	case sign == '-':
		data = strings.TrimRightFunc(data, unicode.IsSpace)
	case sign == 0 && l.LstripBlocks && open.kind != tokExprBegin:
		line := strings.LastIndexByte(data, '\n') + 1
		if (line > 0 || l.lineBeg) && strings.Trim(data[line:], blanks) == "" {
			data = data[:line]
		}
	}
	l.data(data, start)
	l.pos = inner
	l.lineBeg = false
	switch open.kind {
	case tokEOF:
		return l.comment(at)
	case tokStmtBegin:
		if body, ok := l.rawTag(inner); ok {
			return l.raw(at, body)
		}
		begin := token{kind: tokStmtBegin, text: open.delim, off: at, end: inner}
		l.toks = append(l.toks, begin)
		return l.inside(begin, l.BlockEnd, false)
	default:
		begin := token{kind: tokExprBegin, text: open.delim, off: at, end: inner}
		l.toks = append(l.toks, begin)
		return l.inside(begin, l.VariableEnd, l.rawStrings)
	}
}

func (l *lexer) data(s string, off int) {
	if s == "" {
		return
	}
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	if l.Newline != "" && l.Newline != "\n" {
		s = strings.ReplaceAll(s, "\n", l.Newline)
	}
	l.toks = append(l.toks, token{kind: tokData, text: s, off: off, end: off + len(s)})
}

// nextOpening finds the next tag. Each delimiter is searched for once.
func (l *lexer) nextOpening() (int, *opening) {
	best := len(l.src)
	var found *opening
	for i := range l.opens {
		o := &l.opens[i]
		if o.next < l.pos {
			o.next = len(l.src)
			if at := strings.Index(l.src[l.pos:], o.delim); at >= 0 {
				o.next = l.pos + at
			}
		}
		if o.next < best {
			best, found = o.next, o
		}
	}
	return best, found
}

func (l *lexer) comment(at int) error {
	end := strings.Index(l.src[l.pos:], l.CommentEnd)
	if end < 0 {
		return l.text.place(at).errorf("the comment that begins here never ends").
			WithHint("close it with %s", l.CommentEnd)
	}
	end += l.pos
	sign := byte(0)
	if end > l.pos && (l.src[end-1] == '-' || l.src[end-1] == '+') {
		sign = l.src[end-1]
	}
	l.pos = end + len(l.CommentEnd)
	l.afterBlock(sign)
	return nil
}

// afterBlock trims what follows a tag that ended with the given sign.
func (l *lexer) afterBlock(sign byte) {
	rest := l.src[l.pos:]
	switch {
	case sign == '-':
		l.pos = len(l.src) - len(strings.TrimLeftFunc(rest, unicode.IsSpace))
	case sign == '+' || !l.TrimBlocks:
	case strings.HasPrefix(rest, "\r\n"):
		l.pos += 2
	case strings.HasPrefix(rest, "\n"):
		l.pos++
	}
	l.lineBeg = l.pos > 0 && l.src[l.pos-1] == '\n'
}

// rawTag recognises `raw %}` after a block's opening and says where its body
// begins.
func (l *lexer) rawTag(pos int) (int, bool) {
	return l.bareTag(pos, "raw", "-")
}

// bareTag recognises `word %}` at pos; signs are what may stand before %}.
func (l *lexer) bareTag(pos int, word, signs string) (int, bool) {
	s := strings.TrimLeft(l.src[pos:], blanks)
	if !strings.HasPrefix(s, word) {
		return 0, false
	}
	s = strings.TrimLeft(s[len(word):], blanks)
	trim := false
	if s != "" && strings.IndexByte(signs, s[0]) >= 0 {
		trim = s[0] == '-'
		s = s[1:]
	}
	if !strings.HasPrefix(s, l.BlockEnd) {
		return 0, false
	}
	s = s[len(l.BlockEnd):]
	if trim {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
	}
	return len(l.src) - len(s), true
}

// raw reads up to {% endraw %}.
func (l *lexer) raw(at, body int) error {
	for from := body; ; {
		i := strings.Index(l.src[from:], l.BlockStart)
		if i < 0 {
			return l.text.place(at).errorf("the raw block that begins here never ends").
				WithHint("close it with %s endraw %s", l.BlockStart, l.BlockEnd)
		}
		tag := from + i
		inner := tag + len(l.BlockStart)
		data := l.src[body:tag]
		if inner < len(l.src) && (l.src[inner] == '-' || l.src[inner] == '+') {
			if l.src[inner] == '-' {
				data = strings.TrimRightFunc(data, unicode.IsSpace)
			}
			inner++
		} else if l.LstripBlocks {
			line := strings.LastIndexByte(data, '\n') + 1
			if line > 0 && strings.Trim(data[line:], blanks) == "" {
				data = data[:line]
			}
		}
		after, ok := l.bareTag(inner, "endraw", "-+")
		if !ok {
			from = tag + len(l.BlockStart)
			continue
		}
		l.data(data, body)
		end := strings.Index(l.src[inner:], l.BlockEnd) + inner
		l.pos = end + len(l.BlockEnd)
		sign := l.src[end-1]
		if sign == '-' {
			l.pos = after
			l.lineBeg = false
			return nil
		}
		l.afterBlock(sign)
		return nil
	}
}

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

// number reads 12, 1_000, 0x1f, 0o17, 0b1, 1.5, 1e3.
func (l *lexer) number(s string) (token, error) {
	tok := token{kind: tokInt, off: l.pos}
	digits := func(i int, set string) int {
		for i < len(s) && (strings.IndexByte(set, s[i]) >= 0 ||
			s[i] == '_' && i+1 < len(s) && strings.IndexByte(set, s[i+1]) >= 0) {
			i++
		}
		return i
	}
	const decimal = "0123456789"
	n := 0
	if len(s) > 1 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0 {
		set := map[byte]string{'x': "0123456789abcdefABCDEF", 'o': "01234567", 'b': "01"}[s[1]|0x20]
		n = digits(2, set)
		if n == 2 {
			return tok, l.text.place(l.pos).errorf("a number needs digits after %s", s[:2])
		}
	} else {
		n = digits(0, decimal)
		afterDot := len(l.toks) > 0 && l.toks[len(l.toks)-1].kind == tokOp && l.toks[len(l.toks)-1].text == "."
		if !afterDot {
			if n+1 < len(s) && s[n] == '.' && s[n+1] >= '0' && s[n+1] <= '9' {
				tok.kind = tokFloat
				n = digits(n+1, decimal)
			}
			if n < len(s) && s[n]|0x20 == 'e' {
				e := n + 1
				if e < len(s) && (s[e] == '+' || s[e] == '-') {
					e++
				}
				if end := digits(e, decimal); end > e {
					tok.kind = tokFloat
					n = end
				}
			}
			if tok.kind == tokInt && n > 1 && s[0] == '0' && strings.Trim(s[:n], "0_") != "" {
				return tok, l.text.place(l.pos).errorf("a number can't begin with 0: %s", s[:n]).
					WithHint("an octal number is written 0o%s, a file mode '%s'", strings.TrimLeft(s[:n], "0"), s[:n])
			}
		}
	}
	if r, _ := utf8.DecodeRuneInString(s[n:]); n < len(s) && (r == '_' || unicode.IsLetter(r)) {
		return tok, l.text.place(l.pos).errorf("a name can't begin with a digit: %s", s[:n]+string(r)).
			WithHint("if it is a key, write ['%s…']", s[:n])
	}
	tok.text = strings.ReplaceAll(s[:n], "_", "")
	tok.end = l.pos + n
	return tok, nil
}
