package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

func stringMethodTable() map[string]*function {
	plain := func(f func(string) string) function {
		return function{fn: func(c *call) (any, error) { return c.str(f(c.in.(string))) }}
	}
	is := func(f func(string) bool) function {
		return function{fn: func(c *call) (any, error) { return f(c.in.(string)), nil }}
	}
	return table(map[string]function{
		"capitalize": plain(capitalize), "casefold": plain(strings.ToLower), "lower": plain(strings.ToLower),
		"upper": plain(upper), "swapcase": plain(swapCase), "title": plain(pythonTitle),
		"strip":  {sig: "chars", fn: stripped(strings.TrimFunc)},
		"lstrip": {sig: "chars", fn: stripped(strings.TrimLeftFunc)},
		"rstrip": {sig: "chars", fn: stripped(strings.TrimRightFunc)},
		"center": {sig: "width! fill", fn: padded(func(n, width int) (int, int) {
			left := n/2 + (n & width & 1)
			return left, n - left
		})},
		"ljust": {sig: "width! fill", fn: padded(func(n, _ int) (int, int) { return 0, n })},
		"rjust": {sig: "width! fill", fn: padded(func(n, _ int) (int, int) { return n, 0 })},
		"zfill": {sig: "width!", fn: func(c *call) (any, error) {
			s := c.in.(string)
			n := c.int(0, 0) - utf8.RuneCountInString(s)
			if n <= 0 {
				return s, nil
			}
			if err := c.st.charge(n + len(s)); err != nil {
				return nil, err
			}
			sign := ""
			if s != "" && (s[0] == '-' || s[0] == '+') {
				sign, s = s[:1], s[1:]
			}
			return sign + strings.Repeat("0", n) + s, nil
		}},
		"split":      {sig: "sep maxsplit", fn: func(c *call) (any, error) { return c.split(c.in.(string), false) }},
		"rsplit":     {sig: "sep maxsplit", fn: func(c *call) (any, error) { return c.split(c.in.(string), true) }},
		"splitlines": {sig: "keepends", fn: func(c *call) (any, error) { return c.strings(splitLines(c.in.(string), c.bool(0, false))) }},
		"partition": {sig: "sep!", fn: func(c *call) (any, error) {
			return c.partition(strings.Index(c.in.(string), c.word(0, "")), 0)
		}},
		"rpartition": {sig: "sep!", fn: func(c *call) (any, error) {
			return c.partition(strings.LastIndex(c.in.(string), c.word(0, "")), 2)
		}},
		"replace": {sig: "old! new! count", fn: func(c *call) (any, error) {
			return c.replace(c.in.(string), c.word(0, ""), c.word(1, ""), c.int(2, -1))
		}},
		"removeprefix": {sig: "prefix!", fn: func(c *call) (any, error) { return strings.TrimPrefix(c.in.(string), c.word(0, "")), nil }},
		"removesuffix": {sig: "suffix!", fn: func(c *call) (any, error) { return strings.TrimSuffix(c.in.(string), c.word(0, "")), nil }},
		"startswith":   {sig: "prefix! start end", fn: affix(strings.HasPrefix)},
		"endswith":     {sig: "suffix! start end", fn: affix(strings.HasSuffix)},
		"find":         {sig: "sub! start end", fn: finder(strings.Index, false)},
		"rfind":        {sig: "sub! start end", fn: finder(strings.LastIndex, false)},
		"index":        {sig: "sub! start end", fn: finder(strings.Index, true)},
		"rindex":       {sig: "sub! start end", fn: finder(strings.LastIndex, true)},
		"count": {sig: "sub! start end", fn: func(c *call) (any, error) {
			s, _ := c.window(c.in.(string))
			return strings.Count(s, c.word(0, "")), nil
		}},
		"join": {sig: "items!", fn: func(c *call) (any, error) {
			items := c.items(0)
			parts := make([]string, len(items))
			for i, e := range items {
				s, ok := e.(string)
				if !ok {
					if _, err := use(e); err != nil {
						return nil, err
					}
					return nil, &hinted{
						fmt.Sprintf("join joins text, and item %d is %s %s", i, article(e), brief(e)),
						"the filter joins everything: list | join(',')",
					}
				}
				parts[i] = s
			}
			return c.join(parts, c.in.(string))
		}},
		"format":     {sig: "* **", fn: func(c *call) (any, error) { return c.st.formatBraces(c.in.(string), c.rest, c.kw) }},
		"format_map": {sig: "map!", fn: formatMap},
		"expandtabs": {sig: "tabsize", fn: func(c *call) (any, error) { return c.expandTabs(c.in.(string), c.int(0, 8)) }},
		"isalpha":    is(every(unicode.IsLetter)),
		"isalnum":    is(every(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })),
		"isdigit":    is(every(unicode.IsDigit)), "isdecimal": is(every(unicode.IsDigit)), "isnumeric": is(every(unicode.IsNumber)),
		"isspace": is(every(unicode.IsSpace)),
		"isascii": is(ascii),
		"islower": is(func(s string) bool { return s == strings.ToLower(s) && s != strings.ToUpper(s) }),
		"isupper": is(func(s string) bool { return s == strings.ToUpper(s) && s != strings.ToLower(s) }),
		"istitle": is(func(s string) bool { return s == pythonTitle(s) && s != strings.ToLower(s) }),
		"isidentifier": is(func(s string) bool {
			for i, r := range s {
				if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
					return false
				}
			}
			return s != ""
		}),
		"encode": refuse("text is always UTF-8; use | b64encode or | urlencode"),
	})
}

