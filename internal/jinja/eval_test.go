package jinja

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// counted serves variables and counts how often each is asked for.
type counted struct {
	vars  map[string]func() (any, error)
	asked map[string]int
}

func (c *counted) Var(_ context.Context, name string) (any, bool, error) {
	c.asked[name]++
	f, ok := c.vars[name]
	if !ok {
		return nil, false, nil
	}
	v, err := f()
	return v, true, err
}

func (c *counted) Names() []string { return names(c.vars) }

func constant(v any) func() (any, error) { return func() (any, error) { return v, nil } }

func eval(t *testing.T, tmpl string, env *Env) (any, error) {
	t.Helper()
	c, err := Compile(tmpl, source.Pos{File: "x.yml", Line: 1, Col: 1})
	if err != nil {
		return nil, err
	}
	return c.Eval(context.Background(), env)
}

func mustEval(t *testing.T, tmpl string, env *Env) any {
	t.Helper()
	v, err := eval(t, tmpl, env)
	if err != nil {
		t.Fatalf("%s: %v", tmpl, err)
	}
	return v
}

// omitMarker stands for the runner's value of `omit`.
type omitMarker struct{ _ []int } // not comparable, to be mean

func TestForeignValuesPassThrough(t *testing.T) {
	omit := &omitMarker{}
	env := &Env{Vars: dictVars{value.NewDict("omit", omit, "set", 1)}}
	if got := mustEval(t, "{{ nope | default(omit) }}", env); got != any(omit) {
		t.Errorf("default(omit) gives %v", got)
	}
	if got := mustEval(t, "{{ set | default(omit) }}", env); got != 1 {
		t.Errorf("default(omit) of 1 gives %v", got)
	}
	if got := mustEval(t, "{{ [nope | default(omit)] }}", env).([]any)[0]; got != any(omit) {
		t.Errorf("in a list: %v", got)
	}
	env = &Env{Vars: dictVars{value.NewDict("omit", omitMarker{})}}
	if got := mustEval(t, "{{ omit == omit or omit is defined }}", env); got != true {
		t.Errorf("comparing gives %v", got)
	}
	if _, err := eval(t, "{{ omit | to_json }}", env); err == nil {
		t.Error("a value that JSON has no form for is written as JSON")
	}
}

func TestVariablesAreLazy(t *testing.T) {
	boom := errors.New("must not be asked for")
	vars := &counted{asked: map[string]int{}, vars: map[string]func() (any, error){
		"a": constant(1), "b": constant([]any{"x"}),
		"bad": func() (any, error) { return nil, boom },
	}}
	env := &Env{Vars: vars}
	for _, tmpl := range []string{
		"{{ a + a + a }}", "{{ a or bad }}", "{{ 1 if a else bad }}", "{% if a %}{{ b }}{% else %}{{ bad }}{% endif %}",
		"{% for x in b %}{{ a }}{{ x }}{% endfor %}", "{{ b | map('upper') | list }}", "{{ nope | default(a) }}{{ nope is defined }}",
		"{% macro m() %}{{ a }}{% endmacro %}{{ m() }}{{ m() }}",
	} {
		clear(vars.asked)
		mustEval(t, tmpl, env)
		for name, n := range vars.asked {
			if n > 1 || name == "bad" {
				t.Errorf("%s asks for %s %d times", tmpl, name, n)
			}
		}
	}
	if _, err := eval(t, "{{ bad | default(1) }}", env); !errors.Is(err, boom) {
		t.Errorf("the error of a variable is lost: %v", err)
	}
	// Many variables use another path.
	var many strings.Builder
	for i := range 50 {
		name := fmt.Sprintf("v%d", i)
		vars.vars[name] = constant(i)
		many.WriteString("{{ " + name + " + " + name + " }},")
	}
	clear(vars.asked)
	mustEval(t, many.String(), env)
	for name, n := range vars.asked {
		if n != 1 {
			t.Errorf("%s is asked for %d times", name, n)
		}
	}
}

