package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/value"
)

// textFilters work on text.
func textFilters() map[string]function {
	plain := func(f func(string) string) function {
		return function{fn: func(c *call) (any, error) { return c.str(f(c.input())) }}
	}
	return map[string]function{
		"lower":      plain(strings.ToLower),
		"upper":      plain(upper),
		"capitalize": plain(capitalize),
		"title":      plain(jinjaTitle),
		"trim":       {sig: "chars", fn: stripped(strings.TrimFunc)},
		"center": {sig: "width", fn: padded(func(n, width int) (int, int) {
			left := n/2 + (n & width & 1)
			return left, n - left
		})},
		"replace": {sig: "old! new! count", fn: func(c *call) (any, error) {
			most := -1
			if c.given(2) {
				most = c.int(2, -1)
			}
			return c.replace(c.input(), c.text(0, ""), c.text(1, ""), most)
		}},
		"indent":   {sig: "width first blank indentfirst", fn: filterIndent},
		"split":    {sig: "sep maxsplit", fn: func(c *call) (any, error) { return c.split(c.input(), false) }},
		"format":   {sig: "* **", fn: filterFormat},
		"truncate": {sig: "length killwords end leeway", fn: filterTruncate},
		"wordwrap": {sig: "width break_long_words wrapstring break_on_hyphens", fn: filterWordwrap},
		"wordcount": {fn: func(c *call) (any, error) {
			return len(strings.FieldsFunc(c.input(), func(r rune) bool {
				return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
			})), nil
		}},
		"comment": {sig: "style decoration beginning end prefix prefix_count postfix postfix_count newline", fn: filterComment},
		"quote": {fn: func(c *call) (any, error) {
			if c.in == nil {
				return "''", nil
			}
			return shellQuote(c.input()), nil
		}},
	}
}

// jinjaTitle begins every word with a capital; words end at blanks, hyphens
// and opening brackets.
func jinjaTitle(s string) string {
	first := true
	var b strings.Builder
	for _, r := range s {
		if first {
			b.WriteString(upper(string(r)))
		} else {
			b.WriteRune(unicode.ToLower(r))
		}
		first = unicode.IsSpace(r) || strings.ContainsRune("-({[<", r)
	}
	return b.String()
}

func filterIndent(c *call) (any, error) {
	var pad string
	if s, ok := c.arg(0, 4).(string); ok {
		pad = s
	} else {
		n := c.int(0, 4)
		if err := c.st.charge(n); n > 0 && err != nil {
			return nil, err
		}
		pad = strings.Repeat(" ", max(n, 0))
	}
	first, blank := c.bool(1, c.bool(3, false)), c.bool(2, false)
	s := c.textInput()
	if err := c.st.charge(len(s) + product(strings.Count(s, "\n")+1, len(pad))); err != nil {
		return nil, err
	}
	lines := splitLines(s+"\n", false)
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == 0 && first || i > 0 && (blank || line != "") {
			b.WriteString(pad)
		}
		b.WriteString(line)
	}
	return b.String(), nil
}

func filterFormat(c *call) (any, error) {
	if len(c.rest) > 0 && len(c.kw) > 0 {
		return nil, fmt.Errorf("format takes values in order or by name, not both")
	}
	if len(c.kw) > 0 {
		d := &value.Dict{}
		for _, k := range c.kw {
			d.Set(k.name, k.value)
		}
		return c.st.formatPercent(c.input(), []any{d}, d, true)
	}
	return c.st.formatPercent(c.input(), c.rest, nil, false)
}

func filterTruncate(c *call) (any, error) {
	s := []rune(c.textInput())
	length, end, leeway := c.int(0, 255), c.text(2, "..."), 5
	if c.given(3) {
		leeway = c.int(3, 5)
	}
	tail := utf8.RuneCountInString(end)
	if length < tail {
		return nil, fmt.Errorf("truncate needs a length of at least %d, that of its end %s", tail, brief(end))
	}
	if leeway < 0 {
		return nil, fmt.Errorf("the leeway of truncate can't be negative")
	}
	if len(s) <= length+leeway {
		return string(s), nil
	}
	head := string(s[:length-tail])
	if !c.bool(1, false) {
		if i := strings.LastIndexByte(head, ' '); i >= 0 {
			head = head[:i]
		}
	}
	return head + end, nil
}

func filterComment(c *call) (any, error) {
	type style struct{ beginning, decoration, end string }
	styles := map[string]style{
		"plain": {"", "# ", ""}, "erlang": {"", "% ", ""}, "c": {"", "// ", ""},
		"cblock": {"/*", " * ", " */"}, "xml": {"<!--", " - ", "-->"},
	}
	name := c.word(0, "plain")
	st, ok := styles[name]
	if !ok {
		return nil, &hinted{fmt.Sprintf("there is no comment style %s", name), "there are: c, cblock, erlang, plain, xml"}
	}
	decoration := c.text(1, st.decoration)
	beginning, end := c.text(2, st.beginning), c.text(3, st.end)
	bare := strings.TrimRightFunc(decoration, unicode.IsSpace)
	prefix, postfix := c.text(4, bare), c.text(6, bare)
	prefixes, postfixes := c.int(5, 1), c.int(7, 1)
	nl := c.text(8, "\n")
	s := c.textInput()
	if c.err != nil {
		return nil, nil
	}
	size := len(s) + product(max(prefixes, 0), len(prefix)+len(nl)) + product(max(postfixes, 0), len(postfix)+len(nl)) +
		product(strings.Count(s, nl)+1, len(decoration)) + len(beginning) + len(end)
	if err := c.st.charge(size); err != nil {
		return nil, err
	}
	var b strings.Builder
	if beginning != "" {
		b.WriteString(beginning + nl)
	}
	for range prefixes {
		if prefix != "" && prefix != nl {
			b.WriteString(prefix)
		}
		if prefix != "" {
			b.WriteString(nl)
		}
	}
	text := decoration + strings.ReplaceAll(s, nl, nl+decoration)
	b.WriteString(strings.ReplaceAll(text, decoration+nl, bare+nl))
	for range postfixes {
		b.WriteString(nl + postfix)
	}
	if end != "" {
		b.WriteString(nl + end)
	}
	return b.String(), nil
}

// shellQuote quotes for a POSIX shell, as Python's shlex.quote does.
func shellQuote(s string) string {
	plain := s != ""
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_@%+=:,./-", c) >= 0
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'"
}
