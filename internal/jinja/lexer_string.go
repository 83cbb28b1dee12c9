package jinja

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// str reads a quoted string. A raw one keeps its backslashes.
func (l *lexer) str(s string, raw bool) (token, error) {
	tok := token{kind: tokString, off: l.pos}
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if raw && i+1 < len(s) && s[i+1] == quote {
				other := "'"
				if quote == '\'' {
					other = `"`
				}
				return tok, l.text.place(l.pos+i).errorf(`\%c does not work in {{ }}: a backslash is only a backslash there`, quote).
					WithHint("use %s around the string", other)
			}
			i++
		case quote:
			body := strings.ReplaceAll(s[1:i], "\r\n", "\n")
			tok.end = l.pos + i + 1
			if !raw && strings.IndexByte(body, '\\') >= 0 {
				decoded, bad := unescape(body)
				if bad != "" {
					return tok, l.text.place(l.pos).errorf("bad escape %s in a string", bad)
				}
				body = decoded
			}
			tok.text = body
			return tok, nil
		}
	}
	return tok, l.text.place(l.pos).errorf("the string that begins here never ends").
		WithHint("close it with %c", quote)
}

// unescape decodes Python's escapes; one that Python does not know stays as
// it is. bad is an escape that is cut short, or "".
func unescape(s string) (out, bad string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		const plain, decoded = `\'"abfnrtv`, "\\'\"\a\b\f\n\r\t\v"
		if k := strings.IndexByte(plain, s[i]); k >= 0 {
			b.WriteByte(decoded[k])
			continue
		}
		switch c := s[i]; c {
		case '\n':
		case 'x', 'u', 'U':
			n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if i+n >= len(s) {
				return "", s[i-1:]
			}
			code, err := strconv.ParseUint(s[i+1:i+1+n], 16, 32)
			if err != nil || code > utf8.MaxRune {
				return "", s[i-1 : i+1+n]
			}
			b.WriteRune(rune(code))
			i += n
		case 'N':
			return "", `\N`
		case '0', '1', '2', '3', '4', '5', '6', '7':
			n, code := 0, 0
			for n < 3 && i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '7' {
				code = code*8 + int(s[i+n]-'0')
				n++
			}
			b.WriteRune(rune(code))
			i += n - 1
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}
