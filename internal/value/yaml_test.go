package value

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
)

// The right-hand sides are what PyYAML's safe loader returns.
func TestScalars(t *testing.T) {
	inf := math.Inf(1)
	same := "yEs y n tRue nULL 08 0o17 0X1f _1 1:60 01:30 -.5 +.5 1e3 1e+3 1.0e3 .5e3 1.5. ._5 _.5 -.nan .Nan . .. -- + +- " +
		"1-2 1,000 0x 0b 0b2 0:30 :1 5e-3 123e4567 1.2.3 -.5e+1 1_000.5:1 2024-01-01 12345678901234567890123 10.0.0.1 " +
		"00:11:22:33:44:55 v3.5.9 --.inf ++1 0x_"
	for _, s := range strings.Fields(same) {
		if got := yaml11(s); got != s {
			t.Errorf("%s is read as %s", s, Repr(got))
		}
	}
	for s, want := range map[string]any{
		"": nil, "~": nil, "null": nil, "NULL": nil,
		"yes": true, "Yes": true, "on": true, "TRUE": true, "no": false, "Off": false, "OFF": false,
		"0": 0, "-0": 0, "+0": 0, "00": 0, "007": 7, "0644": 420, "0x1F": 31, "0x_f": 15, "-0x10": -16, "+0x1": 1,
		"0b101": 5, "0b_1": 1, "1_000": 1000, "1__0": 10, "1_": 1, "0_7": 7, "0_": 0, "010_0": 64, "-0_1": -1, "-1_0": -10,
		"1:30": 90, "1:30:15": 5415, "190:20:30": 685230, "-1:30": -90, "1:2:3:4": 223384, "22:22": 1342,
		"1:30.5": 90.5, "190:20:30.15": 685230.15, "-1:30.": -90.0,
		"1.": 1.0, "1.5": 1.5, ".5": 0.5, "+1.5": 1.5, "1.0e+3": 1000.0, "1.e+3": 1000.0, ".5e-3": 0.0005,
		"1_0.5_0": 10.5, "0.": 0.0, "00.5": 0.5, "0.1_": 0.1, "1_.5": 1.5, ".5_": 0.5,
		".inf": inf, "-.inf": -inf, "+.Inf": inf, ".INF": inf, "1.7976931348623157e+999": inf,
	} {
		if got := yaml11(s); !sameType(got, want) {
			t.Errorf("%s is read as %s, want %s", s, Repr(got), Repr(want))
		}
	}
	if f, ok := yaml11(".nan").(float64); !ok || !math.IsNaN(f) {
		t.Error(".nan is not read as NaN")
	}
}

func sameType(a, b any) bool { return Repr(a) == Repr(b) }

func read(t *testing.T, text string, opts YAMLOptions) (any, error) {
	t.Helper()
	opts.File = "f.yml"
	node, err := ParseYAML("f.yml", []byte(text))
	if err != nil {
		return nil, err
	}
	return FromYAML(node, opts)
}

func TestFromYAML(t *testing.T) {
	decrypt := func(sealed []byte, at source.Pos) ([]byte, error) {
		return []byte("open " + strings.Fields(string(sealed))[0] + " at " + at.String()), nil
	}
	for text, want := range map[string]string{
		"":                                   "None",
		"# nothing":                          "None",
		"b: yes\na: [0644, '0644', no, ~]\n": "{'b': True, 'a': [420, '0644', False, None]}",
		"yes: 1\n2: x\n~: y\n1.5: z":         "{True: 1, 2: 'x', None: 'y', 1.5: 'z'}",
		"|\n  text\n":                        "'text\\n'",
		"a: |\n  12\n":                       "{'a': '12\\n'}",
		"d: {a: &x {p: 1}, b: *x}":           "{'d': {'a': {'p': 1}, 'b': {'p': 1}}}",
		"x: &d {a: 1, b: 2}\ny:\n  b: 3\n  <<: *d\n  c: 4": "{'x': {'a': 1, 'b': 2}, 'y': {'a': 1, 'b': 3, 'c': 4}}",
		"y: {<<: [{a: 1}, {a: 2, b: 2}], c: 3}":            "{'y': {'a': 1, 'b': 2, 'c': 3}}",
		"'<<': 1":                                          "{'<<': 1}",
		"a: !!str 012\nb: !!int '5'\nc: !!float 1\nd: !!null x\ne: !!binary aGk=": "{'a': '012', 'b': 5, 'c': 1.0, 'd': None, 'e': 'hi'}",
		"a: !unsafe plain\nb: !unsafe 'it''s {{ x }} \\'":                         `{'a': 'plain', 'b': "{{ 'it\\'s {{ x }} \\\\' }}"}`,
		"!unsafe [{a: '{{ x }}'}]":                                                `[{'a': "{{ '{{ x }}' }}"}]`,
		"a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  30":                          "{'a': 'open $ANSIBLE_VAULT;1.1;AES256 at f.yml:1:4'}",
		"when: 2024-01-01":           "{'when': '2024-01-01'}",
		"a: {{x: 1}: 2}":             "",
		"a: 12345678901234567890123": "{'a': '12345678901234567890123'}",
		"k: =":                       "{'k': '='}",
	} {
		got, err := read(t, text, YAMLOptions{Decrypt: decrypt})
		if want == "" {
			if err == nil {
				t.Errorf("%q was read as %s", text, Repr(got))
			}
			continue
		}
		if err != nil || Repr(got) != want {
			t.Errorf("%q is read as %s (%v), want %s", text, Repr(got), err, want)
		}
	}
}

