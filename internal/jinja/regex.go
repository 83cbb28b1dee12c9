package jinja

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	resyntax "regexp/syntax"
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
