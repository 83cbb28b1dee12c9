package jinja

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// plainFilters look at a value as such: defaults, choices, conversions.
func plainFilters() map[string]function {
	def := function{sig: "default_value boolean", undef: true, fn: filterDefault}
	length := function{fn: filterLength}
	version := function{sig: versionSig, fn: testVersion} // what tests were in Ansible's old days
	return map[string]function{
		"default": def, "d": def,
		"length": length, "count": length,
		"version": version, "version_compare": version,
		"mandatory": {sig: "msg", undef: true, fn: filterMandatory},
		"ternary": {sig: "true_val! false_val! none_val", fn: func(c *call) (any, error) {
			if c.in == nil && c.given(2) {
				return c.args[2], nil
			}
			ok, err := c.st.truth(c.in)
			if ok {
				return c.args[0], err
			}
			return c.args[1], err
		}},
		"bool":   {fn: filterBool},
		"string": {fn: func(c *call) (any, error) { return c.input(), nil }},
		"int":    {sig: "default base", fn: filterInt},
		"float":  {sig: "default", fn: filterFloat},
		"list": {fn: func(c *call) (any, error) {
			if l, ok := c.in.([]any); ok {
				return l, nil
			}
			return c.list(), nil
		}},
		"attr": {sig: "name!", fn: func(c *call) (any, error) {
			return c.st.attribute(c.in, c.word(0, ""), c.at, nil)
		}},
		"type_debug": {undef: true, fn: func(c *call) (any, error) { return typeName(c.in), nil }},
		"pprint": {sig: "verbose", fn: func(c *call) (any, error) {
			v, err := c.st.plain(c.in)
			return value.Repr(v), err
		}},
	}
}

func filterDefault(c *call) (any, error) {
	if _, ok := c.in.(*undefined); ok {
		return c.arg(0, ""), nil
	}
	if c.bool(1, false) {
		if ok, err := c.st.truth(c.in); err != nil || !ok {
			return c.arg(0, ""), err
		}
	}
	return c.in, nil
}

func filterMandatory(c *call) (any, error) {
	u, ok := c.in.(*undefined)
	if !ok {
		return c.in, nil
	}
	// Not an UndefinedError: a `default` around it must not hide it.
	if c.given(0) {
		return nil, fmt.Errorf("%s", c.text(0, ""))
	}
	msg := u.err().Error()
	var e *source.Error
	if errors.As(u.err(), &e) {
		if msg = e.Msg; u.cause != nil {
			msg += " (at " + e.Pos.String() + ")"
		}
		return nil, &hinted{"mandatory: " + msg, e.Hint}
	}
	return nil, fmt.Errorf("mandatory: %s", msg)
}

func filterLength(c *call) (any, error) {
	switch v := c.in.(type) {
	case string:
		return len([]rune(v)), nil
	case *value.Dict:
		return v.Len(), nil
	}
	return len(c.list()), nil
}

func filterBool(c *call) (any, error) {
	switch v := c.in.(type) {
	case nil, bool:
		return v, nil
	case string:
		switch strings.ToLower(v) {
		case "yes", "on", "1", "true":
			return true, nil
		}
		return false, nil
	case int:
		return v == 1, nil
	case float64:
		return v == 1, nil
	}
	return false, nil
}

func filterInt(c *call) (any, error) {
	def := c.arg(0, 0)
	switch v := c.in.(type) {
	case int:
		return v, nil
	case bool:
		n, _ := wholeNumber(v)
		return n, nil
	case float64:
		return truncate(v, def)
	case string:
		base := c.int(1, 10)
		if n, ok, err := pythonInt(v, base); ok || err != nil {
			return n, err
		}
		if f, ok := pythonFloat(v); ok {
			return truncate(f, def)
		}
	}
	return def, nil
}

func truncate(f float64, def any) (any, error) {
	if f != f || math.IsInf(f, 0) {
		return def, nil
	}
	if math.Abs(f) >= 1<<63 {
		return nil, errOverflow
	}
	return int(f), nil
}

func filterFloat(c *call) (any, error) {
	switch v := c.in.(type) {
	case int, bool, float64:
		f, _ := number(v)
		return f, nil
	case string:
		if f, ok := pythonFloat(v); ok {
			return f, nil
		}
	}
	return c.arg(0, 0.0), nil
}
