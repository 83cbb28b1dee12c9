package jinja

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

var update = flag.Bool("update", false, "ask Ansible anew and store its answers")

const python = "/usr/bin/python3"

// An answer is what Ansible makes of an input: a value and its text, or an
// error.
type answer struct {
	In    string          `json:"in"`
	Value json.RawMessage `json:"value,omitempty"`
	Text  *string         `json:"text,omitempty"`
	Error string          `json:"error,omitempty"`
}

type answers struct {
	Exprs, Templates, Texts []answer
}

// inputs reads one input a line; # begins a comment.
func inputs(t testing.TB, file string, escaped bool) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	seen := map[string]bool{}
	for _, line := range strings.Split(string(data), "\n") {
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		if escaped {
			line = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace(line)
		}
		if !seen[line] {
			out = append(out, line)
		}
		seen[line] = true
	}
	return out
}

// askAnsible runs testdata/oracle.py. It skips the test where there is no Ansible
// with all that the questions are about.
func askAnsible(t *testing.T, vars json.RawMessage, exprs, templates, texts []string) (out []answer) {
	t.Helper()
	if err := exec.Command(python, "-c", "import ansible.template, netaddr, passlib, ansible_collections.ansible.utils").Run(); err != nil {
		t.Skip("not asked:", python, "can't import Ansible, netaddr, passlib and the collection ansible.utils; Debian's package ansible has them")
	}
	job, err := json.Marshal(map[string]any{"vars": vars, "exprs": exprs, "templates": templates, "texts": texts})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/oracle.py")
	cmd.Stdin = bytes.NewReader(job)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC", "PYTHONHASHSEED=0")
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("oracle.py: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	if err := json.Unmarshal(stdout, &out); err != nil {
		t.Fatal(err)
	}
	all := append(append(append([]string(nil), exprs...), templates...), texts...)
	if len(out) != len(all) {
		t.Fatalf("%d answers to %d questions", len(out), len(all))
	}
	for i := range out {
		out[i].In = all[i]
	}
	return out
}

func oracleVars(t *testing.T) json.RawMessage {
	data, err := os.ReadFile("testdata/vars.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestAnswersAreAnsibles asks the Ansible of this machine and compares with
// the stored answers, so that those can't be made up.
func TestAnswersAreAnsibles(t *testing.T) {
	if testing.Short() {
		t.Skip("asking Ansible takes some seconds")
	}
	exprs, templates, texts := inputs(t, "exprs.txt", false), inputs(t, "templates.txt", true), inputs(t, "texts.txt", true)
	got := askAnsible(t, oracleVars(t), exprs, templates, texts)
	fresh := answers{got[:len(exprs)], got[len(exprs) : len(exprs)+len(templates)], got[len(exprs)+len(templates):]}
	data, err := json.MarshalIndent(fresh, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/answers.json", append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	stored, err := os.ReadFile("testdata/answers.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(stored), data) {
		t.Error("Ansible answers otherwise than testdata/answers.json says; see go test -run AnswersAreAnsibles -update and git diff")
	}
}

// TestAnswers compares this engine with Ansible's stored answers. Where it
// gives another one on purpose, testdata/deviations.json says why.
func TestAnswers(t *testing.T) {
	data, err := os.ReadFile("testdata/answers.json")
	if err != nil {
		t.Fatal(err)
	}
	var all answers
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile("testdata/deviations.json")
	if err != nil {
		t.Fatal(err)
	}
	var deviations map[string]string
	if err := json.Unmarshal(data, &deviations); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TZ", "UTC")
	env := &Env{Vars: dictVars{decode(t, oracleVars(t)).(*value.Dict)}}
	used := map[string]bool{}
	wrong := 0
	check := func(a answer, diff string) {
		_, excused := deviations[a.In]
		used[a.In] = true
		switch {
		case diff != "" && !excused:
			wrong++
			t.Errorf("%s\n%s", a.In, diff)
		case diff == "" && excused:
			t.Errorf("%s\nis as in Ansible after all: testdata/deviations.json is out of date", a.In)
		}
	}
	at := source.Pos{File: "x.yml", Line: 1, Col: 1}
	for _, a := range all.Exprs {
		tmpl, err := CompileExpr(a.In, at)
		check(a, compareAnswer(a, env, tmpl, err))
	}
	for _, a := range all.Templates {
		tmpl, err := Compile(a.In, at)
		check(a, compareAnswer(a, env, tmpl, err))
	}
	for _, a := range all.Texts {
		tmpl, err := CompileText(a.In, at, TextOptions{TrimBlocks: true})
		check(a, compareAnswer(a, env, tmpl, err))
	}
	for in := range deviations {
		if !used[in] {
			t.Errorf("testdata/deviations.json excuses what is not tested: %s", in)
		}
	}
	t.Logf("%d inputs, %d wrong, %d deviations on purpose", len(used), wrong, len(deviations))
}

// compareAnswer is how the template's result differs from Ansible's, or "".
func compareAnswer(a answer, env *Env, tmpl *Template, err error) string {
	ctx := context.Background()
	var got any
	var text string
	if err == nil {
		got, err = tmpl.Eval(ctx, env)
	}
	if err == nil {
		text, err = tmpl.Text(ctx, env)
	}
	switch {
	case a.Error != "" && err != nil:
		return ""
	case a.Error != "":
		return fmt.Sprintf("   gives %s\n Ansible refuses: %s", value.Repr(got), a.Error)
	case err != nil:
		want := string(a.Value)
		if want == "" && a.Text != nil {
			want = *a.Text
		}
		return fmt.Sprintf("   fails: %v\n Ansible gives %s", err, want)
	}
	if a.Text != nil && text != *a.Text {
		return fmt.Sprintf("   text %q\n Ansible %q", text, *a.Text)
	}
	if a.Value == nil {
		return ""
	}
	want, err := value.DecodeJSON(a.Value)
	if err != nil {
		return err.Error()
	}
	if g, w := value.JSON(got, value.JSONStyle{}), value.JSON(want, value.JSONStyle{}); g != w && !value.Equal(got, want) {
		return fmt.Sprintf("   value %s\n Ansible %s", g, w)
	}
	return ""
}
