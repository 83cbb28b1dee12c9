package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A call is one use of a function under way. Its accessors note the first
// mistake in the arguments; the call then fails with it.
type call struct {
	st    *state
	at    place
	fn    *function
	in    any // the filtered or tested value
	args  []any
	rest  []any
	kw    []kwarg
	inner *call // of map, select and their like
	// pattern is the compiled regular expression of a function that has one,
	// if it is constant.
	pattern *pattern
	err     error
}

// apply runs the function on a value.
func (c *call) apply(in any) (any, error) {
	if err := c.st.step(); err != nil {
		return nil, err
	}
	if !c.fn.undef {
		var err error
		if in, err = use(in); err != nil {
			return nil, err
		}
	}
	c.in, c.err = in, nil
	v, err := c.fn.fn(c)
	if c.err != nil {
		err = c.err
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (c *call) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// has reports whether argument i was given.
func (c *call) has(i int) bool {
	_, absent := c.args[i].(absentValue)
	return !absent
}

// given is has, and the argument is not None.
func (c *call) given(i int) bool { return c.has(i) && c.args[i] != nil }

func (c *call) arg(i int, def any) any {
	if c.has(i) {
		return c.args[i]
	}
	return def
}

func (c *call) bad(i int, want string) {
	c.fail(fmt.Errorf("%s wants %s as its argument %s, not %s %s",
		c.fn.name, want, c.fn.params[i], article(c.args[i]), brief(c.args[i])))
}

// text is argument i as text.
func (c *call) text(i int, def string) string {
	if !c.has(i) {
		return def
	}
	s, err := c.st.str(c.args[i])
	c.fail2(err)
	return s
}

func (c *call) fail2(err error) {
	if err != nil {
		c.fail(err)
	}
}

// word is argument i, which must be a string.
func (c *call) word(i int, def string) string {
	if !c.has(i) {
		return def
	}
	s, ok := c.args[i].(string)
	if !ok {
		c.bad(i, "a string")
	}
	return s
}

// int is argument i, a whole number or text that is one.
func (c *call) int(i, def int) int {
	if !c.has(i) {
		return def
	}
	switch v := c.args[i].(type) {
	case int:
		return v
	case bool:
		n, _ := wholeNumber(v)
		return n
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
	case string:
		if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
			return n
		}
	}
	c.bad(i, "a whole number")
	return def
}

func (c *call) float(i int, def float64) float64 {
	if !c.has(i) {
		return def
	}
	if f, ok := number(c.args[i]); ok {
		return f
	}
	if s, ok := c.args[i].(string); ok {
		if f, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			return f
		}
	}
	c.bad(i, "a number")
	return def
}

func (c *call) bool(i int, def bool) bool {
	if !c.has(i) {
		return def
	}
	b, err := c.st.truth(c.args[i])
	c.fail2(err)
	return b
}

// items are those of argument i, which must be something to loop over.
func (c *call) items(i int) []any {
	l, err := c.st.iterate(c.args[i])
	c.fail2(err)
	return l
}

// input is the filtered value as text.
func (c *call) input() string {
	s, err := c.st.str(c.in)
	c.fail2(err)
	return s
}

// textInput is the filtered value, which must be text: whoever filters a list
// or a dictionary as text has forgotten how it is to be written.
func (c *call) textInput() string {
	s, ok := c.in.(string)
	if !ok {
		c.fail(&hinted{c.wants("text").Error(), "turn it into text first: | string, | to_json or | to_nice_yaml"})
	}
	return s
}

// list is what a loop over the filtered value sees; it must not be changed.
func (c *call) list() []any {
	l, err := c.st.iterate(c.in)
	c.fail2(err)
	return l
}

// dict is the filtered value, which must be a dictionary.
func (c *call) dict() *value.Dict {
	d, ok, err := c.st.mapping(c.in)
	c.fail2(err)
	if !ok {
		c.fail(c.wants("a dictionary"))
	}
	return d
}

// wants is the error of a filtered value of the wrong type.
func (c *call) wants(what string) error {
	return fmt.Errorf("%s works on %s, not on %s %s", c.fn.name, what, article(c.in), brief(c.in))
}

// newList makes room for the n elements of a result.
func (c *call) newList(n int) []any {
	l, err := c.st.list(n)
	c.fail2(err)
	return l
}

// str is a text result, accounted for.
func (c *call) str(s string) (any, error) { return s, c.st.charge(len(s)) }

// test applies a test and takes its result as a boolean.
func (c *call) test(in any) (bool, error) {
	v, err := c.apply(in)
	if err != nil {
		return false, err
	}
	return c.st.truth(v)
}
