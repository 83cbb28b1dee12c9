package value

import (
	"math"
	"testing"
)

// The right-hand sides are what Python 3 prints.
func TestRepr(t *testing.T) {
	for want, v := range map[string]any{
		"None": nil, "True": true, "False": false, "-7": -7,
		"1.0": 1.0, "0.1": 0.1, "1e+16": 1e16, "1234567890123456.0": 1234567890123456.0,
		"1e-05": 1e-5, "0.0001": 1e-4, "1.5e+300": 1.5e300, "-0.0": math.Copysign(0, -1),
		"inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN(),
		`''`: "", `'a'`: "a", `"it's"`: "it's", `'say "hi"'`: `say "hi"`, `'it\'s "x"'`: `it's "x"`,
		`'a\\b\n\t\r\x00\x7f\xa0é\u200b\U000e0001✓'`: "a\\b\n\t\r\x00\x7f\u00a0é\u200b\U000e0001✓",
		`[1, 'a', [None]]`:             []any{1, "a", []any{nil}},
		`{'b': 1, 2: {}, 'a': [True]}`: NewDict("b", 1, 2, NewDict(), "a", []any{true}),
		`'\udcff'`:                     "\xff",
	} {
		if got := Repr(v); got != want {
			t.Errorf("Repr(%#v) = %s, want %s", v, got, want)
		}
	}
	if got := Str("it's"); got != "it's" {
		t.Errorf("Str of a string = %s", got)
	}
	if got := Str([]any{"a"}); got != "['a']" {
		t.Errorf("Str of a list = %s", got)
	}
}

func TestTruthy(t *testing.T) {
	for _, v := range []any{nil, false, 0, 0.0, "", []any{}, (*Dict)(nil), &Dict{}} {
		if Truthy(v) {
			t.Errorf("Truthy(%#v)", v)
		}
	}
	for _, v := range []any{true, -1, 0.5, "0", "false", []any{nil}, NewDict("a", nil), math.NaN()} {
		if !Truthy(v) {
			t.Errorf("not Truthy(%#v)", v)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b any
		want bool
	}{
		{nil, nil, true}, {nil, false, false}, {nil, "", false},
		{true, 1, true}, {1, 1.0, true}, {false, 0.0, true}, {true, "True", false}, {1, "1", false},
		{1<<53 + 1, float64(1 << 53), false}, {1 << 53, float64(1 << 53), true},
		{math.MaxInt, float64(1 << 63), false}, {math.NaN(), math.NaN(), false}, {1, math.Inf(1), false},
		{[]any{1, "a"}, []any{1.0, "a"}, true}, {[]any{1}, []any{1, 2}, false},
		{NewDict("a", 1, "b", 2), NewDict("b", 2, "a", true), true},
		{NewDict(1, "x"), NewDict(1.0, "x"), true}, {NewDict("a", 1), NewDict("b", 1), false},
		{NewDict(), []any{}, false}, {(*Dict)(nil), NewDict(), true},
	} {
		if Equal(c.a, c.b) != c.want || Equal(c.b, c.a) != c.want {
			t.Errorf("Equal(%s, %s) is not %v both ways", Repr(c.a), Repr(c.b), c.want)
		}
	}
}
