package jinja

import (
	"flag"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

var random = flag.Int("random", 100, "how many random expressions to compare with Ansible")
var seed = flag.Int64("seed", 1, "of the random expressions")

// TestRandomExpressions compares this engine with the Ansible of this machine
// on expressions that nobody chose.
func TestRandomExpressions(t *testing.T) {
	g := generator{rand.New(rand.NewSource(*seed))}
	var exprs []string
	for range *random {
		exprs = append(exprs, g.any(4))
	}
	got := askAnsible(t, oracleVars(t), exprs, nil, nil)
	env := &Env{Vars: dictVars{decode(t, oracleVars(t)).(*value.Dict)}}
	both := 0
	for _, a := range got {
		tmpl, err := CompileExpr(a.In, source.Pos{File: "x", Line: 1, Col: 1})
		if diff := compareAnswer(a, env, tmpl, err); diff != "" && !lenient(a.Error) {
			t.Errorf("%s\n%s", a.In, diff)
		}
		if a.Error == "" {
			both++
		}
	}
	t.Logf("%d of %d expressions have a value", both, len(got))
}

// TestRandomLayout compares where blanks and newlines go.
func TestRandomLayout(t *testing.T) {
	g := generator{rand.New(rand.NewSource(*seed))}
	var templates, texts []string
	for range *random {
		templates = append(templates, g.layout(3))
		texts = append(texts, g.pick("", "#jinja2: lstrip_blocks: True\n", "#jinja2: trim_blocks: False\n",
			"#jinja2: trim_blocks: False, lstrip_blocks: True\n")+g.layout(3))
	}
	got := askAnsible(t, oracleVars(t), nil, templates, texts)
	env := &Env{Vars: dictVars{decode(t, oracleVars(t)).(*value.Dict)}}
	for i, a := range got {
		at := source.Pos{File: "x", Line: 1, Col: 1}
		tmpl, err := Compile(a.In, at)
		if i >= len(templates) {
			tmpl, err = CompileText(a.In, at, TextOptions{TrimBlocks: true})
		}
		if diff := compareAnswer(a, env, tmpl, err); diff != "" {
			t.Errorf("%q\n%s", a.In, diff)
		}
	}
}

// TestRandomText compares regular expressions and YAML on odd text.
func TestRandomText(t *testing.T) {
	g := generator{rand.New(rand.NewSource(*seed))}
	var exprs []string
	for range *random / 2 {
		pattern, subject := g.pattern(3), g.text("a", "b", "ab", "A", "1", "-", " ", "\n", "ü", "_")
		exprs = append(exprs,
			fmt.Sprintf("%s | regex_replace(%s, %s)", subject, pattern, g.pick("'<\\\\g<0>>'", "'x'", "''", "'\\\\n'")),
			fmt.Sprintf("%s | regex_findall(%s)", subject, pattern),
			fmt.Sprintf("%s | regex_search(%s)", subject, pattern),
			fmt.Sprintf("%s | regex_replace(%s, '-', multiline=true, ignorecase=true)", subject, pattern),
		)
		odd := func() string {
			return g.text("a", "word", "longer", " ", " ", "\n", "'", "\"", ":", "#", "- ", ": ", ",", "[", "{", "1", "0", ".", "ü", "\t", "%", "&", "*", "!", "|", ">", "?", "=",
				"yes", "no", "null", "~", "-", "e", "x", "some longer words to be folded ", "\\", "\u00a0", "\u2028", "\u0007", "2020-01-01", "12:30")
		}
		exprs = append(exprs,
			fmt.Sprintf("%s | to_nice_yaml", odd()),
			fmt.Sprintf("{%s: %s, 'l': [%s, [%s]]} | to_nice_yaml(width=%d)", odd(), odd(), odd(), odd(), g.Intn(100)),
			fmt.Sprintf("{%s: [%s, %s], 'l': [{%s: %s}]} | to_yaml(indent=%d)", odd(), odd(), odd(), odd(), odd(), 1+g.Intn(8)),
			fmt.Sprintf("%s | to_json", odd()),
			fmt.Sprintf("%s | string ~ [%s]", odd(), odd()),
			fmt.Sprintf("%s | wordwrap(%d)", odd(), 1+g.Intn(20)),
			fmt.Sprintf("%s | urlsplit", odd()),
			fmt.Sprintf("%s | comment(%s)", odd(), odd()),
			fmt.Sprintf("%s | quote", odd()),
			fmt.Sprintf("%s is version(%s, '<')", g.version(), g.version()),
			fmt.Sprintf("%s is version(%s, '<', version_type='%s')", g.version(), g.version(), g.pick("semver", "strict", "pep440")),
		)
	}
	got := askAnsible(t, oracleVars(t), exprs, nil, nil)
	env := &Env{Vars: dictVars{value.NewDict()}}
	for _, a := range got {
		tmpl, err := CompileExpr(a.In, source.Pos{File: "x", Line: 1, Col: 1})
		if diff := compareAnswer(a, env, tmpl, err); diff != "" {
			t.Errorf("%s\n%s", a.In, diff)
		}
	}
}

// text is a literal of some of the pieces.
func (g generator) text(pieces ...string) string {
	var b strings.Builder
	for range g.Intn(8) {
		b.WriteString(g.pick(pieces...))
	}
	r := strings.NewReplacer("\\", "\\\\", "'", "\\'", "\n", "\\n", "\t", "\\t")
	return "'" + r.Replace(b.String()) + "'"
}

// pattern is a literal that holds a regular expression.
func (g generator) pattern(depth int) string {
	var re func(depth int) string
	re = func(depth int) string {
		if depth == 0 {
			return g.pick("a", "b", ".", "\\d", "\\w", "\\s", "\\W", "[ab]", "[^a]", "[a-z]", "-", "ü", "[\\w-]", "[^\\s]", "\\.", "\\n")
		}
		switch g.Intn(9) {
		case 0:
			return re(depth-1) + "|" + re(depth-1)
		case 1:
			return "(" + re(depth-1) + ")"
		case 2:
			return "(?:" + re(depth-1) + ")" + g.pick("*", "+", "?", "{2}", "{1,}", "{,2}")
		case 3:
			return "^" + re(depth-1)
		case 4:
			return re(depth-1) + "$"
		case 5:
			return "(" + re(depth-1) + ")" + g.pick("", "?")
		}
		return re(depth-1) + re(depth-1)
	}
	return "'" + strings.ReplaceAll(re(depth), "\\", "\\\\") + "'"
}

func (g generator) version() string {
	v := g.pick("1", "1.2", "1.2.3", "1.10.0", "2.0.0", "0.9") + g.pick("", "", "", "-rc1", "-rc.2", "rc1", "a1", "b2", ".dev1", ".post1", "+build", "-1", "-alpha.beta")
	return "'" + v + "'"
}

// layout writes a template of text, blanks and tags with signs.
func (g generator) layout(depth int) string {
	var b strings.Builder
	tag := func(open, body, close string) {
		b.WriteString(open + g.pick("", "", "-", "+") + " " + body + " " + g.pick("", "", "-") + close)
	}
	for range 1 + g.Intn(5) {
		b.WriteString(g.pick("", "a", " ", "\n", "  ", "\n  ", "x\n", "\n\n", "\t", " b ", "\r\n"))
		switch g.Intn(6) {
		case 0, 1:
			tag("{{", g.pick("n", "s", "multi", "none_"), "}}")
		case 2:
			b.WriteString("{#" + g.pick("", "-") + " c " + g.pick("", "-") + "#}")
		case 3:
			if depth > 0 {
				tag("{%", g.pick("if t", "if f", "for x in lst", "with x=1", "filter upper"), "%}")
				end := map[string]string{"if": "endif", "fo": "endfor", "wi": "endwith", "fi": "endfilter"}
				opened := b.String()
				word := strings.TrimLeft(opened[strings.LastIndex(opened, "{%")+2:], "-+ ")[:2]
				b.WriteString(g.layout(depth - 1))
				tag("{%", end[word], "%}")
			}
		case 4:
			tag("{%", "set y = 1", "%}")
		case 5:
			tag("{%", "raw", "%}")
			b.WriteString(g.pick("{{ r }}", " r ", "\n r\n", "\n  "))
			tag("{%", "endraw", "%}")
		}
	}
	b.WriteString(g.pick("", "", "\n", "\n\n", " "))
	return b.String()
}

// lenient reports what Ansible refuses by accident of its implementation and
// has a plain meaning.
func lenient(refusal string) bool {
	for _, why := range []string{
		"can only concatenate list", "can only concatenate tuple", "unhashable type", "object has no attribute", "descriptor '",
		"not supported between instances of", "cannot represent an object", "unsupported operand type(s) for +:",
	} {
		if strings.Contains(refusal, why) {
			return true
		}
	}
	return false
}

// A generator writes expressions of a wanted type.
type generator struct{ *rand.Rand }

func (g generator) pick(choices ...string) string { return choices[g.Intn(len(choices))] }

func (g generator) any(depth int) string {
	return []func(int) string{g.int, g.float, g.str, g.list, g.dict, g.bool}[g.Intn(6)](depth)
}

// expand replaces I F S L D B A in a shape by expressions of these types.
func (g generator) expand(depth int, shapes ...string) string {
	shape := g.pick(shapes...)
	if g.Intn(40) == 0 { // a wrong type now and then
		shape = strings.NewReplacer("I", "A", "S", "A", "L", "A").Replace(shape)
	}
	var b strings.Builder
	for i := 0; i < len(shape); i++ {
		if i > 0 && shape[i-1] >= 'a' && shape[i-1] <= 'z' || i+1 < len(shape) && shape[i+1] >= 'a' && shape[i+1] <= 'z' {
			b.WriteByte(shape[i])
			continue
		}
		switch shape[i] {
		case 'I':
			b.WriteString(g.int(depth - 1))
		case 'F':
			b.WriteString(g.float(depth - 1))
		case 'S':
			b.WriteString(g.str(depth - 1))
		case 'L':
			b.WriteString(g.list(depth - 1))
		case 'D':
			b.WriteString(g.dict(depth - 1))
		case 'B':
			b.WriteString(g.bool(depth - 1))
		case 'A':
			b.WriteString(g.any(depth - 1))
		default:
			b.WriteByte(shape[i])
		}
	}
	return b.String()
}

func (g generator) int(depth int) string {
	if depth <= 0 || g.Intn(3) == 0 {
		return g.pick("n", "neg", "zero", "0", "1", "2", "7", "-3", "10", "255", "users[0].age", "dct.b")
	}
	return g.expand(depth, "(I + I)", "(I - I)", "(I * I)", "(I // I)", "(I % I)", "(L | length)", "(S | length)", "(S | int)", "(F | int)",
		"(I if B else I)", "-I", "(I | abs)", "(D | length)", "(S).find(S)", "(L | select('number') | list | length)", "(I ** 2)",
		"([I, I] | max)", "([I, I, I] | min)", "([I, I] | sum)", "(nope | default(I))", "(S).count(S)", "(F | round | int)", "(S | wordcount)")
}

func (g generator) float(depth int) string {
	if depth <= 0 || g.Intn(3) == 0 {
		return g.pick("fl", "1.5", "0.25", "-2.75", "1e3", "100.0", "(1/3)")
	}
	return g.expand(depth, "(F + I)", "(F * F)", "(I / I)", "(F - F)", "(F // F)", "(F % F)", "(F | round(1))", "(F | round(2, 'floor'))",
		"(S | float)", "(F | abs)", "(I | float)", "(F if B else F)")
}

func (g generator) str(depth int) string {
	if depth <= 0 || g.Intn(4) == 0 {
		return g.pick("s", "multi", "uni", "padded", "csv", "version", "'a'", "'abc'", "''", "'x-y_z'", "'A b C'", "'1'", "'3.5'",
			"users[1].name", "ip4", "'a.b.c'", "\"it's\"", "'%s'", "path")
	}
	return g.expand(depth, "(S ~ S)", "(S ~ A)", "(S + S)", "(S | upper)", "(S | lower)", "(S | title)", "(S | capitalize)", "(S | trim)",
		"(S | replace(S, S))", "(L | join(S))", "(A | string)", "(S * 2)", "(S)[I:]", "(S)[:I]", "(S)[I:I]", "(S)[::-1]", "(S | reverse)",
		"(S | regex_replace('[aeiou]+', S))", "(S | regex_replace('(\\\\w)(\\\\w)', '\\\\2\\\\1'))", "(S | regex_replace('x*', '-'))",
		"(S | indent(2))", "(S | quote)", "(S | comment)", "(S | b64encode)", "(S | hash('md5'))", "(S | center(20))", "(S | truncate(10))",
		"(S | wordwrap(8))", "(S | urlencode)", "(S | regex_escape)", "(S | basename)", "(S | dirname)", "(A | to_json)",
		"(L | to_nice_yaml)", "(D | to_nice_yaml)", "(D | to_yaml)", "(D | to_nice_json)", "(S).strip()", "(S).upper()", "(S).replace(S, S)",
		"(S).title()", "(S).swapcase()", "(S).center(12, '*')", "(S).zfill(8)", "(S).lstrip('aHb')", "(S).join(['a', 'b'])", "(S if B else S)",
		"('%s|%5s|%-5s' | format(S, S, S))", "('%d %05d %x' | format(I, I, 255))", "('%.2f %e %g' | format(F, F, F))", "('{} {:>8} {!r}'.format(S, S, S))",
		"('{:,} {:08.3f}'.format(I, F))", "(A | type_debug)", "(L | first | string)", "(S | regex_search('[a-z]+') | string)",
		"(S | default('d', true))", "(B | ternary(S, S))", "(I | human_readable)", "(I | filesizeformat)", "('%s' % S)", "(S | xmlattr)"[:0]+"(S | striptags)",
		"(S).expandtabs(3)", "(S).removeprefix('a')", "(S | to_uuid)", "([S, S] | path_join)", "(L ~ D)", "(S | lower | title)")
}

func (g generator) list(depth int) string {
	if depth <= 0 || g.Intn(4) == 0 {
		return g.pick("lst", "nums", "words", "empty", "[1, 2, 3]", "['x']", "floats", "strs", "dups", "nested", "['b', 'a', 'C']", "(range(4) | list)", "[[1, 2], [3]]")
	}
	return g.expand(depth, "(L + L)", "[A, A]", "[S, S, S]", "[I, I, I]", "(L | map('string') | list)", "(L | map('upper') | list)", "(L | reverse | list)",
		"(L | unique)", "(L | sort)", "(nums | sort(reverse=B))", "(words | sort(case_sensitive=B))", "(L | union(L))", "(L | intersect(L))",
		"(L | difference(L))", "(L | symmetric_difference(L))", "(L | flatten)", "(L | flatten(1))", "(L)[I:]", "(L)[:I]", "(L)[I::2]", "(L)[::-1]",
		"(S).split()", "(S).split(',')", "(S | split('-'))", "(S).splitlines()", "(L | zip(L) | list)", "(L | zip_longest(L) | list)", "(L | batch(2) | list)",
		"(L | slice(2) | list)", "(L | select | list)", "(L | reject('string') | list)", "(L | select('string') | list)", "(L | select('in', L) | list)",
		"(D | dict2items)", "(D).keys() | list", "(D).values() | list", "(D | dictsort)", "(S | list)", "(S | regex_findall('[a-z]'))",
		"(S | regex_findall('(.)(.)') | map('join') | list)", "(L | map('int') | list)", "(L | map('length') | list)", "(users | map(attribute='name') | list)",
		"(users | selectattr('age', '>', I) | map(attribute='name') | list)", "(users | groupby('age'))", "(L if B else L)", "(L * 2)",
		"(L | product(['p', 'q']) | list)", "(nums | permutations(2) | list)", "(L | combinations(2) | list)", "(L | select('match', 'a') | list)",
		"(L | map('default', A) | list)", "(L | shuffle(seed='x'))", "(S).partition('b') | list", "(L | map('to_json') | list)", "(L | map('type_debug') | list)")
}

func (g generator) dict(depth int) string {
	if depth <= 0 || g.Intn(3) == 0 {
		return g.pick("dct", "edict", "defaults", "over", "users[0]", "res", "{'a': 1}", "hosts", "{'b': [1], 'a': {'c': none}}")
	}
	return g.expand(depth, "{'a': A, 'b': A}", "{S: A}", "(D | combine(D))", "(D | combine(D, recursive=true))",
		"(D | combine(D, recursive=true, list_merge='append'))", "(D if B else D)", "dict(L | map('string') | zip(L))", "(D | dict2items | items2dict)",
		"{'x': S, 'y': L, 'z': I, 'w': F}", "{I: A}", "dict(D, k=A)", "(D | dictsort | items2dict)"[:0]+"dict(D | dictsort)")
}

func (g generator) bool(depth int) string {
	if depth <= 0 || g.Intn(4) == 0 {
		return g.pick("t", "f", "true", "false")
	}
	return g.expand(depth, "(I < I)", "(I == I)", "(S == S)", "(S in S)", "(S in L)", "(A in L)", "(S in D)", "(not B)", "(B and B)", "(B or B)",
		"(A is defined)", "(A is string)", "(A is mapping)", "(A is sequence)", "(A is number)", "(S is match(S))", "(S is search('a'))",
		"(I is odd)", "(I is even)", "(L is subset(L))", "(A == A)", "(A != A)", "(S < S)", "(L < L)", "(I <= I < I)", "(A is none)",
		"(S).startswith(S)", "(S).isalpha()", "(S).isupper()", "(A | bool)", "(S is version('1.0', '>='))", "(L is contains(A))", "(A is truthy)",
		"(F > I)", "(L is any)", "(L is all)", "(A is sameas(A))"[:0]+"(S is lower)", "(S is upper)", "(I is divisibleby(3))", "(L == L)", "(D == D)")
}
