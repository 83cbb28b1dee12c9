package jinja

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// TestBounded: whatever a template does, it ends soon, in little memory, and
// with an error that says what was too much.
func TestBounded(t *testing.T) {
	deep := strings.Repeat("[", 300) + strings.Repeat("]", 300)
	// A tenth of the defaults, to be done sooner.
	bounds := Limits{Steps: DefaultLimits.Steps / 10, Memory: DefaultLimits.Memory / 10, Output: DefaultLimits.Output / 10}
	double := "{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
	for _, tmpl := range []string{
		"{{ range(10**9) }}",
		"{{ range(10**9) | list | length }}",
		"{{ range(-9223372036854775807, 9223372036854775807) | first }}",
		"{{ 'a' * 10**9 }}",
		"{{ [1] * 10**9 }}",
		"{{ [1] * 10**9 * 10**9 }}",
		"{{ 10 ** 10 ** 10 }}",
		"{{ 9223372036854775807 + 1 }}",
		"{{ 9223372036854775807 * 2 }}",
		"{{ -9223372036854775807 - 2 }}",
		"{{ 2 ** 63 }}",
		"{{ 1e308 ** 2 }}",
		"{{ '%1000000000d' % 1 }}",
		"{{ '{:1000000000}'.format(1) }}",
		"{{ '%.1000000000f' % 1.0 }}",
		"{{ 'a'.center(10**10) }}",
		"{{ 'a' | center(10**10) }}",
		"{{ 'a'.ljust(10**10) }}",
		"{{ 'a'.zfill(10**10) }}",
		"{{ 'a' | indent(10**10, true) }}",
		"{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}",
		"{{ ('a' * 1000000) | replace('', 'b' * 1000000) }}",
		"{{ ('a' * 1000000) | regex_replace('a', 'b' * 1000000) }}",
		"{{ 'a'.expandtabs(10**10) ~ '\t'.expandtabs(10**10) }}",
		"{{ range(1000000) | list | permutations | list }}",
		"{{ range(30) | list | permutations | list | length }}",
		"{{ range(60) | list | combinations(30) | list | length }}",
		"{{ range(1000) | list | product(range(1000), range(1000)) | list }}",
		"{{ [0, 1] | product(repeat=100) | list }}",
		"{{ [1] | batch(10**10, 'x') | list }}",
		"{{ [1] | slice(10**10) | list }}",
		"{{ query('sequence', 'count=1000000000') | length }}",
		"{{ query('nested', range(10000), range(10000)) | length }}",
		"{{ 'x' | comment(prefix_count=10**10) }}",
		"{{ 'x' | comment(postfix_count=10**10) }}",
		"{{ 'x' | to_json(indent=10**10) }}",
		"{{ 'x' | password_hash('sha512', rounds=10**12) }}",
		"{{ lookup('password', '/dev/null length=1000000000') }}",
		"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
		"{% for a in range(100000) %}{{ 'x' * 1000 }}{% endfor %}",
		"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"{% macro m(x) %}{{ m(x + 1) }}{{ m(x + 1) }}{% endmacro %}{{ m(0) }}",
		"{% set ns = namespace(x='a') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
		"{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
		double + "{{ ns.x }}",
		double + "{{ ns.x | string | length }}",
		double + "{{ ns.x | to_json | length }}",
		double + "{{ ns.x | to_nice_yaml | length }}",
		double + "{{ ns.x | flatten | length }}",
		double + "{{ ns.x == ns.x + [] }}",
		double + "{{ ns.x < [ns.x[0], [1]] }}",
		double + "{{ [ns.x, [ns.x]] | unique | length }}",
		double + "{{ ns.x in [[ns.x[1], ns.x[0]]] }}",
		double + "{{ [ns.x, ns.x] | sort }}",
		"{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
		"{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x == [ns.x] }}",
		"{% set ns = namespace(x={}) %}{% for i in range(100000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}{{ ns.x | combine({'a': {'a': 1}}, recursive=true) | string }}",
		"{{ " + strings.Repeat("(", 100000) + "1" + strings.Repeat(")", 100000) + " }}",
		"{{ " + strings.Repeat("not ", 100000) + "1 }}",
		"{{ " + strings.Repeat("-", 100000) + "1 }}",
		"{{ 1" + strings.Repeat(" + 1", 100000) + " }}",
		"{{ n" + strings.Repeat(".a", 100000) + " }}",
		"{{ 1" + strings.Repeat(" if 1 else 1", 100000) + " }}",
		"{{ " + deep + " }}",
		strings.Repeat("{% if 1 %}", 100000) + strings.Repeat("{% endif %}", 100000),
	} {
		name := tmpl
		if len(name) > 60 {
			name = name[:60]
		}
		t.Run(name, func(t *testing.T) {
			c, err := Compile(tmpl, source.Pos{File: "x", Line: 1, Col: 1})
			var v any
			if err == nil {
				v, err = c.Eval(context.Background(), &Env{Limits: bounds})
			}
			if err == nil {
				t.Fatalf("gives %s", brief(v))
			}
			var e *source.Error
			if !errors.As(err, &e) || e.Pos.Line == 0 {
				t.Errorf("no place in: %v", err)
			}
			t.Log(err)
		})
	}
}

