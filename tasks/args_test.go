package tasks

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etcdplay/etcdplay/internal/value"
)

type everything struct {
	Text     string            `arg:"text" alias:"txt" default:"hello" doc:"Some text"`
	Need     string            `arg:"need,required" doc:"Must be there"`
	Pick     string            `arg:"pick" choices:"present,absent"`
	On       bool              `arg:"on" default:"yes"`
	Maybe    *bool             `arg:"maybe"`
	Count    int               `arg:"count"`
	Optional *int              `arg:"optional"`
	Ratio    float64           `arg:"ratio"`
	List     []string          `arg:"list"`
	Words    []string          `arg:"words" split:","`
	Map      map[string]string `arg:"map"`
	Dict     *value.Dict       `arg:"dict"`
	Any      any               `arg:"any"`
	Mode     Mode              `arg:"mode"`
	Wait     time.Duration     `arg:"wait" default:"30"`
	Sub      struct {
		A int `arg:"a" default:"7"`
	} `arg:"sub"`
	Subs []struct {
		Name string `arg:"name,required"`
	} `arg:"subs"`
	embedded
	inner string
}

type embedded struct {
	Deep string `arg:"deep,secret,freeform"`
}

func dict(pairs ...any) *value.Dict { return value.NewDict(pairs...) }

func TestDecode(t *testing.T) {
	var got everything
	err := Decode(&got, dict("need", 3.5, "txt", true, "pick", "absent", "on", "Off", "maybe", "no", "count", "12", "optional", 0,
		"ratio", "0.5", "list", "a,b", "words", "a, b,,c", "map", dict("k", 1), "dict", dict("x", 1), "any", []any{1},
		"mode", 420, "wait", "2m", "sub", dict(), "subs", []any{dict("name", "n")}, "deep", "d"))
	if err != nil {
		t.Fatal(err)
	}
	f, zero := false, 0
	want := everything{Text: "True", Need: "3.5", Pick: "absent", Maybe: &f, Count: 12, Optional: &zero, Ratio: 0.5,
		List: []string{"a,b"}, Words: []string{"a", "b", "c"}, Map: map[string]string{"k": "1"}, Any: []any{1}, Mode: "0644", Wait: 2 * time.Minute}
	want.Sub.A, want.Deep = 7, "d"
	want.Subs = append(want.Subs, struct {
		Name string `arg:"name,required"`
	}{"n"})
	got.Dict = nil
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(everything{}, embedded{})); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeDefaults(t *testing.T) {
	var got everything
	if err := Decode(&got, dict("need", "x", "text", nil)); err != nil {
		t.Fatal(err)
	}
	if got.Text != "hello" || !got.On || got.Wait != 30*time.Second || got.Maybe != nil || got.List != nil || got.Sub.A != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct {
		args *value.Dict
		want string
	}{
		{dict(), `missing argument "need": must be there`},
		{dict("need", nil), `missing argument "need"`},
		{dict("need", "x", "tetx", 1), `unknown argument "tetx": did you mean "text"?`},
		{dict("need", "x", "zzzzzz", 1), `unknown argument "zzzzzz": known are any, count,`},
		{dict("need", "x", "text", "a", "txt", "b"), `"text" and "txt" are the same argument`},
		{dict("need", []any{}), "need: must be a string, not a list of 0"},
		{dict("need", "a\x00"), "must not hold a NUL byte"},
		{dict("need", "x", "pick", "presnet"), `pick: "presnet" is none of present, absent; did you mean "present"?`},
		{dict("need", "x", "on", "maybe"), `on: must be true or false, not "maybe"`},
		{dict("need", "x", "on", 2), "on: must be true or false, not 2"},
		{dict("need", "x", "count", 1.5), "count: must be a whole number, not 1.5"},
		{dict("need", "x", "count", true), "count: must be a whole number, not True"},
		{dict("need", "x", "list", []any{"a", dict()}), "list: element 1: must be a string, not a dict of 0"},
		{dict("need", "x", "list", []any{nil}), "list: element 0 is null"},
		{dict("need", "x", "map", "a"), `map: must be a dict, not "a"`},
		{dict("need", "x", "wait", "-1"), "wait: must be a time"},
		{dict("need", "x", "wait", "soon"), `wait: must be a time in seconds, or like "90s" or "2m", not "soon"`},
		{dict("need", "x", "mode", 644), `mode: the number 644 means the mode 01204: write "0644" in quotes`},
		{dict("need", "x", "mode", "0999"), "is no file mode"},
		{dict("need", "x", "mode", "preserve"), "preserve has no meaning here"},
		{dict("need", "x", "sub", dict("b", 1)), `unknown argument "sub.b"`},
		{dict("need", "x", "subs", []any{dict("name", "a"), dict()}), `missing argument "subs[1].name"`},
		{dict("need", "x", "sub", 1), "sub: must be a dict, not 1"},
		{dict("need", "x", 1, 2), `unknown argument "1"`},
	} {
		err := Decode(&everything{}, c.args)
		var arg *ArgError
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &arg) {
			t.Errorf("Decode(%s) = %v, want %q", value.Repr(c.args), err, c.want)
		}
	}
	err := Decode(&everything{}, dict("count", "x", "bogus", 1))
	if n := len(strings.Split(err.Error(), "\n")); n != 3 {
		t.Errorf("want all three mistakes at once, got %v", err)
	}
}

