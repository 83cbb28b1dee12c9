package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

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