func TestFromYAMLErrors(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for i, c := range "bcdefgh" {
		ref := "*" + string(rune('a'+i)) + " "
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat(ref+",", 10) + "]\n"
	}
	for text, want := range map[string]string{
		"a: 1\nb: 2\na: 3":                  "f.yml:3:1: the key a is given twice",
		"a: {x: 1, x: 2}\nb: {y: 1, y: 1}":  "f.yml:2:11: the key y is given twice",
		"a: !vault |\n  $ANSIBLE_VAULT;1.1": "f.yml:1:4: this value is encrypted",
		"a: !foo 1":                         "f.yml:1:4: the tag !foo is not known",
		"a: !foo {b: 1}":                    "f.yml:1:4: the tag !foo is not known",
		"a: !!int x":                        "f.yml:1:4: \"x\" is no int",
		"a: {{ name }}":                     "f.yml:1:4: a template at the start of a value must be quoted",
		"a:\n\tb: 1":                        "f.yml:2: a tab indents this line",
		"a: 1\n---\nb: 2":                   "f.yml:2:1: a second document",
		"a: [1":                             "f.yml:1: ",
		"&a [*a]":                           "the anchor &a contains itself",
		"&a {x: 1, <<: *a}":                 "contains itself",
		"a: *nope":                          "unknown anchor",
		"<<: 5":                             "f.yml:1:5: << merges a mapping",
		"a: \xff":                           "f.yml:1: not UTF-8",
		"? [a]\n: b":                        "f.yml:1:3: a key must be plain text or a number, not a list",
		bomb:                                "the aliases expand to more than",
	} {
		_, err := read(t, text, YAMLOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
			continue
		}
		if !errors.As(err, new(source.Errors)) && !errors.As(err, new(*source.Error)) {
			t.Errorf("%.60q: %T", text, err)
		}
	}
}

func TestYAMLRoundTrip(t *testing.T) {
	v := NewDict("a", []any{1, 1.0, 1e16, 1e-7, -0.5, true, nil, []any{}, &Dict{}, math.Inf(-1)},
		"s", []any{"yes", "1", "0644", "1:30", "1e3", "1.0e+3", "", " x ", "a: b", "# c", "x\ny\n", "\n", "  \n x", "\ttab\nb", "null", "~", "<<", "=",
			"2024-01-01", "{{ x }}", "é\U0001f680", "it's", "a\rb", "\u0085", "-", "- a", "'", "\\", "\x00", "!x", "&a", "*a", "@a", "%a", "0o17", "08", "a\n\n\nb\n\n", "x\n "},
		true, 1, nil, 2, 5, 3, "yes", 4)
	text := YAML(v)
	got, err := read(t, text, YAMLOptions{})
	if err != nil || Repr(got) != Repr(v) {
		t.Errorf("%v\n%s\ngot  %s\nwant %s", err, text, Repr(got), Repr(v))
	}
}

func FuzzFromYAML(f *testing.F) {
	for _, s := range []string{"a: 1", "a: &a [*a]", "<<: {a: 1}", "- !unsafe '{{'", "a: !vault x", "{{ x }}", "? a\n: b", "1:30", "a: |\n  b\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		node, err := ParseYAML("f.yml", data)
		if err != nil {
			return
		}
		v, err := FromYAML(node, YAMLOptions{File: "f.yml"})
		if err != nil {
			return
		}
		node, err = ParseYAML("f.yml", []byte(YAML(v)))
		if err != nil {
			t.Fatalf("%s was written as what cannot be read: %v\n%s", Repr(v), err, YAML(v))
		}
		again, err := FromYAML(node, YAMLOptions{})
		if err != nil || Repr(again) != Repr(v) {
			t.Fatalf("%s came back as %s (%v)\n%s", Repr(v), Repr(again), err, YAML(v))
		}
	})
}
