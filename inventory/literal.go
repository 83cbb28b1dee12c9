package inventory

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/value"
)

// maxNesting bounds lists in lists; Python refuses more than 200 too.
const maxNesting = 200

// parseLiteral reads a value of an INI inventory: a Python literal (1, 0x1F,
// 1.5, 'text', True, None, [1, 2], {'a': 1}), with a comment behind it or not,
// else the text as it is. Tuples become lists. Sets, bytes, complex numbers and
// whole numbers beyond 64 bits, for which there is no value here, stay text.
func parseLiteral(s string) any {
	p := literalParser{rest: s}
	p.space()
	v, ok := p.tuple(0)
	if !ok {
		return s
	}
	p.space()
	if p.rest != "" && p.rest[0] != '#' {
		return s
	}
	return v
}

type literalParser struct{ rest string }

func (p *literalParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\f") }

func (p *literalParser) take(c byte) bool {
	p.space()
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// tuple reads one value, or several behind commas: 1,2 is (1, 2).
func (p *literalParser) tuple(depth int) (any, bool) {
	first, ok := p.value(depth)
	if !ok || !p.take(',') {
		return first, ok
	}
	list := []any{first}
	for {
		p.space()
		if p.rest == "" || p.rest[0] == '#' || p.rest[0] == ')' {
			return list, true
		}
		v, ok := p.value(depth)
		if !ok {
			return nil, false
		}
		list = append(list, v)
		if !p.take(',') {
			return list, true
		}
	}
}

func (p *literalParser) value(depth int) (any, bool) {
	p.space()
	if p.rest == "" || depth > maxNesting {
		return nil, false
	}
	switch c := p.rest[0]; {
	case c == '[':
		p.rest = p.rest[1:]
		return p.list(depth + 1)
	case c == '(':
		p.rest = p.rest[1:]
		if p.take(')') {
			return []any{}, true
		}
		v, ok := p.tuple(depth + 1)
		return v, ok && p.take(')')
	case c == '{':
		p.rest = p.rest[1:]
		return p.dict(depth + 1)
	case c == '\'' || c == '"' || isPrefixedString(p.rest):
		return p.strings()
	case c == '+' || c == '-' || c == '.' || c >= '0' && c <= '9':
		return p.number()
	}
	return p.word()
}

func (p *literalParser) list(depth int) (any, bool) {
	list := []any{}
	for {
		if p.take(']') {
			return list, true
		}
		v, ok := p.value(depth)
		if !ok {
			return nil, false
		}
		list = append(list, v)
		if !p.take(',') {
			return list, p.take(']')
		}
	}
}

func (p *literalParser) dict(depth int) (any, bool) {
	d := &value.Dict{}
	for {
		if p.take('}') {
			return d, true
		}
		k, ok := p.value(depth)
		if !ok || !p.take(':') {
			return nil, false
		}
		v, ok := p.value(depth)
		if !ok {
			return nil, false
		}
		switch k.(type) {
		case []any, *value.Dict:
			return nil, false
		}
		d.Set(k, v)
		if !p.take(',') {
			return d, p.take('}')
		}
	}
}

func (p *literalParser) word() (any, bool) {
	for name, v := range map[string]any{"True": true, "False": false, "None": nil} {
		if rest, ok := strings.CutPrefix(p.rest, name); ok && !startsWithNameChar(rest) {
			p.rest = rest
			return v, true
		}
	}
	return nil, false
}

func startsWithNameChar(s string) bool {
	return s != "" && (isAlnum(s[0]) || s[0] == '_' || s[0] >= utf8.RuneSelf)
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// number reads an int or float with at most one sign.
func (p *literalParser) number() (any, bool) {
	negative := false
	if c := p.rest[0]; c == '+' || c == '-' {
		negative = c == '-'
		p.rest = p.rest[1:]
		p.space()
	}
	n := 0
	for n < len(p.rest) {
		c := p.rest[n]
		exponentSign := (c == '+' || c == '-') && n > 0 && p.rest[n-1]|0x20 == 'e' && !strings.HasPrefix(p.rest, "0x") && !strings.HasPrefix(p.rest, "0X")
		if !isAlnum(c) && c != '.' && c != '_' && !exponentSign {
			break
		}
		n++
	}
	text := p.rest[:n]
	p.rest = p.rest[n:]
	v, ok := pythonNumber(text)
	if !ok || startsWithNameChar(p.rest) {
		return nil, false
	}
	if negative {
		switch x := v.(type) {
		case int:
			v = -x
		case float64:
			v = -x
		}
	}
	return v, true
}

// pythonNumber reads an unsigned number of Python. Underscores may stand
// between digits and behind 0x, 0o and 0b.
func pythonNumber(s string) (any, bool) {
	if s == "" || !isAlnum(s[0]) && s[0] != '.' {
		return nil, false
	}
	if len(s) > 2 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0 {
		// Go's base 0 has Python's rules for prefixes and underscores.
		i, err := strconv.ParseInt(s, 0, strconv.IntSize)
		return int(i), err == nil
	}
	if !underscoresBetweenDigits(s) {
		return nil, false
	}
	plain := strings.ReplaceAll(s, "_", "")
	if strings.Trim(plain, "0123456789") == "" {
		if plain[0] == '0' && strings.Trim(plain, "0") != "" {
			return nil, false // 0777 is no number in Python 3
		}
		i, err := strconv.Atoi(plain)
		return i, err == nil
	}
	if strings.Trim(plain, "0123456789.eE+-") != "" {
		return nil, false // hexadecimal floats, infinity
	}
	f, err := strconv.ParseFloat(plain, 64)
	if n := (*strconv.NumError)(nil); err != nil {
		n, _ = err.(*strconv.NumError)
		return f, n != nil && n.Err == strconv.ErrRange // 1e999 is inf
	}
	return f, true
}

func underscoresBetweenDigits(s string) bool {
	for i := range len(s) {
		if s[i] == '_' && (i == 0 || i+1 == len(s) || !isDigit(s[i-1]) || !isDigit(s[i+1])) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
