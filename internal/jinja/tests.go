package jinja

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/etcdplay/etcdplay/internal/value"
)

// testTable are the names that can follow `is`.
func testTable() map[string]*function {
	all := map[string]function{}
	for _, part := range []map[string]function{typeTests(), compareTests(), resultTests(), textTests(), fileTests()} {
		for name, f := range part {
			all[name] = f
		}
	}
	return table(all)
}

// typeTests ask what a value is. Like in Jinja2, an undefined value is of no
// type and so simply not it.
func typeTests() map[string]function {
	is := func(f func(v any) bool) function {
		return function{undef: true, fn: func(c *call) (any, error) { return f(c.in), nil }}
	}
	defined := func(v any) bool { _, u := v.(*undefined); return !u }
	return map[string]function{
		"defined":   is(defined),
		"undefined": is(func(v any) bool { return !defined(v) }),
		"none":      is(func(v any) bool { return v == nil }),
		"boolean":   is(func(v any) bool { _, ok := v.(bool); return ok }),
		"true":      is(func(v any) bool { return v == true }),
		"false":     is(func(v any) bool { return v == false }),
		"integer":   is(func(v any) bool { _, ok := v.(int); return ok }),
		"float":     is(func(v any) bool { _, ok := v.(float64); return ok }),
		"number":    is(func(v any) bool { _, ok := number(v); return ok }),
		"string":    is(func(v any) bool { _, ok := v.(string); return ok }),
		"mapping":   is(isMapping),
		"sequence":  is(func(v any) bool { return isContainer(v) }),
		"iterable": {undef: true, fn: func(c *call) (any, error) {
			if u, ok := c.in.(*undefined); ok && !u.lenient {
				return nil, u.err()
			}
			return isContainer(c.in), nil
		}},
		"callable":        is(func(v any) bool { _, ok := v.(callable); return ok }),
		"escaped":         is(func(any) bool { return false }),
		"vault_encrypted": is(func(any) bool { return false }), // they are decrypted when they are read
		"sameas": {sig: "other!", undef: true, fn: func(c *call) (any, error) {
			a, b := c.in, c.args[0]
			if typeName(a) != typeName(b) {
				return false, nil
			}
			switch x := a.(type) {
			case *value.Dict:
				return x == b, nil
			case []any:
				y := b.([]any)
				return len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0]), nil
			}
			return c.st.equal(a, b)
		}},
		"truthy": {sig: "convert_bool", fn: func(c *call) (any, error) { return c.truthy() }},
		"falsy": {sig: "convert_bool", fn: func(c *call) (any, error) {
			ok, err := c.truthy()
			return !ok, err
		}},
		"filter": {fn: func(c *call) (any, error) { return lib().filters[unqualified(c.input())] != nil, nil }},
		"test":   {fn: func(c *call) (any, error) { return lib().tests[unqualified(c.input())] != nil, nil }},
	}
}

func isMapping(v any) bool {
	switch v.(type) {
	case *value.Dict, Mapping, *namespace:
		return true
	}
	return false
}

func isContainer(v any) bool {
	switch v := v.(type) {
	case string, []any, tuple:
		return true
	case *undefined:
		return v.lenient
	}
	return isMapping(v)
}

func (c *call) truthy() (bool, error) {
	if s, ok := c.in.(string); ok && c.bool(0, false) {
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "y", "yes", "on", "1", "true", "t":
			return true, nil
		case "n", "no", "off", "0", "false", "f":
			return false, nil
		}
	}
	return c.st.truth(c.in)
}

