package jinja

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// TestMistakes pins down what a user reads who makes a mistake: the place,
// what is wrong, and what to do.
func TestMistakes(t *testing.T) {
	env := &Env{Vars: dictVars{decode(t, oracleVars(t)).(*value.Dict)}, Dirs: []string{"testdata/files"}}
	var got strings.Builder
	for _, in := range inputs(t, "mistakes.txt", true) {
		tmpl, err := Compile(in, source.Pos{Line: 1, Col: 1})
		when := "compile"
		if err == nil {
			when = "run"
			_, err = tmpl.Eval(context.Background(), env)
		}
		got.WriteString(strings.ReplaceAll(in, "\n", `\n`) + "\n")
		var e *source.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: no located error: %v", in, err)
			continue
		}
		got.WriteString("    " + when + " " + strings.TrimPrefix(e.Error(), ":") + "\n")
		if e.Hint != "" {
			got.WriteString("    hint: " + e.Hint + "\n")
		}
	}
	const file = "testdata/mistakes.want"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the errors differ from %s; look at them with -update and git diff:\n%s", file, got.String())
	}
}
