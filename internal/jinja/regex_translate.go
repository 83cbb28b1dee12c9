package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A translator rewrites Python's syntax into Go's.
type translator struct {
	src                           string
	i                             int
	b                             strings.Builder
	wide                          bool // the subject is not ASCII
	group                         int  // Go's groups so far
	depth                         int  // of the brackets
	ignoreCase, multiline, dotAll bool
	c                             *compiled
}

func (t *translator) bad(format string, args ...any) error {
	return &hinted{
		fmt.Sprintf("the regular expression %s does not work: ", brief(t.src)) + fmt.Sprintf(format, args...),
		"the engine is RE2: no lookaround and no backreferences inside the pattern",
	}
}

func (t *translator) translate() (string, error) {
	for t.i < len(t.src) {
		var err error
		switch c := t.src[t.i]; c {
		case '\\':
			err = t.escape(false)
		case '[':
			err = t.class()
		case '(':
			err = t.open()
		case ')':
			t.depth--
			t.b.WriteByte(c)
			t.i++
		case '$':
			t.dollar()
		case '{':
			t.brace()
		default:
			t.b.WriteByte(c)
			t.i++
		}
		if err != nil {
			return "", err
		}
	}
	return t.b.String(), nil
}

// dollar: where it ends the pattern or an alternative, it may be followed by
// a last newline.
func (t *translator) dollar() {
	t.i++
	rest := strings.TrimLeft(t.src[t.i:], ")")
	if (rest == "" || rest[0] == '|') && !t.multiline {
		t.group++
		t.c.ends = append(t.c.ends, t.group)
		t.b.WriteString(`(?:$|(\n)\z)`)
		return
	}
	t.b.WriteByte('$')
}

// brace: Python's {,n} is {0,n}, and a { that begins no count is itself.
func (t *translator) brace() {
	rest := t.src[t.i+1:]
	end := strings.IndexByte(rest, '}')
	if end > 0 {
		low, high, comma := strings.Cut(rest[:end], ",")
		if strings.Trim(low+high, "0123456789") == "" && (low != "" || comma) {
			if low == "" {
				low = "0"
			}
			t.b.WriteString("{" + low)
			if comma {
				t.b.WriteString("," + high)
			}
			t.b.WriteByte('}')
			t.i += end + 2
			return
		}
	}
	t.b.WriteString(`\{`)
	t.i++
}

func (t *translator) open() error {
	rest := t.src[t.i:]
	if t.depth++; t.depth > maxParseDepth {
		return t.bad("it is nested more than %d deep", maxParseDepth)
	}
	if !strings.HasPrefix(rest, "(?") {
		t.group++
		t.c.groups = append(t.c.groups, t.group)
		t.c.names = append(t.c.names, "")
		t.b.WriteByte('(')
		t.i++
		return nil
	}
	switch {
	case strings.HasPrefix(rest, "(?P<"):
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			return t.bad("the name of a group never ends")
		}
		t.group++
		t.c.groups = append(t.c.groups, t.group)
		t.c.names = append(t.c.names, rest[4:end])
		t.b.WriteString(rest[:end+1])
		t.i += end + 1
		return nil
	case strings.HasPrefix(rest, "(?:"):
		t.b.WriteString("(?:")
		t.i += 3
		return nil
	case strings.HasPrefix(rest, "(?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return t.bad("a comment never ends")
		}
		t.i += end + 1
		return nil
	case strings.HasPrefix(rest, "(?=") || strings.HasPrefix(rest, "(?!"):
		return t.bad("a lookahead %s…) is not supported", rest[:3])
	case strings.HasPrefix(rest, "(?<=") || strings.HasPrefix(rest, "(?<!"):
		return t.bad("a lookbehind %s…) is not supported", rest[:4])
	case strings.HasPrefix(rest, "(?P="):
		return t.bad("a backreference (?P=…) is not supported")
	case strings.HasPrefix(rest, "(?("):
		return t.bad("a condition (?(…) is not supported")
	case strings.HasPrefix(rest, "(?>"):
		return t.bad("an atomic group (?>…) is not supported")
	}
	return t.inlineFlags(rest)
}

