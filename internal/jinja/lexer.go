package jinja

import (
	"sort"
	"strings"
	"unicode"
)

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