func TestDecodeKnown(t *testing.T) {
	err := DecodeKnown(&everything{}, dict("need", "{{ x }}", "txt", []any{}, "cuont", 1), func(arg string) bool { return arg == "count" })
	if err == nil || strings.Contains(err.Error(), "need") || strings.Contains(err.Error(), "txt") || !strings.Contains(err.Error(), "cuont") {
		t.Errorf("got %v", err)
	}
}

func TestModes(t *testing.T) {
	for in, want := range map[any]Mode{
		"0644": "0644", "644": "644", "0o644": "644", "u=rwX,g=rX,o=": "u=rwX,g=rX,o=", "+x": "+x", "a-w": "a-w", "u=g": "u=g",
		"g+s,o+t": "g+s,o+t", "u+r-w": "u+r-w", 420: "0644", 0: "0000", 0o1777: "1777", 0o755: "0755", "": "", " 0600 ": "0600",
	} {
		if got, err := decodeMode(in, false); err != nil || got != want {
			t.Errorf("%v: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []any{644, 755, 777, 600, -1, 1 << 20, "rwxr-xr-x", "888", "u=z", "u+rwx,", true, 1.5, "0644; id"} {
		if got, err := decodeMode(in, false); err == nil {
			t.Errorf("%v was taken as %q", in, got)
		}
	}
}

// Every task has what its documentation, the schema and the decoding need.
func TestBuiltinTasksAreComplete(t *testing.T) {
	r := Builtin()
	for _, name := range r.Names() {
		m, _ := r.New(name)
		doc := m.Doc()
		if doc.Summary == "" || strings.HasSuffix(doc.Summary, ".") || doc.Text == "" || doc.Examples == "" {
			t.Errorf("%s: the documentation has gaps: summary %q", name, doc.Summary)
		}
		seen := map[string]bool{}
		for _, a := range Args(m) {
			for _, n := range append([]string{a.Name}, a.Aliases...) {
				if seen[n] {
					t.Errorf("%s: the argument %s is there twice", name, n)
				}
				seen[n] = true
			}
			if a.Doc == "" || strings.HasSuffix(a.Doc, ".") {
				t.Errorf("%s.%s: its line of documentation is %q", name, a.Name, a.Doc)
			}
			if a.Default != "" && len(a.Choices) > 0 && !slices.Contains(a.Choices, a.Default) {
				t.Errorf("%s.%s: the default %s is none of %v", name, a.Name, a.Default, a.Choices)
			}
		}
		_ = DecodeKnown(m, dict(), func(string) bool { return true }) // panics on bad tags and defaults
		if FreeForm(m) != "" && !seen[FreeForm(m)] {
			t.Errorf("%s: no argument %s", name, FreeForm(m))
		}
	}
}

func TestRegistryNames(t *testing.T) {
	r := Builtin()
	for name, want := range map[string]bool{
		"user": true, "ansible.builtin.user": true, "ansible.legacy.user": true, "mkdir": true,
		"ansible.builtin.mkdir": false, "ansible.builtin.hosts": false, "nosuch": false, "community.general.user": false,
	} {
		if _, ok := r.New(name); ok != want {
			t.Errorf("New(%s) found: %v", name, ok)
		}
	}
	if !slices.IsSorted(r.Names()) {
		t.Error("the names are not sorted")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("text", "value")
	f.Add("mode", "u=rwX")
	f.Add("wait", "1h")
	f.Add("count", "99999999999999999999")
	f.Fuzz(func(t *testing.T, name, text string) {
		for _, v := range []any{text, []any{text}, dict(name, text), len(text), float64(len(text)) / 3} {
			var e everything
			err := Decode(&e, dict("need", "x", name, v))
			var arg *ArgError
			if err != nil && (!errors.As(err, &arg) || arg.Msg == "") {
				t.Errorf("%q: %q gave %v", name, text, err)
			}
			if err == nil && e.Mode != "" && !octalMode.MatchString(string(e.Mode)) && !symbolicMode.MatchString(string(e.Mode)) {
				t.Errorf("the mode %q was taken", e.Mode)
			}
		}
	})
}