// inlineFlags are (?i) for the whole pattern and (?i:…) for a part of it.
func (t *translator) inlineFlags(rest string) error {
	end := strings.IndexAny(rest, "):")
	if end < 0 {
		return t.bad("(? is followed by nothing known")
	}
	flags := rest[2:end]
	kept := ""
	for _, f := range flags {
		switch f {
		case 'i', 'm', 's', '-':
			kept += string(f)
		case 'a', 'u', 'L':
		case 'x':
			return t.bad("the flag x is not supported")
		default:
			return t.bad("(?%s is not known", flags)
		}
	}
	t.i += end + 1
	if rest[end] == ':' {
		t.b.WriteString("(?" + kept + ":")
		return nil
	}
	for _, f := range kept {
		switch f {
		case 'i':
			t.ignoreCase = true
		case 'm':
			t.multiline = true
		case 's':
			t.dotAll = true
		}
	}
	return nil
}

// Classes of characters beyond ASCII.
var wideClasses = map[byte]string{
	'd': `\p{Nd}`,
	'w': `\p{L}\p{N}\p{Mn}_`,
	's': `\s\x{0b}\x{1c}-\x{1f}\x{85}\p{Z}`,
}

func (t *translator) escape(inClass bool) error {
	if t.i+1 >= len(t.src) {
		return t.bad("it ends with a backslash")
	}
	c := t.src[t.i+1]
	t.i += 2
	switch {
	case c == 'Z':
		t.b.WriteString(`\z`)
	case c == 'b' && inClass:
		t.b.WriteString(`\x08`)
	case c == 's' && !t.wide:
		if inClass {
			t.b.WriteString(`\s\x0b`)
		} else {
			t.b.WriteString(`[\s\x0b]`)
		}
	case wideClasses[c] != "" && t.wide:
		if inClass {
			t.b.WriteString(wideClasses[c])
		} else {
			t.b.WriteString("[" + wideClasses[c] + "]")
		}
	case wideClasses[c|0x20] != "" && c < 'a' && t.wide && !inClass:
		t.b.WriteString("[^" + wideClasses[c|0x20] + "]")
	case strings.IndexByte("dDwWsSAbBnrtfvaxz", c) >= 0:
		t.c.boundary = t.c.boundary || c|0x20 == 'b'
		t.b.WriteString(`\` + string(c))
	case c == 'u' || c == 'U':
		n := 4
		if c == 'U' {
			n = 8
		}
		if t.i+n > len(t.src) {
			return t.bad(`\%c needs %d digits`, c, n)
		}
		code, err := strconv.ParseUint(t.src[t.i:t.i+n], 16, 32)
		if err != nil {
			return t.bad(`\%c needs %d digits`, c, n)
		}
		fmt.Fprintf(&t.b, `\x{%x}`, code)
		t.i += n
	case c == '0' || inClass && c >= '1' && c <= '7':
		n := 0
		for n < 2 && t.i+n < len(t.src) && t.src[t.i+n] >= '0' && t.src[t.i+n] <= '7' {
			n++
		}
		code, err := strconv.ParseUint(string(c)+t.src[t.i:t.i+n], 8, 32)
		if err != nil {
			return t.bad(`\%c is no octal number`, c)
		}
		fmt.Fprintf(&t.b, `\x{%x}`, code)
		t.i += n
	case c >= '1' && c <= '9':
		return t.bad(`the backreference \%c is not supported`, c)
	case c < utf8.RuneSelf && (c|0x20 >= 'a' && c|0x20 <= 'z'):
		return t.bad(`\%c means nothing`, c)
	case c >= utf8.RuneSelf:
		t.i--
		_, n := utf8.DecodeRuneInString(t.src[t.i:])
		t.b.WriteString(t.src[t.i : t.i+n])
		t.i += n
	case c == '_' || c == '\n':
		t.b.WriteByte(c)
	default:
		t.b.WriteString(`\` + string(c))
	}
	return nil
}

func (t *translator) class() error {
	start := t.i
	t.b.WriteByte('[')
	t.i++
	if t.i < len(t.src) && t.src[t.i] == '^' {
		t.b.WriteByte('^')
		t.i++
	}
	for first := true; t.i < len(t.src); first = false {
		switch c := t.src[t.i]; {
		case c == ']' && !first:
			t.b.WriteByte(']')
			t.i++
			return nil
		case c == '\\':
			if err := t.escape(true); err != nil {
				return err
			}
		case c == '[' || c == ']':
			t.b.WriteString(`\` + string(c))
			t.i++
		default:
			t.b.WriteByte(c)
			t.i++
		}
	}
	return t.bad("the [ at character %d is never closed", utf8.RuneCountInString(t.src[:start])+1)
}
