package value

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	v := NewDict("b", 1.0, "a", []any{true, nil, "é\"\\\n\x01<\U0001f680"}, true, NewDict(), nil, []any{}, 2, 1e16, 1.5, "x")
	for _, c := range []struct {
		style JSONStyle
		want  string
	}{
		{JSONStyle{}, `{"b": 1.0, "a": [true, null, "é\"\\\n\u0001<🚀"], "true": {}, "null": [], "2": 1e+16, "1.5": "x"}`},
		{JSONStyle{Compact: true, SortKeys: true}, `{"1.5":"x","2":1e+16,"a":[true,null,"é\"\\\n\u0001<🚀"],"b":1.0,"null":[],"true":{}}`},
		{JSONStyle{Indent: 2, ASCII: true}, `{
  "b": 1.0,
  "a": [
    true,
    null,
    "\u00e9\"\\\n\u0001<\ud83d\ude80"
  ],
  "true": {},
  "null": [],
  "2": 1e+16,
  "1.5": "x"
}`},
	} {
		if got := JSON(v, c.style); got != c.want {
			t.Errorf("%+v:\n%s\nwant\n%s", c.style, got, c.want)
		}
	}
	if got, err := json.Marshal(NewDict("z", 1, "a", 2)); err != nil || string(got) != `{"z":1,"a":2}` {
		t.Errorf("Marshal: %s %v", got, err)
	}
	if _, err := json.Marshal(NewDict("z", []any{math.NaN()})); err == nil {
		t.Error("NaN was written as JSON")
	}
}

func TestDecodeJSON(t *testing.T) {
	v, err := DecodeJSON([]byte("\ufeff" + ` {"z": 1, "a": [1.0, -2, 1e2, 12345678901234567890123, null, true, "x"], "z": {"k": {}}} `))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Repr(v), `{'z': {'k': {}}, 'a': [1.0, -2, 100.0, '12345678901234567890123', None, True, 'x']}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for text, want := range map[string]string{
		"":                       "line 1, column 1: unexpected end",
		"{\"a\": 1,\n \"b\": x}": "line 2, column 7: invalid character 'x'",
		"[1, 2":                  "unexpected end",
		"[1] 2":                  "line 1, column 5: invalid character '2' after",
		"{1: 2}":                 "line 1, column 2",
		"\"\xff\"":               "UTF-8",
		strings.Repeat("[", 1e6): "max depth",
		strings.Repeat("[", 2000) + strings.Repeat("]", 2000): "nested more than",
		"not json": "line 1, column 2: invalid character 'o'",
	} {
		if v, err := DecodeJSON([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, %v; want an error with %q", text, v, err, want)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a": [1, 2.5, "x", null, true]}`, `[]`, `{`, `"\ud800"`, `1e999`, `-0`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := DecodeJSON(data)
		if err != nil {
			return
		}
		again, err := DecodeJSON([]byte(JSON(v, JSONStyle{Indent: 2})))
		if err != nil && !strings.Contains(JSON(v, JSONStyle{}), "Infinity") {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if err == nil && !Equal(v, again) {
			t.Fatalf("%s came back as %s", Repr(v), Repr(again))
		}
	})
}
