package jinja

import "strings"

// A Regexp is a regular expression as Python writes it, for tasks that take
// one as an argument. Lookaround and backreferences inside the pattern are
// refused: the engine is RE2.
type Regexp struct{ p *pattern }

// CompileRegexp reads a pattern.
func CompileRegexp(src string) (*Regexp, error) {
	r := &Regexp{&pattern{src: src}}
	_, err := r.p.compile(regexFlags{}, "")
	return r, err
}

// Match reports whether the pattern is found anywhere in s, as re.search does.
func (r *Regexp) Match(s string) bool {
	re, err := r.p.compile(regexFlags{}, s)
	return err == nil && re.search(s) != nil
}

// Expand fills a replacement (\1, \g<1>, \g<name>) with the groups of the first
// match in s; false if there is none.
func (r *Regexp) Expand(s, replacement string) (string, bool, error) {
	re, err := r.p.compile(regexFlags{}, s)
	if err != nil {
		return "", false, err
	}
	m := re.search(s)
	if m == nil {
		return "", false, nil
	}
	parts, err := parseReplacement(replacement, re)
	if err != nil {
		return "", false, err
	}
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(part.text)
		if part.group >= 0 {
			g, _ := m.group(part.group)
			b.WriteString(g)
		}
	}
	return b.String(), true, nil
}
