package jinja

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// dictVars serves variables from a dictionary.
type dictVars struct{ d *value.Dict }

func (v dictVars) Var(_ context.Context, name string) (any, bool, error) {
	x, ok := v.d.Get(name)
	return x, ok, nil
}

func (v dictVars) Names() []string { return stringKeys(v.d.Keys()) }

// decode reads JSON keeping the order of keys.
func decode(t testing.TB, data []byte) any {
	t.Helper()
	v, err := value.DecodeJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAnsibleCases compares with the answers that Ansible gave for the same
// templates. Ansible makes text of computed numbers and tuples, so what it
// gives as text is compared as text.
func TestAnsibleCases(t *testing.T) {
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vars  json.RawMessage
		Cases []struct {
			Name, Template, Error string
			Want                  json.RawMessage
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	env := &Env{Vars: dictVars{decode(t, file.Vars).(*value.Dict)}}
	if len(file.Cases) != 88 {
		t.Errorf("%d cases instead of 88", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			at := source.Pos{File: "site.yml", Line: 7, Col: 3}
			tmpl, err := Compile(c.Template, at)
			var got any
			var text string
			if err == nil {
				got, err = tmpl.Eval(context.Background(), env)
			}
			if err == nil {
				text, err = tmpl.Text(context.Background(), env)
			}
			if c.Error != "" {
				if err == nil {
					t.Fatalf("%s\ngives %s instead of an error like: %s", c.Template, value.Repr(got), c.Error)
				}
				var e *source.Error
				if !errors.As(err, &e) || e.Pos.Line == 0 || e.Pos.Col == 0 {
					t.Errorf("the error has no place: %v", err)
				}
				t.Log(e.Detail())
				return
			}
			if err != nil {
				t.Fatalf("%s\n%v", c.Template, err)
			}
			want := decode(t, c.Want)
			if s, ok := want.(string); ok {
				if text != s {
					t.Errorf("%s\ngives %q, Ansible %q", c.Template, text, s)
				}
				return
			}
			if !value.Equal(got, want) || value.JSON(got, value.JSONStyle{}) != value.JSON(want, value.JSONStyle{}) {
				t.Errorf("%s\ngives %s, Ansible %s", c.Template, value.Repr(got), value.Repr(want))
			}
		})
	}
}
