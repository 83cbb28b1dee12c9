package jinja

import (
	"fmt"
	"regexp"
	"strings"
)

var sequenceShort = regexp.MustCompile(`(?i)^(?:(0?x?[0-9a-f]+)-)?(0?x?[0-9a-f]+)(?:/(0?x?[0-9a-f]+))?(?::(.+))?$`)

// lookupSequence counts: "1-10/2:host%02d" or "start=1 end=10 stride=2
// format=host%02d". It gives text.
func lookupSequence(c *call) (any, error) {
	out := c.newList(0)
	for _, term := range c.words() {
		s, err := parseSequence(term)
		if err != nil {
			return nil, err
		}
		if s.stride == 0 {
			continue
		}
		for i := s.start; s.stride > 0 && i <= s.end || s.stride < 0 && i >= s.end; i += s.stride {
			if err := c.st.step(); err != nil {
				return nil, err
			}
			v, err := c.st.formatPercent(s.format, []any{i}, nil, false)
			if err != nil {
				return nil, err
			}
			if err := c.st.charge(2 * slot); err != nil {
				return nil, err
			}
			out = append(out, v)
		}
	}
	return out, nil
}

type sequenceTerm struct {
	start, end, stride int
	format             string
}

func parseSequence(term string) (s sequenceTerm, err error) {
	s = sequenceTerm{start: 1, stride: 1, format: "%d"}
	number := func(what, v string) int {
		n, ok, nerr := pythonInt(v, 0)
		if err == nil && (nerr != nil || !ok || n > 1<<40 || n < -1<<40) {
			err = fmt.Errorf("%s=%s is no whole number", what, v)
		}
		return n
	}
	hasEnd, count := false, -1
	if m := sequenceShort.FindStringSubmatch(term); m != nil {
		if m[1] != "" {
			s.start = number("start", m[1])
		}
		s.end, hasEnd = number("end", m[2]), true
		if m[3] != "" {
			s.stride = number("stride", m[3])
		}
		if m[4] != "" {
			s.format = m[4]
		}
	} else {
		pairs, perr := keyValues(term)
		if perr != nil {
			return s, perr
		}
		for _, p := range pairs {
			switch p[0] {
			case "start":
				s.start = number(p[0], p[1])
			case "end":
				s.end, hasEnd = number(p[0], p[1]), true
			case "count":
				count = number(p[0], p[1])
			case "stride":
				s.stride = number(p[0], p[1])
			case "format":
				s.format = p[1]
			default:
				return s, &hinted{"there is no option " + p[0], "there are: start, end, count, stride, format"}
			}
		}
	}
	switch {
	case err != nil:
		return s, err
	case hasEnd == (count >= 0):
		return s, fmt.Errorf("it wants either end or count, in %s", brief(term))
	case count == 0:
		s.stride = 0
		return s, nil
	case count > 0:
		s.end = s.start + count*s.stride - 1
		if s.stride < 0 {
			s.end = s.start + (count-1)*s.stride
		}
	}
	switch {
	case s.stride > 0 && s.end < s.start:
		return s, fmt.Errorf("counting down needs a negative stride, in %s", brief(term))
	case s.stride < 0 && s.end > s.start:
		return s, fmt.Errorf("counting up needs a positive stride, in %s", brief(term))
	case strings.Count(s.format, "%") != 1:
		return s, fmt.Errorf("the format %s needs one %%", brief(s.format))
	}
	return s, nil
}

// keyValues splits `a=1 b="x y"` into pairs; a word without = has an empty
// key.
func keyValues(s string) ([][2]string, error) {
	var out [][2]string
	for _, word := range splitQuoted(s) {
		k, v, ok := strings.Cut(word, "=")
		if !ok {
			return nil, fmt.Errorf("%s is not key=value, in %s", brief(word), brief(s))
		}
		if n := len(v); n > 1 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
			v = v[1 : n-1]
		}
		out = append(out, [2]string{k, v})
	}
	return out, nil
}

// splitQuoted splits at blanks outside of quotes, which stay.
func splitQuoted(s string) []string {
	var out []string
	quote := byte(0)
	word := ""
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
			word += s[i : i+1]
		case c == '"' || c == '\'':
			quote = c
			word += s[i : i+1]
		case c == ' ' || c == '\t' || c == '\n':
			if word != "" {
				out = append(out, word)
			}
			word = ""
		default:
			word += s[i : i+1]
		}
	}
	if word != "" {
		out = append(out, word)
	}
	return out
}
