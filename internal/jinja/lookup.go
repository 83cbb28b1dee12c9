package jinja

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// runnerLookups need to know more than templates do: an Env.Lookup answers
// them.
var runnerLookups = []string{"inventory_hostnames", "config"}

// lookupTable are the built-in lookups. Each gives a list.
func lookupTable() map[string]*function {
	same := function{sig: "*", fn: func(c *call) (any, error) { return c.rest, nil }}
	file := function{sig: "* lstrip rstrip", fn: lookupFile}
	return table(map[string]function{
		"env":         {sig: "* default", fn: lookupEnv, undef: true},
		"file":        file,
		"unvault":     file,
		"template":    {sig: "* convert_data template_vars variable_start_string variable_end_string comment_start_string comment_end_string jinja2_native trim_blocks lstrip_blocks", fn: lookupTemplate},
		"pipe":        {sig: "*", fn: lookupPipe},
		"lines":       {sig: "*", fn: lookupLines},
		"vars":        {sig: "* default", fn: lookupVars},
		"varnames":    {sig: "*", fn: lookupVarnames},
		"password":    {sig: "* length chars encrypt ident seed", fn: lookupPassword},
		"fileglob":    {sig: "*", fn: lookupFileglob},
		"first_found": {sig: "* files paths skip", fn: lookupFirstFound},
		"url":         {sig: "* split_lines validate_certs username password headers timeout use_proxy follow_redirects force http_agent ca_path force_basic_auth", fn: lookupURL},
		"items":       {sig: "*", fn: func(c *call) (any, error) { return c.flattenOnce(c.rest) }},
		"flattened": {sig: "*", fn: func(c *call) (any, error) {
			out := c.newList(0)
			err := c.flatten(&out, c.rest, -1, true, 0)
			return out, err
		}},
		"list":          same,
		"dict":          {sig: "*", fn: lookupDict},
		"sequence":      {sig: "*", fn: lookupSequence},
		"nested":        {sig: "*", fn: lookupNested},
		"cartesian":     {sig: "*", fn: lookupNested},
		"together":      {sig: "*", fn: lookupTogether},
		"indexed_items": {sig: "*", fn: lookupIndexed},
		"subelements":   {sig: "*", fn: lookupSubelements},
		"random_choice": {sig: "*", fn: lookupRandomChoice},
	})
}

// lookup is lookup(name, terms…), query(…) and q(…).
func (c *call) lookup(asList bool) (any, error) {
	name, ok := c.args[0].(string)
	if !ok {
		c.bad(0, "the name of a lookup")
		return nil, nil
	}
	lenient := false
	var kw []kwarg
	for _, k := range c.kw {
		switch k.name {
		case "wantlist":
			on, err := c.st.truth(k.value)
			if err != nil {
				return nil, err
			}
			asList = asList || on
		case "errors":
			mode, _ := k.value.(string)
			if !oneOf(mode, []string{"strict", "warn", "ignore"}) {
				return nil, &hinted{fmt.Sprintf("errors of a lookup can't be %s", brief(k.value)), "it is strict, warn or ignore"}
			}
			lenient = mode != "strict"
		case "allow_unsafe": // nothing that a lookup gives is evaluated again
		default:
			kw = append(kw, k)
		}
	}
	found, err := c.st.runLookup(name, c.at, c.rest, kw)
	if err != nil {
		if lenient && c.st.ctx.Err() == nil && !isLimit(err) {
			if asList {
				return []any{}, nil
			}
			return nil, nil
		}
		return nil, err
	}
	if asList || len(found) == 0 {
		return found, nil
	}
	parts := make([]string, len(found))
	for i, f := range found {
		s, ok := f.(string)
		if !ok {
			if len(found) == 1 {
				return found[0], nil
			}
			return found, nil
		}
		parts[i] = s
	}
	return c.join(parts, ",")
}

func isLimit(err error) bool {
	var l *limitError
	return errors.As(err, &l)
}

