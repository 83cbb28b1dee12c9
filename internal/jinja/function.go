package jinja

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
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

// A bound is the use of a function in a template, its arguments sorted to
// the parameters when the template is compiled.
type bound struct {
	fn    *function
	at    place
	args  []expr // nil: not given
	rest  []expr
	kw    []namedExpr
	all   *argExprs // instead, when there are *args or **kwargs
	inner *bound

	pattern *pattern
}

type namedExpr struct {
	name string
	expr expr
}

// argExprs are the arguments of a call as written.
type argExprs struct {
	pos        []expr
	kw         []namedExpr
	star, dict expr // *star, **dict
}

// bind sorts arguments to a function's parameters.
func bind(f *function, at place, a *argExprs) (*bound, error) {
	b := &bound{fn: f, at: at}
	if a.star != nil || a.dict != nil {
		b.all = a
		return b, nil
	}
	kwNames := make([]string, len(a.kw))
	kwExprs := make([]expr, len(a.kw))
	for i, k := range a.kw {
		kwNames[i], kwExprs[i] = k.name, k.expr
	}
	params, rest, left, err := slots(f, nil, a.pos, kwNames, kwExprs)
	if err != nil {
		return nil, at.wrap(err)
	}
	b.args, b.rest = params, rest
	for _, k := range left {
		b.kw = append(b.kw, a.kw[k])
	}
	return b, b.compilePattern()
}

// compilePattern compiles a regular expression that is a constant.
func (b *bound) compilePattern() error {
	if b.fn.pattern == 0 {
		return nil
	}
	lit, ok := b.args[b.fn.pattern-1].(*literal)
	if !ok {
		return nil
	}
	src, ok := lit.value.(string)
	if !ok {
		return nil
	}
	b.pattern = &pattern{src: src}
	_, err := b.pattern.compile(regexFlags{}, "")
	return lit.at.wrap(err)
}

// prepare evaluates the arguments. The call can then be applied to any number
// of values.
func (b *bound) prepare(st *state) (*call, error) {
	if b.all != nil {
		a, err := b.all.eval(st)
		if err != nil {
			return nil, err
		}
		c, err := st.bindValues(b.fn, b.at, a)
		if err != nil {
			return nil, b.at.wrap(err)
		}
		return c, nil
	}
	c := &call{st: st, at: b.at, fn: b.fn, pattern: b.pattern}
	if len(b.args) > 0 {
		c.args = make([]any, len(b.args))
	}
	get := func(e expr) (any, error) {
		v, err := e.eval(st)
		if err != nil {
			return nil, err
		}
		if !b.fn.undef {
			if v, err = use(v); err != nil {
				return nil, e.pos().wrap(err)
			}
		}
		return v, nil
	}
	var err error
	for i, e := range b.args {
		if e == nil {
			c.args[i] = absentValue{}
		} else if c.args[i], err = get(e); err != nil {
			return nil, err
		}
	}
	for _, e := range b.rest {
		v, err := get(e)
		if err != nil {
			return nil, err
		}
		c.rest = append(c.rest, v)
	}
	for _, k := range b.kw {
		v, err := get(k.expr)
		if err != nil {
			return nil, err
		}
		c.kw = append(c.kw, kwarg{k.name, v})
	}
	if b.inner != nil {
		c.inner, err = b.inner.prepare(st)
	}
	return c, err
}

// bindValues makes a call of a function with arguments that are known only
// now.
func (st *state) bindValues(f *function, at place, a *arguments) (*call, error) {
	kwNames := make([]string, len(a.kw))
	kwValues := make([]any, len(a.kw))
	for i, k := range a.kw {
		kwNames[i], kwValues[i] = k.name, k.value
	}
	params, rest, left, err := slots(f, any(absentValue{}), a.pos, kwNames, kwValues)
	if err != nil {
		return nil, err
	}
	c := &call{st: st, at: at, fn: f, args: params, rest: rest}
	for _, k := range left {
		c.kw = append(c.kw, a.kw[k])
	}
	if !f.undef {
		for _, list := range [][]any{c.args, c.rest} {
			for i := range list {
				if list[i], err = use(list[i]); err != nil {
					return nil, err
				}
			}
		}
		for i := range c.kw {
			if c.kw[i].value, err = use(c.kw[i].value); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// call makes a function a value that can be called: a global one.
func (f *function) call(st *state, at place, a *arguments) (any, error) {
	c, err := st.bindValues(f, at, a)
	if err != nil {
		return nil, err
	}
	return c.apply(nil)
}

// eval evaluates the arguments of a call.
func (a *argExprs) eval(st *state) (*arguments, error) {
	out := &arguments{}
	for _, e := range a.pos {
		v, err := e.eval(st)
		if err != nil {
			return nil, err
		}
		out.pos = append(out.pos, v)
	}
	if a.star != nil {
		v, err := a.star.eval(st)
		if err != nil {
			return nil, err
		}
		items, err := st.iterate(v)
		if err != nil {
			return nil, a.star.pos().wrap(err)
		}
		out.pos = append(out.pos, items...)
	}
	for _, k := range a.kw {
		v, err := k.expr.eval(st)
		if err != nil {
			return nil, err
		}
		out.kw = append(out.kw, kwarg{k.name, v})
	}
	if a.dict != nil {
		v, err := a.dict.eval(st)
		if err != nil {
			return nil, err
		}
		d, ok, err := st.mapping(v)
		if err == nil && !ok {
			err = fmt.Errorf("** needs a dictionary, not %s %s", article(v), brief(v))
		}
		if err != nil {
			return nil, a.dict.pos().wrap(err)
		}
		for k, e := range d.All() {
			out.kw = append(out.kw, kwarg{value.Str(k), e})
		}
	}
	return out, nil
}

// filterExpr is of | filter(…).
type filterExpr struct {
	node
	of     expr
	filter *bound
}

func (n *filterExpr) eval(st *state) (any, error) {
	in, err := n.of.eval(st)
	if err != nil {
		return nil, err
	}
	c, err := n.filter.prepare(st)
	if err != nil {
		return nil, err
	}
	return n.done(c.apply(in))
}

// testExpr is of is test(…).
type testExpr struct {
	node
	of   expr
	test *bound
	not  bool
}

func (n *testExpr) eval(st *state) (any, error) {
	in, err := n.of.eval(st)
	if err != nil {
		return nil, err
	}
	c, err := n.test.prepare(st)
	if err != nil {
		return nil, err
	}
	ok, err := c.test(in)
	if err != nil {
		return n.done(nil, err)
	}
	return ok != n.not, nil
}

// test applies a test and takes its result as a boolean.
func (c *call) test(in any) (bool, error) {
	v, err := c.apply(in)
	if err != nil {
		return false, err
	}
	return c.st.truth(v)
}