// TestUndefinedChain: a variable that is made of an undefined one is
// undefined itself, and its error points to where it is defined.
func TestUndefinedChain(t *testing.T) {
	inner, err := Compile("{{ missing }}", source.Pos{File: "vars.yml", Line: 3, Col: 5})
	if err != nil {
		t.Fatal(err)
	}
	vars := &counted{asked: map[string]int{}, vars: map[string]func() (any, error){"misting": constant(1)}}
	env := &Env{Vars: vars}
	vars.vars["a"] = func() (any, error) { return inner.Eval(context.Background(), env) }
	if got := mustEval(t, "{{ a | default('d') }}", env); got != "d" {
		t.Errorf("default gives %v", got)
	}
	if got := mustEval(t, "{{ a is defined }}", env); got != false {
		t.Errorf("is defined gives %v", got)
	}
	_, err = eval(t, "{{ a + 1 }}", env)
	var e *source.Error
	var u *UndefinedError
	if !errors.As(err, &e) || !errors.As(err, &u) {
		t.Fatalf("no located undefined error: %v", err)
	}
	if e.Pos != (source.Pos{File: "vars.yml", Line: 3, Col: 8}) || u.Name != "missing" || e.Hint != `did you mean "misting"?` {
		t.Errorf("%+v %+v", e, u)
	}
}

// hostMap is a Mapping that fails when more is read than needed.
type hostMap struct{ read []any }

func (m *hostMap) Get(_ context.Context, key any) (any, bool, error) {
	m.read = append(m.read, key)
	if key == "h1" || key == "h2" {
		return value.NewDict("ip", "10.0.0."+key.(string)[1:]), true, nil
	}
	return nil, false, nil
}

func (m *hostMap) Keys() []any { return []any{"h1", "h2"} }