// runLookup asks the Env, then the built-in lookups.
func (st *state) runLookup(name string, at place, terms []any, kw []kwarg) ([]any, error) {
	st.built = true
	plain := unqualified(name)
	if st.env.NoLookups {
		return nil, &hinted{"no lookups here: this text came out of a variable", "use the lookup where the variable is defined"}
	}
	if st.env.Lookup != nil {
		named := &value.Dict{}
		for _, k := range kw {
			named.Set(k.name, k.value)
		}
		v, handled, err := st.env.Lookup(st.ctx, plain, terms, named)
		if err != nil {
			return nil, fmt.Errorf("lookup %s: %w", name, err)
		}
		if handled {
			if l, ok := v.([]any); ok {
				return l, nil
			}
			return []any{v}, nil
		}
	}
	f := lib().lookups[plain]
	if f == nil {
		h := &hinted{fmt.Sprintf("there is no lookup named %s", name), didYouMean(plain, names(lib().lookups))}
		if why := leftOut[plain]; why != "" {
			h.hint = why
		}
		return nil, h
	}
	inner, err := st.bindValues(f, at, &arguments{pos: terms, kw: kw})
	if err != nil {
		return nil, err
	}
	v, err := inner.apply(nil)
	if err != nil {
		return nil, lookupError(name, err)
	}
	l, _ := v.([]any)
	return l, nil
}

// lookupError names the lookup in front of an error of its own.
func lookupError(name string, err error) error {
	var located *source.Error
	if errors.As(err, &located) {
		return err
	}
	if h, ok := err.(*hinted); ok {
		return &hinted{"lookup " + name + ": " + h.msg, h.hint}
	}
	return fmt.Errorf("lookup %s: %w", name, err)
}

// RunLookup is a lookup by itself, as a task's with_items or with_fileglob
// uses it: its terms, and what it finds.
func RunLookup(ctx context.Context, env *Env, name string, at source.Pos, terms []any, kwargs *value.Dict) ([]any, error) {
	st := newState(ctx, env)
	var kw []kwarg
	for k, v := range kwargs.All() {
		kw = append(kw, kwarg{value.Str(k), v})
	}
	where := (&text{at: at}).place(0)
	found, err := st.runLookup(name, where, terms, kw)
	if err != nil {
		return nil, where.wrap(err)
	}
	v, err := st.export(found)
	if err != nil {
		return nil, where.wrap(err)
	}
	l, _ := v.([]any)
	return l, nil
}

// words are the terms of a lookup that takes only text.
func (c *call) words() []string {
	var out []string
	for _, t := range c.rest {
		s, ok := t.(string)
		if !ok {
			h := &hinted{msg: fmt.Sprintf("it wants text, not %s %s", article(t), brief(t))}
			if _, isList := sequence(t); isList {
				h.hint = "hand over the items of a list with *"
			}
			c.fail(h)
			return nil
		}
		out = append(out, s)
	}
	return out
}

// collect makes a list of what f gives for each word.
func (c *call) collect(f func(word string) (any, error)) (any, error) {
	words := c.words()
	if c.err != nil {
		return nil, nil
	}
	out := c.newList(len(words))
	for _, w := range words {
		v, err := f(w)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func lookupEnv(c *call) (any, error) {
	return c.collect(func(word string) (any, error) {
		if v, ok := os.LookupEnv(word); ok {
			return v, nil
		}
		v := c.arg(0, "")
		if u, ok := v.(*undefined); ok {
			return nil, u.err()
		}
		return v, nil
	})
}

func lookupVars(c *call) (any, error) {
	return c.collect(func(word string) (any, error) {
		v, ok := c.st.frame.get(word)
		if !ok {
			var err error
			if v, ok, err = c.st.outer(word); err != nil {
				return nil, err
			}
		}
		if u, undef := v.(*undefined); undef || !ok {
			switch {
			case c.given(0):
				return c.args[0], nil
			case undef:
				return nil, u.err()
			}
			e := c.at.errorf("there is no variable named %s", word)
			e.Err = &UndefinedError{word, e.Msg}
			e.Hint = source.DidYouMean(word, c.st.knownNames())
			return nil, e
		}
		return v, nil
	})
}

func lookupVarnames(c *call) (any, error) {
	var out []any
	words := c.words()
	if c.err != nil || c.st.env.Vars == nil {
		return out, nil
	}
	for _, w := range words {
		for _, n := range c.st.env.Vars.Names() {
			re, err := (&pattern{src: w}).compile(regexFlags{}, n)
			if err != nil {
				return nil, err
			}
			if re.search(n) != nil {
				out = append(out, n)
			}
		}
	}
	return out, nil
}