func every(f func(rune) bool) func(string) bool {
	return func(s string) bool {
		for _, r := range s {
			if !f(r) {
				return false
			}
		}
		return s != ""
	}
}

func stripped(trim func(string, func(rune) bool) string) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		s := c.input()
		if !c.given(0) {
			return trim(s, unicode.IsSpace), nil
		}
		chars := c.word(0, "")
		return trim(s, func(r rune) bool { return strings.ContainsRune(chars, r) }), nil
	}
}

// padded fills text up to a width; split says how much goes to each side.
func padded(split func(n, width int) (left, right int)) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		s := c.input()
		width := c.int(0, 80)
		fill := " "
		if len(c.args) > 1 {
			fill = c.word(1, " ")
		}
		if utf8.RuneCountInString(fill) != 1 {
			return nil, fmt.Errorf("%s fills with one character, not with %s", c.fn.name, brief(fill))
		}
		n := width - utf8.RuneCountInString(s)
		if n <= 0 {
			return s, nil
		}
		if err := c.st.charge(product(n, len(fill)) + len(s)); err != nil {
			return nil, err
		}
		left, right := split(n, width)
		return strings.Repeat(fill, left) + s + strings.Repeat(fill, right), nil
	}
}

// split splits as Python does: at the argument sep, or at runs of blanks.
func (c *call) split(s string, fromRight bool) (any, error) {
	most := c.int(1, -1)
	if c.err != nil {
		return nil, nil
	}
	if err := c.st.charge(len(s) + slot); err != nil {
		return nil, err
	}
	if !c.given(0) {
		return c.strings(splitBlanks(s, most, fromRight))
	}
	sep := c.word(0, "")
	if sep == "" {
		if c.err != nil {
			return nil, nil
		}
		return nil, fmt.Errorf("%s needs a separator that is not empty", c.fn.name)
	}
	if !fromRight {
		if most >= 0 {
			most++
		}
		return c.strings(strings.SplitN(s, sep, most))
	}
	var parts []string
	for most != 0 {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		parts = append(parts, s[i+len(sep):])
		s = s[:i]
		most--
	}
	parts = append(parts, s)
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return c.strings(parts)
}

