package jinja

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/value"
)

// markupFilters are for HTML and XML. Nothing is escaped unasked, so "safe"
// has nothing to do.
func markupFilters() map[string]function {
	escape := function{fn: func(c *call) (any, error) { return c.str(escapeHTML(c.input())) }}
	return map[string]function{
		"escape": escape, "e": escape, "forceescape": escape,
		"safe": {fn: func(c *call) (any, error) { return c.input(), nil }},
		"striptags": {fn: func(c *call) (any, error) {
			s := c.input()
			s = cutBetween(s, "<!--", "-->")
			s = cutBetween(s, "<", ">")
			return c.str(html.UnescapeString(strings.Join(strings.Fields(s), " ")))
		}},
		"xmlattr": {sig: "autospace", fn: func(c *call) (any, error) {
			var parts []string
			for k, v := range c.dict().All() {
				if _, missing := v.(*undefined); missing || v == nil {
					continue
				}
				s, err := c.st.str(v)
				if err != nil {
					return nil, err
				}
				name := value.Str(k)
				if strings.ContainsAny(name, " \t\n\r\v\f/>=") {
					return nil, fmt.Errorf("%s can't be the name of an attribute", brief(k))
				}
				parts = append(parts, escapeHTML(name)+`="`+escapeHTML(s)+`"`)
			}
			s := strings.Join(parts, " ")
			if c.bool(0, true) && s != "" {
				s = " " + s
			}
			return c.str(s)
		}},
	}
}

func escapeHTML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace(s)
}

// cutBetween removes everything from each open to the next close.
func cutBetween(s, open, close string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, open)
		if i < 0 {
			break
		}
		n := strings.Index(s[i+len(open):], close)
		if n < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i+len(open)+n+len(close):]
	}
	return b.String() + s
}

func filterWordwrap(c *call) (any, error) {
	width, breakLong := c.int(0, 79), c.bool(1, true)
	sep := "\n"
	if c.given(2) {
		sep = c.text(2, "\n")
	}
	w := wrapper{width: width, breakLong: breakLong, hyphens: c.bool(3, true)}
	s := c.textInput()
	if c.err != nil {
		return nil, nil
	}
	if width < 1 {
		return nil, fmt.Errorf("wordwrap needs a width of at least 1, not %d", width)
	}
	if err := c.st.charge(8 * len(s)); err != nil {
		return nil, err
	}
	var out []string
	for _, line := range splitLines(s, false) {
		lines := w.wrap(line)
		out = append(out, strings.Join(lines, sep))
	}
	return c.join(out, sep)
}

// A wrapper breaks text as Python's textwrap does.
type wrapper struct {
	width              int
	breakLong, hyphens bool
}

func (w *wrapper) wrap(s string) []string {
	chunks := w.chunks(s)
	var lines []string
	for len(chunks) > 0 {
		var line []string
		size := 0
		if len(lines) > 0 && strings.TrimSpace(chunks[0]) == "" {
			chunks = chunks[1:]
		}
		for len(chunks) > 0 {
			n := utf8.RuneCountInString(chunks[0])
			if size+n > w.width {
				break
			}
			line = append(line, chunks[0])
			size += n
			chunks = chunks[1:]
		}
		if len(chunks) > 0 && utf8.RuneCountInString(chunks[0]) > w.width {
			switch {
			case w.breakLong:
				head, tail := w.cut(chunks[0], w.width-size)
				line = append(line, head)
				chunks[0] = tail
			case len(line) == 0:
				line = append(line, chunks[0])
				chunks = chunks[1:]
			}
		}
		if n := len(line); n > 0 && strings.TrimSpace(line[n-1]) == "" {
			line = line[:n-1]
		}
		if len(line) > 0 {
			lines = append(lines, strings.Join(line, ""))
		}
	}
	return lines
}

// cut takes n characters off a word, or fewer behind a hyphen.
func (w *wrapper) cut(s string, n int) (head, tail string) {
	r := []rune(s)
	if w.hyphens && len(r) > n {
		head := string(r[:n])
		if i := strings.LastIndexByte(head, '-'); i > 0 && strings.Trim(head[:i], "-") != "" {
			return s[:i+1], s[i+1:]
		}
	}
	return string(r[:n]), string(r[n:])
}

// chunks are words and the blanks between them; words end behind hyphens
// between letters.
func (w *wrapper) chunks(s string) []string {
	var out []string
	blank := func(r rune) bool { return strings.ContainsRune(" \t\n\r\v\f", r) }
	for s != "" {
		first, _ := utf8.DecodeRuneInString(s)
		end := strings.IndexFunc(s, func(r rune) bool { return blank(r) != blank(first) })
		if end < 0 {
			end = len(s)
		}
		word := s[:end]
		s = s[end:]
		if !blank(first) && w.hyphens {
			for {
				i := hyphenBreak(word)
				if i < 0 {
					break
				}
				out = append(out, word[:i])
				word = word[i:]
			}
		}
		out = append(out, word)
	}
	return out
}

// hyphenBreak finds where a word may end behind its first hyphen: two letters
// before it and a letter behind it.
func hyphenBreak(word string) int {
	r := []rune(word)
	letter := func(i int) bool {
		return i >= 0 && i < len(r) && (r[i] == '_' || r[i] >= 'a' && r[i] <= 'z' || r[i] >= 'A' && r[i] <= 'Z' || r[i] > 127)
	}
	for i := range r {
		if r[i] == '-' && letter(i-1) && letter(i-2) && letter(i+1) && letter(i+2) {
			return len(string(r[:i+1]))
		}
	}
	return -1
}