// TestCancelled: a template stops when its run does.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tmpl := range []string{
		"{% for a in range(1000) %}{{ a }}{% endfor %}",
		"{{ lookup('pipe', 'sleep 60') }}",
	} {
		c, err := Compile(tmpl, source.Pos{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Eval(ctx, &Env{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", tmpl, err)
		}
	}
}

// TestNothingIsChanged: no template changes a variable.
func TestNothingIsChanged(t *testing.T) {
	vars := decode(t, oracleVars(t)).(*value.Dict)
	before := value.JSON(vars, value.JSONStyle{})
	env := &Env{Vars: dictVars{vars}}
	for _, tmpl := range append(inputs(t, "exprs.txt", false), inputs(t, "templates.txt", true)...) {
		for _, compile := range []func(string, source.Pos) (*Template, error){CompileExpr, Compile} {
			if c, err := compile(tmpl, source.Pos{}); err == nil {
				c.Eval(context.Background(), env)
				c.Text(context.Background(), env)
			}
		}
		if after := value.JSON(vars, value.JSONStyle{}); after != before {
			t.Fatalf("%s changed a variable", tmpl)
		}
	}
	for _, tmpl := range []string{
		"{{ lst.append(1) }}", "{{ lst.extend([1]) }}", "{{ lst.insert(0, 1) }}", "{{ lst.pop() }}", "{{ lst.remove('a') }}",
		"{{ lst.clear() }}", "{{ lst.sort() }}", "{{ lst.reverse() }}",
		"{{ dct.update({'x': 1}) }}", "{{ dct.pop('a') }}", "{{ dct.popitem() }}", "{{ dct.setdefault('x', 1) }}", "{{ dct.clear() }}",
		"{% set _ = lst.append('x') %}", "{% do lst.append('x') %}", "{% set dct.x = 1 %}", "{% set dct['x'] = 1 %}",
	} {
		c, err := Compile(tmpl, source.Pos{})
		if err == nil {
			_, err = c.Eval(context.Background(), env)
		}
		if err == nil || !strings.Contains(err.Error(), "can't change") && !strings.Contains(err.Error(), "not supported") {
			t.Errorf("%s: %v", tmpl, err)
		}
		var e *source.Error
		if !errors.As(err, &e) || e.Hint == "" {
			t.Errorf("%s: no hint in: %v", tmpl, err)
		}
	}
}

// TestRegexBounded: a search that would take hours is given up.
func TestRegexBounded(t *testing.T) {
	env := &Env{Limits: Limits{Command: 100 * time.Millisecond}}
	for _, tmpl := range []string{
		"{{ ('x ' * 30000) | regex_findall('x(?s:.*)y|x') | length }}",
		"{{ ('a' * 100000) | regex_replace('(?:a(?s:.*)b)??|a', 'x') }}",
		"{{ 'a' | regex_search('((a{100}){100}){100}') }}",
		"{{ 'a' | regex_search('" + strings.Repeat("(", 500) + "a" + strings.Repeat(")", 500) + "') }}",
		"{{ ('a' * 500000) | regex_search('(a?){200}(a?){200}b$') }}",
	} {
		began := time.Now()
		_, err := eval(t, tmpl, env)
		if err == nil {
			t.Errorf("%.80s gives a value", tmpl)
		}
		t.Log(time.Since(began).Round(time.Millisecond), err)
	}
}
