package jinja

import (
	"fmt"
	"sort"
	"strings"
)

// A function is a filter, a test or a global function: what parameters it has
// and what it does.
type function struct {
	// sig are the parameters behind the filtered value: "a! b" are a required
	// and an optional one, "*" takes any further ones (parameters behind it can
	// only be given by name), "**" any named ones.
	sig string
	fn  func(c *call) (any, error)
	// undef: it copes with undefined values itself.
	undef bool
	// pattern is the number (from 1) of the parameter that is a regular
	// expression, which is compiled with the template if it is a constant.
	pattern int

	name     string
	params   []string
	required int
	ordered  int // parameters that can be given without their names
	variadic bool
	keywords bool
}

// table fills in what the functions' signatures say.
func table(functions map[string]function) map[string]*function {
	out := make(map[string]*function, len(functions))
	for name, f := range functions {
		f.name = name
		for _, p := range strings.Fields(f.sig) {
			switch {
			case p == "*":
				f.variadic = true
			case p == "**":
				f.keywords = true
			default:
				plain := strings.TrimSuffix(p, "!")
				f.params = append(f.params, plain)
				if plain != p {
					f.required = len(f.params)
				}
				if !f.variadic {
					f.ordered++
				}
			}
		}
		out[name] = &f
	}
	return out
}

func names[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}

// absentValue marks a parameter that no argument was given for.
type absentValue struct{}

// slots sorts arguments to parameters: the parameters' values, what a
// variadic function gets besides, and what is left of the named ones.
func slots[T any](f *function, absent T, pos []T, kwNames []string, kw []T) (params, rest []T, left []int, err error) {
	params = make([]T, len(f.params))
	set := make([]bool, len(f.params))
	for i := range params {
		params[i] = absent
	}
	for i, a := range pos {
		if i < f.ordered {
			params[i], set[i] = a, true
			continue
		}
		if !f.variadic {
			return nil, nil, nil, fmt.Errorf("%s takes %s, not %d", f.name, count(f.ordered, "argument"), len(pos))
		}
		rest = append(rest, a)
	}
next:
	for k, name := range kwNames {
		for i, p := range f.params {
			if p == name {
				if set[i] {
					return nil, nil, nil, fmt.Errorf("%s is given its argument %s twice", f.name, name)
				}
				params[i], set[i] = kw[k], true
				continue next
			}
		}
		if !f.keywords {
			h := &hinted{msg: fmt.Sprintf("%s has no argument %s", f.name, name), hint: didYouMean(name, f.params)}
			if h.hint == "" && len(f.params) > 0 {
				h.hint = "it has: " + strings.Join(f.params, ", ")
			}
			return nil, nil, nil, h
		}
		left = append(left, k)
	}
	for i := range f.required {
		if !set[i] {
			return nil, nil, nil, fmt.Errorf("%s needs its argument %s", f.name, f.params[i])
		}
	}
	return params, rest, left, nil
}

func count(n int, what string) string {
	switch n {
	case 0:
		return "no " + what
	case 1:
		return "one " + what
	}
	return fmt.Sprintf("at most %d %ss", n, what)
}
