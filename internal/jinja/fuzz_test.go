package jinja

import (
	"context"
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// small limits keep the fuzzer fast; that the default ones hold is
// TestBounded's part.
var small = Limits{Steps: 20_000, Memory: 4 << 20, Output: 1 << 16, Depth: 20, Command: time.Millisecond}

// noLookups keeps the fuzzer's inventions from the shell, the network and the
// files of this machine.
func noLookups(context.Context, string, []any, *value.Dict) (any, bool, error) {
	return nil, true, errors.New("no lookups here")
}

// FuzzTemplate: no text makes the engine panic, hang or return an error
// without a place.
func FuzzTemplate(f *testing.F) {
	vars := decode(f, []byte(`{"n": 3, "s": "text", "lst": ["a", 1, null], "d": {"a": {"b": [1, 2]}}, "fl": 1.5, "t": true}`)).(*value.Dict)
	env := &Env{
		Vars: dictVars{vars}, Limits: small, Lookup: noLookups,
		ReadFile: func(string) ([]byte, error) { return nil, errors.New("no files here") },
		Dirs:     []string{"/nonexistent"},
	}
	for _, s := range inputs(f, "exprs.txt", false) {
		f.Add("{{ " + s + " }}")
	}
	for _, s := range inputs(f, "templates.txt", true) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		at := source.Pos{File: "x", Line: 1, Col: 1}
		checkError := func(err error) {
			var e *source.Error
			if !errors.As(err, &e) || e.Pos.Line < 1 || e.Pos.Col < 1 {
				t.Errorf("no place in %T: %v", err, err)
			}
			e.Detail()
		}
		for _, compile := range []func() (*Template, error){
			func() (*Template, error) { return Compile(src, at) },
			func() (*Template, error) { return CompileExpr(src, at) },
			func() (*Template, error) { return CompileText(src, at, TextOptions{LstripBlocks: true}) },
		} {
			tmpl, err := compile()
			if err != nil {
				checkError(err)
				continue
			}
			for _, r := range tmpl.Refs() {
				if r.Name == "" || r.Pos.Line < 1 {
					t.Errorf("a reference without name or place: %+v", r)
				}
			}
			v, err := tmpl.Eval(context.Background(), env)
			if err != nil {
				checkError(err)
				continue
			}
			checkExported(t, v, 0)
			if s, err := tmpl.Text(context.Background(), env); err != nil {
				checkError(err)
			} else if utf8.ValidString(src) && !utf8.ValidString(s) {
				t.Errorf("gives text that is not UTF-8: %q", s)
			}
		}
	})
}

// checkExported: only the value model's own types leave an Eval.
func checkExported(t *testing.T, v any, depth int) {
	switch v := v.(type) {
	case nil, bool, int, float64, string:
	case []any:
		for _, e := range v {
			checkExported(t, e, depth+1)
		}
	case *value.Dict:
		for k, e := range v.All() {
			if _, err := hashable(k); err != nil {
				t.Errorf("the key %v leaves the template", k)
			}
			checkExported(t, e, depth+1)
		}
	default:
		t.Errorf("a %T leaves the template", v)
	}
}

// FuzzRegex: every pattern works or is refused, and matches lie within the
// text.
func FuzzRegex(f *testing.F) {
	for _, s := range []string{"a$", "(a$|b)", "x*", "(?i)a{,3}[^]\\d]", "(?P<n>.)\\Z", "[[a]", "\\u00e4", "(a|b)*$"} {
		f.Add(s, "aab\n", "<\\1>")
	}
	f.Fuzz(func(t *testing.T, src, subject, replacement string) {
		if len(subject) > 1000 {
			return
		}
		re, err := (&pattern{src: src}).compile(regexFlags{}, subject)
		if err != nil {
			return
		}
		found, err := re.all(newState(context.Background(), nil), subject)
		if err != nil {
			return
		}
		last := 0
		for _, m := range found {
			if m.loc[0] < last || m.loc[1] < m.loc[0] || m.loc[1] > len(subject) {
				t.Fatalf("match at %v behind %d", m.loc, last)
			}
			last = m.loc[1]
			for i := range re.groups {
				m.group(i)
			}
		}
		parseReplacement(replacement, re)
	})
}
