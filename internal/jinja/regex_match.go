package jinja

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// A match holds Python's groups: start and end of each, -1 if it took no part.
type match struct {
	subject string
	loc     []int
}

func (m *match) group(i int) (string, bool) {
	if m.loc[2*i] < 0 {
		return "", false
	}
	return m.subject[m.loc[2*i]:m.loc[2*i+1]], true
}

func (m *match) empty() bool { return m.loc[0] == m.loc[1] }

// python turns Go's locations into Python's groups, and cuts off a newline
// that stands for `$`. shift is the number of groups that were put in front.
func (c *compiled) python(s string, loc []int, shift int) *match {
	cut := -1
	for _, e := range c.ends {
		if e += shift; loc[2*e] >= 0 && loc[2*e] < loc[2*e+1] {
			cut = loc[2*e]
		}
	}
	m := &match{s, make([]int, 2*len(c.groups))}
	for i, g := range c.groups {
		g += shift
		from, to := loc[2*g], loc[2*g+1]
		if cut >= 0 && to > cut {
			to = cut
			from = min(from, cut)
		}
		m.loc[2*i], m.loc[2*i+1] = from, to
	}
	return m
}

// search finds the first match, or nil.
func (c *compiled) search(s string) *match {
	loc := c.re.FindStringSubmatchIndex(s)
	if loc == nil {
		return nil
	}
	return c.python(s, loc, 0)
}

// first is search within an Eval.
func (c *compiled) first(st *state, s string) (*match, error) {
	return guarded(st, product(len(s), c.size), func() *match { return c.search(s) })
}

// all finds every match as Python does: an empty one may follow right behind
// another, and one that is not empty may begin where an empty one was.
func (c *compiled) all(st *state, s string) ([]*match, error) {
	if err := st.charge(16 * len(s)); err != nil {
		return nil, err
	}
	if c.reluctant || len(c.ends) > 0 && strings.HasSuffix(s, "\n") {
		return c.allSlowly(st, s)
	}
	// Each match may have to look through the rest of the text.
	worst := product(product(len(s), len(s)), c.size)
	found, err := guarded(st, worst, func() [][]int { return c.re.FindAllStringSubmatchIndex(s, -1) })
	if err != nil {
		return nil, err
	}
	if err := st.charge(len(found) * (len(c.groups)*16 + 64)); err != nil {
		return nil, err
	}
	if c.empty {
		c.compileMore()
	}
	var out []*match
	for i, loc := range found {
		m := c.python(s, loc, 0)
		out = append(out, m)
		to := m.loc[1]
		if !c.empty || m.empty() || i+1 < len(found) && found[i+1][0] == to {
			continue
		}
		// Go passes over an empty match right behind another one.
		if e := c.longest(s, to); e != nil && e.empty() {
			out = append(out, e)
		}
	}
	return out, nil
}

// allSlowly searches again from the end of each match.
func (c *compiled) allSlowly(st *state, s string) ([]*match, error) {
	c.compileMore()
	began := time.Now()
	var out []*match
	lastEmpty := -1
	for pos := 0; pos <= len(s); {
		if err := st.charge(64 + len(c.groups)*16); err != nil {
			return nil, err
		}
		if err := st.step(); err != nil {
			return nil, err
		}
		if time.Since(began) > st.limits.Command {
			return nil, tooSlow(st)
		}
		cost := product(len(s)-pos, c.size)
		m, err := guarded(st, cost, func() *match { return c.from(s, pos) })
		if err != nil {
			return nil, err
		}
		if m == nil {
			break
		}
		if m.empty() && m.loc[0] == lastEmpty {
			if m, err = guarded(st, cost, func() *match { return c.longest(s, pos) }); err != nil {
				return nil, err
			}
			if m == nil || m.empty() {
				_, n := utf8.DecodeRuneInString(s[pos:])
				pos += max(n, 1)
				continue
			}
		}
		out = append(out, m)
		pos, lastEmpty = m.loc[1], -1
		if m.empty() {
			lastEmpty = pos
		}
	}
	return out, nil
}

// from finds the first match at pos or behind it.
func (c *compiled) from(s string, pos int) *match {
	if pos == 0 {
		return c.search(s)
	}
	return c.behind(c.next, s, pos)
}

// longest is the longest match that begins at pos, or nil.
func (c *compiled) longest(s string, pos int) *match {
	if pos > 0 {
		return c.behind(c.longestNext, s, pos)
	}
	loc := c.longestFirst.FindStringSubmatchIndex(s)
	if loc == nil {
		return nil
	}
	return c.python(s, loc, 0)
}

// behind lets re match from pos on, with the one character before it in
// sight for ^ and \b.
func (c *compiled) behind(re *regexp.Regexp, s string, pos int) *match {
	_, n := utf8.DecodeLastRuneInString(s[:pos])
	loc := re.FindStringSubmatchIndex(s[pos-n:])
	if loc == nil {
		return nil
	}
	for i := range loc {
		if loc[i] >= 0 {
			loc[i] += pos - n
		}
	}
	return c.python(s, loc, 1)
}