// strings makes a list of text.
func (c *call) strings(parts []string) (any, error) {
	out := c.newList(2 * len(parts))
	if c.err != nil {
		return nil, nil
	}
	for _, p := range parts {
		out = append(out, p)
	}
	return out, nil
}

// partition splits at byte i; whole is where the text goes if i is not found.
func (c *call) partition(i, whole int) (any, error) {
	s, sep := c.in.(string), c.word(0, "")
	if sep == "" {
		return nil, fmt.Errorf("%s needs a separator that is not empty", c.fn.name)
	}
	c.st.built = true
	t := tuple{"", "", ""}
	if i < 0 {
		t[whole] = s
		return t, nil
	}
	t[0], t[1], t[2] = s[:i], sep, s[i+len(sep):]
	return t, nil
}

func (c *call) replace(s, old, new string, most int) (any, error) {
	n := strings.Count(s, old)
	if most >= 0 {
		n = min(n, most)
	}
	if c.err != nil {
		return nil, nil
	}
	if err := c.st.charge(len(s) + product(n, len(new))); err != nil {
		return nil, err
	}
	return strings.Replace(s, old, new, most), nil
}

// window is the part of s that the arguments start and end (1 and 2) leave,
// and the number of characters before it.
func (c *call) window(s string) (string, int) {
	if !c.given(1) && !c.given(2) {
		return s, 0
	}
	r := []rune(s)
	from, to := 0, len(r)
	if c.given(1) {
		from = clamp(c.int(1, 0), len(r))
	}
	if c.given(2) {
		to = clamp(c.int(2, 0), len(r))
	}
	if from > to {
		return "", from
	}
	return string(r[from:to]), from
}

func affix(has func(s, affix string) bool) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		s, _ := c.window(c.in.(string))
		if t, ok := c.args[0].(tuple); ok {
			for _, e := range t {
				a, ok := e.(string)
				if !ok {
					return nil, fmt.Errorf("%s compares text, not %s", c.fn.name, brief(e))
				}
				if has(s, a) {
					return true, nil
				}
			}
			return false, nil
		}
		return has(s, c.word(0, "")), nil
	}
}

func finder(index func(s, sub string) int, must bool) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		s, skipped := c.window(c.in.(string))
		i := index(s, c.word(0, ""))
		if i < 0 {
			if must && c.err == nil {
				return nil, fmt.Errorf("%s is not in %s", brief(c.args[0]), brief(c.in))
			}
			return -1, nil
		}
		return skipped + utf8.RuneCountInString(s[:i]), nil
	}
}

func (c *call) join(parts []string, sep string) (any, error) {
	size := product(len(sep), len(parts))
	for _, p := range parts {
		size += len(p)
	}
	if err := c.st.charge(size); err != nil {
		return nil, err
	}
	return strings.Join(parts, sep), nil
}

func (c *call) expandTabs(s string, size int) (any, error) {
	if err := c.st.charge(len(s) + product(strings.Count(s, "\t"), max(size, 0))); err != nil {
		return nil, err
	}
	var b strings.Builder
	col := 0
	for _, r := range s {
		switch {
		case r == '\t':
			if size > 0 {
				n := size - col%size
				b.WriteString(strings.Repeat(" ", n))
				col += n
			}
			continue
		case r == '\n' || r == '\r':
			col = -1
		}
		b.WriteRune(r)
		col++
	}
	return b.String(), nil
}

func formatMap(c *call) (any, error) {
	d, ok, err := c.st.mapping(c.args[0])
	if err != nil {
		return nil, err
	}
	if !ok {
		c.bad(0, "a dictionary")
		return nil, nil
	}
	var kw []kwarg
	for k, v := range d.All() {
		if s, ok := k.(string); ok {
			kw = append(kw, kwarg{s, v})
		}
	}
	return c.st.formatBraces(c.in.(string), nil, kw)
}
