package inventory

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// isPrefixedString recognises r'…' and u'…' in either case. Bytes (b'…') and
// f-strings are no literals here.
func isPrefixedString(s string) bool {
	return len(s) > 1 && strings.IndexByte("rRuU", s[0]) >= 0 && (s[1] == '\'' || s[1] == '"')
}

// strings reads string literals; neighbours are joined, as in Python.
func (p *literalParser) strings() (any, bool) {
	var b strings.Builder
	for {
		if !p.oneString(&b) {
			return nil, false
		}
		p.space()
		if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' && !isPrefixedString(p.rest) {
			return b.String(), true
		}
	}
}

func (p *literalParser) oneString(b *strings.Builder) bool {
	raw := false
	if c := p.rest[0]; c != '\'' && c != '"' {
		raw = c|0x20 == 'r'
		p.rest = p.rest[1:]
	}
	quote := p.rest[:1]
	if strings.HasPrefix(p.rest, quote+quote+quote) {
		quote = p.rest[:3]
	}
	p.rest = p.rest[len(quote):]
	for p.rest != "" {
		if strings.HasPrefix(p.rest, quote) {
			p.rest = p.rest[len(quote):]
			return true
		}
		c := p.rest[0]
		switch {
		case c == '\\' && raw:
			if len(p.rest) < 2 {
				return false
			}
			_, n := utf8.DecodeRuneInString(p.rest[1:])
			b.WriteString(p.rest[:1+n])
			p.rest = p.rest[1+n:]
		case c == '\\':
			if !p.escape(b) {
				return false
			}
		default:
			b.WriteByte(c)
			p.rest = p.rest[1:]
		}
	}
	return false
}

// escape reads one backslash sequence.
func (p *literalParser) escape(b *strings.Builder) bool {
	if len(p.rest) < 2 {
		return false
	}
	c := p.rest[1]
	if i := strings.IndexByte(`\'"abfnrtv`, c); i >= 0 {
		b.WriteByte("\\'\"\a\b\f\n\r\t\v"[i])
		p.rest = p.rest[2:]
		return true
	}
	digits, base := 0, 16
	switch {
	case c >= '0' && c <= '7':
		base = 8
		for digits < 3 && 1+digits < len(p.rest) && p.rest[1+digits] >= '0' && p.rest[1+digits] <= '7' {
			digits++
		}
		p.rest = p.rest[1:]
	case c == 'x':
		digits = 2
		p.rest = p.rest[2:]
	case c == 'u':
		digits = 4
		p.rest = p.rest[2:]
	case c == 'U':
		digits = 8
		p.rest = p.rest[2:]
	case c == 'N':
		return false // named characters: the text stays as it is
	default: // Python keeps what it does not know
		b.WriteByte('\\')
		p.rest = p.rest[1:]
		return true
	}
	if len(p.rest) < digits {
		return false
	}
	n, err := strconv.ParseUint(p.rest[:digits], base, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return false
	}
	p.rest = p.rest[digits:]
	b.WriteRune(rune(n))
	return true
}