// compareTests compare with an argument.
func compareTests() map[string]function {
	m := map[string]function{}
	for op, aliases := range map[string][]string{
		"==": {"==", "eq", "equalto"}, "!=": {"!=", "ne"}, ">": {">", "gt", "greaterthan"}, ">=": {">=", "ge"},
		"<": {"<", "lt", "lessthan"}, "<=": {"<=", "le"}, "in": {"in"},
	} {
		for _, name := range aliases {
			m[name] = function{sig: "other!", fn: func(c *call) (any, error) { return c.st.compare(op, c.in, c.args[0]) }}
		}
	}
	remainder := func(c *call, by int) (any, error) { return c.st.binary("%", c.in, by) }
	m["odd"] = function{fn: func(c *call) (any, error) { r, err := remainder(c, 2); return err == nil && value.Equal(r, 1), err }}
	m["even"] = function{fn: func(c *call) (any, error) { r, err := remainder(c, 2); return err == nil && value.Equal(r, 0), err }}
	m["divisibleby"] = function{sig: "num!", fn: func(c *call) (any, error) {
		r, err := c.st.binary("%", c.in, c.args[0])
		return err == nil && value.Equal(r, 0), err
	}}
	m["contains"] = function{sig: "value!", fn: func(c *call) (any, error) { return c.st.contains(c.in, c.args[0]) }}
	within := func(swap bool) function {
		return function{sig: "other!", fn: func(c *call) (any, error) {
			small, large := c.list(), c.items(0)
			if swap {
				small, large = large, small
			}
			if c.err != nil {
				return nil, nil
			}
			all := newSet(c.st)
			if err := all.addAll(large); err != nil {
				return nil, err
			}
			for _, e := range small {
				if ok, err := all.has(e); err != nil || !ok {
					return false, err
				}
			}
			return true, nil
		}}
	}
	m["subset"], m["issubset"] = within(false), within(false)
	m["superset"], m["issuperset"] = within(true), within(true)
	m["any"] = function{fn: func(c *call) (any, error) { return c.anyIs(true) }}
	m["all"] = function{fn: func(c *call) (any, error) {
		some, err := c.anyIs(false)
		return !some, err
	}}
	nan := function{fn: func(c *call) (any, error) {
		f, ok := number(c.in)
		if !ok {
			return nil, c.wants("numbers")
		}
		return f != f, nil
	}}
	m["nan"], m["isnan"] = nan, nan
	version := function{sig: versionSig, fn: testVersion}
	m["version"], m["version_compare"] = version, version
	return m
}

// anyIs reports whether the truth of some item is want.
func (c *call) anyIs(want bool) (bool, error) {
	for _, e := range c.list() {
		if ok, err := c.st.truth(e); err != nil || ok == want {
			return err == nil, err
		}
	}
	return false, nil
}

// textTests look at text.
func textTests() map[string]function {
	search := func(anchored bool) function {
		return function{sig: "pattern! ignorecase multiline", pattern: 1, fn: func(c *call) (any, error) {
			return c.matches(regexFlags{c.bool(1, false), c.bool(2, false)}, anchored)
		}}
	}
	m := map[string]function{
		"search": search(false),
		"match":  search(true),
		"regex": {sig: "pattern! ignorecase multiline match_type", pattern: 1, fn: func(c *call) (any, error) {
			kind := c.word(3, "search")
			if kind != "search" && kind != "match" && kind != "fullmatch" {
				return nil, &hinted{fmt.Sprintf("there is no match_type %s", brief(kind)), "there are: search, match, fullmatch"}
			}
			f := regexFlags{c.bool(1, false), c.bool(2, false)}
			if kind == "fullmatch" {
				s := c.input()
				if c.err != nil {
					return nil, nil
				}
				re, err := (&pattern{src: `(?:` + c.text(0, "") + `)\Z`}).compile(f, s)
				if err != nil {
					return nil, err
				}
				m, err := re.first(c.st, s)
				return m != nil && m.loc[0] == 0, err
			}
			return c.matches(f, kind == "match")
		}},
		"lower": {fn: func(c *call) (any, error) {
			s := c.input()
			return s == strings.ToLower(s) && strings.IndexFunc(s, unicode.IsLower) >= 0, nil
		}},
		"upper": {fn: func(c *call) (any, error) {
			s := c.input()
			return s == strings.ToUpper(s) && strings.IndexFunc(s, unicode.IsUpper) >= 0, nil
		}},
		"uri": {sig: "schemes", fn: func(c *call) (any, error) { return c.isURI(nil) }},
		"url": {sig: "schemes", fn: func(c *call) (any, error) {
			return c.isURI([]string{"ftp", "ftps", "http", "https", "smb", "sftp", "scp"})
		}},
		"urn": {fn: func(c *call) (any, error) {
			s := c.input()
			return strings.HasPrefix(strings.ToLower(s), "urn:") && strings.Count(s, ":") >= 2, nil
		}},
	}
	for name, f := range networkTests() {
		m[name] = f
	}
	return m
}

// matches searches the tested value; anchored: only at its beginning.
func (c *call) matches(f regexFlags, anchored bool) (any, error) {
	s := c.input()
	re := c.regex(0, f, s)
	if c.err != nil {
		return nil, nil
	}
	m, err := re.first(c.st, s)
	if m == nil || !anchored || m.loc[0] == 0 {
		return m != nil, err
	}
	// The leftmost match is not at the beginning, so there is none there.
	return false, nil
}

func (c *call) isURI(schemes []string) (any, error) {
	s := c.input()
	if c.given(0) {
		schemes = nil
		for _, e := range c.items(0) {
			schemes = append(schemes, value.Str(e))
		}
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) || rest == "" {
		return false, nil
	}
	if schemes == nil {
		return true, nil
	}
	host := strings.HasPrefix(rest, "//") && len(rest) > 2 && rest[2] != '/'
	return oneOf(scheme, schemes) && host, nil
}
