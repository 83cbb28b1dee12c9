package playbooks

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A token is a word of `command: echo "a b" creates=/x`, quotes and templates
// kept together, with the white space behind it.
type token struct {
	text, trail string
	off         int // in bytes, of its first character
}

var errUnbalanced = errors.New("a quote or a {{ }} is not closed")

// tokens splits text at blanks and newlines outside quotes and templates, by
// the rules that Ansible has for `module: a=b c`.
func tokens(text string) ([]token, error) {
	var list []token
	var quote byte
	depth := map[byte]int{} // of {{, {% and {#, by their second character
	inside := func() bool { return quote != 0 || depth['{']+depth['%']+depth['#'] > 0 }
	start := -1
	for i := 0; i < len(text); i++ {
		c := text[i]
		if (c == ' ' || c == '\n') && !inside() {
			if start >= 0 {
				list = append(list, token{text: text[start:i], off: start})
				start = -1
			}
			if len(list) > 0 {
				list[len(list)-1].trail += string(c)
			}
			continue
		}
		if start < 0 {
			start = i
		}
		switch {
		case (c == '"' || c == '\'') && (i == 0 || text[i-1] != '\\'):
			if quote == c {
				quote = 0
			} else if quote == 0 {
				quote = c
			}
		case c == '{' && i+1 < len(text) && strings.IndexByte("{%#", text[i+1]) >= 0:
			depth[text[i+1]]++
			i++
		case strings.IndexByte("}%#", c) >= 0 && i+1 < len(text) && text[i+1] == '}':
			open := c
			if c == '}' {
				open = '{'
			}
			if depth[open] > 0 {
				depth[open]--
				i++
			}
		}
	}
	if inside() {
		return nil, errUnbalanced
	}
	if start >= 0 {
		list = append(list, token{text: text[start:], off: start})
	}
	return list, nil
}

// An argument is one k=v.
type argument struct {
	key, val    string
	off, valOff int // where in the text they begin, in bytes
}

// takeApart splits the text behind a task's name into arguments and the rest.
// raw: only rawWords are arguments.
func takeApart(text string, raw bool) (free []token, args []argument, err error) {
	words, err := tokens(text)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range words {
		if w.text == `\` { // the line goes on
			if len(free) > 0 {
				free[len(free)-1].trail = strings.ReplaceAll(w.trail, "\n", "")
			}
			continue
		}
		key, val, off, ok := assignment(w)
		if !ok {
			w.text = strings.ReplaceAll(w.text, `\=`, "=")
		}
		if !ok || raw && !contains(rawWords, key) {
			free = append(free, w)
			continue
		}
		args = append(args, argument{key, val, w.off, w.off + off})
	}
	return free, args, nil
}

// rejoin puts the rest together again, with the white space that was in it.
func rejoin(free []token) string {
	var b strings.Builder
	for i, w := range free {
		b.WriteString(w.text)
		if i < len(free)-1 && w.trail == "" {
			w.trail = " "
		}
		b.WriteString(w.trail)
	}
	return strings.TrimSpace(b.String())
}

// assignment takes a token k=v apart; the = may not be escaped. off is where
// in the token the value begins.
func assignment(t token) (key, val string, off int, ok bool) {
	for i := 1; i < len(t.text); i++ {
		if t.text[i] == '=' && t.text[i-1] != '\\' {
			key, val, off = strings.TrimSpace(t.text[:i]), strings.TrimSpace(t.text[i+1:]), i+1
			if v := unescape(val); len(v) > 1 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] && v[len(v)-2] != '\\' {
				return key, v[1 : len(v)-1], off + 1, true
			}
			return key, unescape(val), off, true
		}
	}
	return "", "", 0, false
}

// unescape resolves the escapes of k=v values: \n \t \\ \' \" \xHH \uHHHH and
// octal ones. Others stay as they are.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		if s[0] != '\\' || len(s) == 1 {
			_, n := utf8.DecodeRuneInString(s)
			b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		if s[1] == '\'' || s[1] == '"' {
			b.WriteByte(s[1])
			s = s[2:]
			continue
		}
		r, _, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			b.WriteByte('\\')
			s = s[1:]
			continue
		}
		b.WriteRune(r)
		s = rest
	}
	return b.String()
}