func TestMapping(t *testing.T) {
	for tmpl, want := range map[string]string{
		"{{ hv.h1.ip }}":                                              "10.0.0.1",
		"{{ hv['h2']['ip'] }}":                                        "10.0.0.2",
		"{{ hv[name].ip }}":                                           "10.0.0.1",
		"{{ hv.h9.ip | default('d') }}":                               "d",
		"{{ 'h1' in hv }}{{ 'h9' in hv }}":                            "TrueFalse",
		"{{ hv | length }}":                                           "2",
		"{{ hv.keys() | list }}":                                      "['h1', 'h2']",
		"{{ hv | list }}":                                             "['h1', 'h2']",
		"{{ hv.get('h2').ip }}":                                       "10.0.0.2",
		"{{ hv.get('h9', 'd') }}":                                     "d",
		"{{ hv.values() | map(attribute='ip') }}":                     "['10.0.0.1', '10.0.0.2']",
		"{% for h in hv %}{{ h }}{% endfor %}":                        "h1h2",
		"{% for h, v in hv.items() %}{{ h }}={{ v.ip }};{% endfor %}": "h1=10.0.0.1;h2=10.0.0.2;",
		"{{ ['h1', 'h2'] | map('extract', hv, 'ip') | join(',') }}":   "10.0.0.1,10.0.0.2",
		"{{ hv | to_json }}":                                          `{"h1": {"ip": "10.0.0.1"}, "h2": {"ip": "10.0.0.2"}}`,
		"{{ hv | dict2items | map(attribute='key') }}":                "['h1', 'h2']",
		"{{ hv | combine({'h3': 1}) | length }}":                      "3",
		"{{ hv is mapping }}":                                         "True",
		"{{ hv }}":                                                    "{'h1': {'ip': '10.0.0.1'}, 'h2': {'ip': '10.0.0.2'}}",
		"{{ hv and 1 }}":                                              "1",
	} {
		env := &Env{Vars: dictVars{value.NewDict("hv", &hostMap{}, "name", "h1")}}
		c, err := Compile(tmpl, source.Pos{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Text(context.Background(), env)
		if err != nil || got != want {
			t.Errorf("%s gives %q %v, not %q", tmpl, got, err, want)
		}
	}
	m := &hostMap{}
	mustEval(t, "{{ hv.h1.ip }}", &Env{Vars: dictVars{value.NewDict("hv", m)}})
	if len(m.read) != 1 {
		t.Errorf("one host is needed, read are %v", m.read)
	}
	if got := mustEval(t, "{{ hv }}", &Env{Vars: dictVars{value.NewDict("hv", m)}}); got != any(m) {
		t.Errorf("a mapping leaves as %T", got)
	}
}

func TestKeepsTypes(t *testing.T) {
	env := &Env{Vars: dictVars{decode(t, oracleVars(t)).(*value.Dict)}}
	for tmpl, want := range map[string]any{
		"{{ n }}": 3, "{{ n + 1 }}": 4, "{{ n / 2 }}": 1.5, "{{ t }}": true, "{{ none_ }}": nil, "{{ n }}{{ n }}": "33",
		"{{ '[1, 2]' }}": "[1, 2]", "[{{ n }}]": "[3]", " {{ n }}": " 3", "{{ n }}\n": 3, "{{ s }}\n": "Hello World\n",
		"{% if t %}{{ n }}{% endif %}": 3, "{% set x = n %}{{ x }}": 3, "{# c #}{{ n }}": 3, "{{ (1, 'a') }}": []any{1, "a"},
		"{{ lst | zip(nums) | list }}": []any{[]any{"a", 3}, []any{"b", 1}, []any{"c", 2}},
		"{{ 'x' if f }}":               "", "": "", "plain": "plain", "{{ 'True' }}": "True", "{{ true }}": true, "{% if f %}x{% endif %}": "",
		"{{ {'a': 1}.items() }}":                       []any{[]any{"a", 1}},
		"{{ '2021-03-04' | to_datetime('%Y-%m-%d') }}": "2021-03-04 00:00:00",
		"{{ namespace(a=1) }}":                         value.NewDict("a", 1),
		"{{ range(3) }}":                               []any{0, 1, 2},
		"{% for x in [1] %}{{ x }}{% endfor %}":        1,
	} {
		if got := mustEval(t, tmpl, env); !value.Equal(got, want) || typeName(got) != typeName(want) {
			t.Errorf("%q gives %s (%T), not %s", tmpl, value.Repr(got), got, value.Repr(want))
		}
	}
	// The very list comes back, not a copy.
	lst, _ := env.Vars.(dictVars).d.Get("lst")
	if got := mustEval(t, "{{ lst }}", env).([]any); &got[0] != &lst.([]any)[0] {
		t.Error("a list is copied on its way")
	}
}

func TestConcurrentUse(t *testing.T) {
	tmpl, err := Compile("{% for h in groups['etcd'] %}{{ h | regex_replace('^etcd', 'n') }}={{ hostvars[h].ip }},{% endfor %}", source.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{Vars: dictVars{benchVars(5)}}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				got, err := tmpl.Eval(context.Background(), env)
				if want := "n0=10.0.0.0,n1=10.0.0.1,n2=10.0.0.2,n3=10.0.0.3,n4=10.0.0.4,"; err != nil || got != want {
					t.Errorf("%v %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestRefs(t *testing.T) {
	for tmpl, want := range map[string]string{
		"plain":                          "",
		"{{ a.b }} {{ c[d] }}":           "a@1:4 c@1:14 d@1:16",
		"{{ a | default(b) }}":           "a@1:4? b@1:16",
		"{{ a.b.c is defined and a.b }}": "a@1:4? a@1:25",
		"{% for x in xs if x > y %}{{ x }}{{ loop.index }}{% endfor %}{{ x }}": "xs@1:13 y@1:23 x@1:65",
		"{% set z = a %}{{ z }}": "a@1:12",
		"{% macro m(p, q=r) %}{{ p }}{{ s }}{{ varargs }}{% endmacro %}{{ m(1) }}": "r@1:17 s@1:32",
		"{% with a=b %}{{ a }}{% endwith %}{{ a }}":                                "b@1:11 a@1:38",
		"{{ range(3) }}{{ lookup('env', e) }}{{ namespace() }}":                    "e@1:32",
		"line\n  {{ a }}": "a@2:6",
	} {
		c, err := Compile(tmpl, source.Pos{Line: 1, Col: 1})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range c.Refs() {
			s := r.Name + "@" + r.Pos.String()
			s = strings.Replace(s, "@:", "@", 1)
			if r.Guarded {
				s += "?"
			}
			got = append(got, s)
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s\n refers to %s\n not       %s", tmpl, g, want)
		}
	}
}

func TestIsTemplate(t *testing.T) {
	for s, want := range map[string]bool{
		"": false, "plain": false, "{": false, "a {b} c": false, "{{ a }}": true, "x {% if %}": true, "{# c #}": true, "{ {": false, "a{b{{c": true,
	} {
		if IsTemplate(s) != want {
			t.Errorf("IsTemplate(%q) is %v", s, !want)
		}
	}
}

func TestWrappedCondition(t *testing.T) {
	env := &Env{Vars: dictVars{value.NewDict("a", 1)}}
	for expr, wrapped := range map[string]bool{"a == 1": false, "{{ a == 1 }}": true, " {{ a == 1 }}\n": true} {
		c, err := CompileExpr(expr, source.Pos{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Eval(context.Background(), env); got != true || err != nil || c.Wrapped() != wrapped {
			t.Errorf("%q gives %v %v, wrapped %v", expr, got, err, c.Wrapped())
		}
	}
	for _, expr := range []string{"", "  ", "{{ }}", "{{ a }} == 1", "a == '{{ a }}'", "{% if a %}1{% endif %}"} {
		if _, err := CompileExpr(expr, source.Pos{}); err == nil {
			t.Errorf("%q is taken as a condition", expr)
		}
	}
}
