package jinja

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	resyntax "regexp/syntax"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// A pattern is a regular expression as Python writes them. It is compiled
// for Go's engine, which runs in linear time, when it is first used.
type pattern struct {
	src      string
	variants [8]variant // by flags
}

type variant struct {
	once sync.Once
	re   *compiled
	err  error
}

type regexFlags struct{ ignoreCase, multiline bool }

// A compiled pattern. Python's `$` also matches before a newline at the end;
// it became a group that may swallow that newline and is cut off again.
type compiled struct {
	re     *regexp.Regexp
	groups []int    // Python's group number → Go's; [0] is 0
	names  []string // by Python's number
	ends   []int    // Go's numbers of the groups that stand for $
	src    string   // in Go's syntax
	size   int      // of the pattern with its repeats written out
	more   sync.Once
	// next searches behind the one character that it is given for context;
	// the others take as much as they can, behind such a character or at the
	// very beginning. They are made when a search first needs them.
	next, longestNext, longestFirst *regexp.Regexp
	boundary                        bool // it uses \b or \B, which know only ASCII letters
	empty                           bool // the pattern can match the empty text
	reluctant                       bool // … even where it could match more
}

// regex compiles the pattern for a subject.
func (p *pattern) compile(f regexFlags, subject string) (*compiled, error) {
	i := 0
	if f.ignoreCase {
		i |= 1
	}
	if f.multiline {
		i |= 2
	}
	wide := !ascii(subject)
	if wide {
		i |= 4
	}
	v := &p.variants[i]
	v.once.Do(func() { v.re, v.err = compilePattern(p.src, f, wide) })
	return v.re, v.err
}

func isWideLetter(r rune) bool {
	return r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsNumber(r))
}

func compilePattern(src string, f regexFlags, wide bool) (*compiled, error) {
	t := translator{src: src, wide: wide, c: &compiled{groups: []int{0}, names: []string{""}}}
	out, err := t.translate()
	if err != nil {
		return nil, err
	}
	flags := ""
	if f.ignoreCase || t.ignoreCase {
		flags += "i"
	}
	if f.multiline || t.multiline {
		flags += "m"
	}
	if t.dotAll {
		flags += "s"
	}
	if flags != "" {
		out = "(?" + flags + ")" + out
	}
	parsed, err := resyntax.Parse(out, resyntax.Perl)
	if err != nil {
		var syn *resyntax.Error
		if errors.As(err, &syn) {
			msg := string(syn.Code)
			if syn.Code == resyntax.ErrInvalidRepeatSize {
				msg = "a repeat count above 1000"
			}
			return nil, fmt.Errorf("the regular expression %s does not work: %s", brief(src), msg)
		}
		return nil, fmt.Errorf("the regular expression %s does not work: %w", brief(src), err)
	}
	c := t.c
	c.src, c.size = out, patternSize(parsed)
	if c.size > maxPattern {
		return nil, fmt.Errorf("the regular expression %s is too large", brief(src))
	}
	if c.re, err = regexp.Compile(out); err != nil {
		return nil, fmt.Errorf("the regular expression %s does not work: %w", brief(src), err)
	}
	c.empty, c.reluctant = canBeEmpty(parsed), isReluctant(parsed)
	return c, nil
}

const maxPattern = 20_000

// patternSize is about the number of steps that a character can cost.
func patternSize(re *resyntax.Regexp) int {
	size := 1 + len(re.Rune)
	for _, s := range re.Sub {
		size += patternSize(s)
	}
	if re.Op == resyntax.OpRepeat {
		size = product(size, max(re.Min, re.Max, 1))
	}
	return min(size, 10*maxPattern)
}

// cheapSearch is the cost below which a search surely ends at once.
const cheapSearch = 100_000_000

// guarded runs a search. One that could take long runs beside, for nothing
// can interrupt it: when its time is over or the run is cancelled it is left
// to itself.
func guarded[T any](st *state, cost int, search func() T) (T, error) {
	if cost <= cheapSearch {
		return search(), nil
	}
	done := make(chan T, 1)
	go func() { done <- search() }()
	timer := time.NewTimer(st.limits.Command)
	defer timer.Stop()
	var none T
	select {
	case found := <-done:
		return found, nil
	case <-st.ctx.Done():
		return none, context.Cause(st.ctx)
	case <-timer.C:
		return none, tooSlow(st)
	}
}

func tooSlow(st *state) error {
	return &limitError{fmt.Sprintf("a regular expression took more than %s", st.limits.Command)}
}

// compileMore makes what only some searches need. The source is known to
// compile.
func (c *compiled) compileMore() {
	c.more.Do(func() {
		c.next = regexp.MustCompile(`\A(?s:.)(?s:.*?)(` + c.src + `)`)
		c.longestNext = regexp.MustCompile(`\A(?s:.)(` + c.src + `)`)
		c.longestFirst = regexp.MustCompile(`\A(?:` + c.src + `)`)
		c.longestNext.Longest()
		c.longestFirst.Longest()
	})
}

func canBeEmpty(re *resyntax.Regexp) bool {
	switch re.Op {
	case resyntax.OpLiteral, resyntax.OpCharClass, resyntax.OpAnyChar, resyntax.OpAnyCharNotNL, resyntax.OpNoMatch:
		return len(re.Rune) == 0 && re.Op == resyntax.OpLiteral
	case resyntax.OpCapture, resyntax.OpPlus:
		return canBeEmpty(re.Sub[0])
	case resyntax.OpRepeat:
		return re.Min == 0 || canBeEmpty(re.Sub[0])
	case resyntax.OpConcat:
		for _, s := range re.Sub {
			if !canBeEmpty(s) {
				return false
			}
		}
		return true
	case resyntax.OpAlternate:
		for _, s := range re.Sub {
			if canBeEmpty(s) {
				return true
			}
		}
		return false
	}
	return true
}

// isReluctant reports a pattern that may match nothing where it could match
// something: a*?, |a.
func isReluctant(re *resyntax.Regexp) bool {
	switch re.Op {
	case resyntax.OpStar, resyntax.OpQuest, resyntax.OpPlus, resyntax.OpRepeat:
		if re.Flags&resyntax.NonGreedy != 0 {
			return true
		}
	case resyntax.OpAlternate:
		for _, s := range re.Sub[:len(re.Sub)-1] {
			if canBeEmpty(s) {
				return true
			}
		}
	}
	for _, s := range re.Sub {
		if isReluctant(s) {
			return true
		}
	}
	return false
}

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
