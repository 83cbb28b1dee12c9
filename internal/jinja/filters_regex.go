package jinja

import (
	"fmt"
	"strconv"
	"strings"
)

// regexFilters search text. Their pattern is checked when the template is
// compiled, if it is a constant.
func regexFilters() map[string]function {
	return map[string]function{
		"regex_replace": {sig: "pattern replacement ignorecase multiline count mandatory_count", fn: filterRegexReplace, pattern: 1},
		"regex_search":  {sig: "regex! * ignorecase multiline", fn: filterRegexSearch, pattern: 1},
		"regex_findall": {sig: "regex! multiline ignorecase", fn: filterRegexFindall, pattern: 1},
		"regex_escape":  {sig: "re_type", fn: filterRegexEscape},
	}
}

// regex compiles argument i for the subject.
func (c *call) regex(i int, f regexFlags, subject string) *compiled {
	p := c.pattern
	if p == nil {
		p = &pattern{src: c.text(i, "")}
	}
	if c.err != nil {
		return nil
	}
	re, err := p.compile(f, subject)
	if err == nil && re.boundary && strings.IndexFunc(subject, isWideLetter) >= 0 {
		err = &hinted{
			fmt.Sprintf("the regular expression %s can't search %s: \\b knows only the letters of ASCII", brief(p.src), brief(subject)),
			`say what stands at the boundary, as in (^|\W)`,
		}
	}
	c.fail2(err)
	return re
}

func filterRegexReplace(c *call) (any, error) {
	s := c.input()
	re := c.regex(0, regexFlags{c.bool(2, false), c.bool(3, false)}, s)
	most := c.int(4, 0)
	if c.err != nil {
		return nil, nil
	}
	r, err := parseReplacement(c.word(1, ""), re)
	if err != nil {
		return nil, err
	}
	found, err := re.all(c.st, s)
	if err != nil {
		return nil, err
	}
	if want := c.int(5, 0); want > 0 && len(found) != want {
		return nil, fmt.Errorf("regex_replace was to make %d replacements in %s, and there are %d matches", want, brief(s), len(found))
	}
	var b strings.Builder
	last := 0
	for i, m := range found {
		if most > 0 && i == most {
			break
		}
		b.WriteString(s[last:m.loc[0]])
		size := b.Len()
		for _, part := range r {
			b.WriteString(part.text)
			if part.group >= 0 {
				g, _ := m.group(part.group)
				b.WriteString(g)
			}
		}
		if err := c.st.charge(b.Len() - size); err != nil {
			return nil, err
		}
		last = m.loc[1]
	}
	b.WriteString(s[last:])
	return c.str(b.String())
}

// replaced is a piece of a replacement: text, and a group behind it or -1.
type replaced struct {
	text  string
	group int
}

// parseReplacement reads Python's \1, \g<1>, \g<name>, \n and \\.
func parseReplacement(s string, re *compiled) ([]replaced, error) {
	var out []replaced
	var b strings.Builder
	add := func(g int) error {
		if g >= len(re.groups) {
			return fmt.Errorf("the replacement %s names group %d, and the pattern has %d", brief(s), g, len(re.groups)-1)
		}
		out = append(out, replaced{b.String(), g})
		b.Reset()
		return nil
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return nil, fmt.Errorf("the replacement %s ends with a backslash", brief(s))
		}
		switch c := s[i]; {
		case c == 'g' && strings.HasPrefix(s[i:], "g<"):
			end := strings.IndexByte(s[i:], '>')
			if end < 0 {
				return nil, fmt.Errorf(`the \g< in the replacement %s is never closed`, brief(s))
			}
			g, err := re.groupNumber(s[i+2 : i+end])
			if err == nil {
				err = add(g)
			}
			if err != nil {
				return nil, err
			}
			i += end
		case c >= '1' && c <= '9':
			n := int(c - '0')
			if i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
				i++
				n = n*10 + int(s[i]-'0')
			}
			if err := add(n); err != nil {
				return nil, err
			}
		case c == '0':
			b.WriteByte(0)
		case strings.IndexByte(`abfnrtv\`, c) >= 0:
			decoded, _ := unescape(s[i-1 : i+1])
			b.WriteString(decoded)
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			return nil, fmt.Errorf(`\%c means nothing in the replacement %s`, c, brief(s))
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return append(out, replaced{b.String(), -1}), nil
}

// groupNumber finds a group by its number or name.
func (c *compiled) groupNumber(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		if n < 0 || n >= len(c.groups) {
			return 0, fmt.Errorf("there is no group %d: the pattern has %d", n, len(c.groups)-1)
		}
		return n, nil
	}
	for i, n := range c.names {
		if n == name && n != "" {
			return i, nil
		}
	}
	return 0, &hinted{fmt.Sprintf("the pattern has no group named %s", name), didYouMean(name, c.names)}
}

func filterRegexSearch(c *call) (any, error) {
	f := regexFlags{c.bool(1, false), c.bool(2, false)}
	s := c.input()
	re := c.regex(0, f, s)
	if c.err != nil {
		return nil, nil
	}
	var groups []int
	for _, a := range c.rest {
		name, _ := a.(string)
		switch {
		case strings.HasPrefix(name, `\g<`) && strings.HasSuffix(name, ">"):
			name = name[3 : len(name)-1]
		case strings.HasPrefix(name, `\`):
			name = name[1:]
		default:
			return nil, &hinted{fmt.Sprintf("regex_search takes groups as '\\1' or '\\g<name>', not %s", brief(a)), ""}
		}
		g, err := re.groupNumber(name)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	m, err := re.first(c.st, s)
	if m == nil {
		return nil, err
	}
	if groups == nil {
		whole, _ := m.group(0)
		return whole, nil
	}
	out := c.newList(len(groups))
	for _, g := range groups {
		if part, ok := m.group(g); ok {
			out = append(out, part)
		} else {
			out = append(out, nil)
		}
	}
	return out, nil
}

func filterRegexFindall(c *call) (any, error) {
	s := c.input()
	re := c.regex(0, regexFlags{multiline: c.bool(1, false), ignoreCase: c.bool(2, false)}, s)
	if c.err != nil {
		return nil, nil
	}
	found, err := re.all(c.st, s)
	if err != nil {
		return nil, err
	}
	out := c.newList(len(found))
	for _, m := range found {
		switch n := len(re.groups); n {
		case 1, 2:
			part, _ := m.group(n - 1)
			out = append(out, part)
		default:
			t := make(tuple, n-1)
			for i := range t {
				part, _ := m.group(i + 1)
				t[i] = part
			}
			out = append(out, t)
		}
	}
	return out, nil
}

func filterRegexEscape(c *call) (any, error) {
	special := "()[]{}?*+-|^$\\.&~# \t\n\r\v\f"
	switch kind := c.word(0, "python"); kind {
	case "python":
	case "posix_basic":
		special = `].[^$*\`
	default:
		return nil, &hinted{fmt.Sprintf("there is no re_type %s", brief(kind)), "there are: python, posix_basic"}
	}
	var b strings.Builder
	for _, r := range c.input() {
		if strings.ContainsRune(special, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return c.str(b.String())
}
