package playbooks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
)

// names are the variables of a test.
type names map[string]any

func (n names) Var(_ context.Context, name string) (any, bool, error) {
	v, ok := n[name]
	return v, ok, nil
}

func (n names) Names() []string { return nil }

// loadText reads one playbook from memory.
func loadText(t *testing.T, text string, o playbooks.Options) (*playbooks.Loader, []*playbooks.Play, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	o.Catalog = testCatalog
	o.Shipped = fstest.MapFS{"mem.yml": {Data: []byte(text)}}
	l := playbooks.NewLoader(o)
	plays, err := l.Load(t.Context(), []string{"mem.yml"})
	return l, plays, err
}

func TestValues(t *testing.T) {
	_, plays, err := loadText(t, `
- hosts: all
  vars:
    plain: text
    yes_is: yes
    octal: 0644
    unsafe: !unsafe "{{ not a template }}"
    secret: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      61626364
    sum: "{{ n + 1 }}"
    nested: {a: ["{{ n }}", 2], "{{ key }}": x}
    folded: >-
      {{ n }}
      apples
    empty: []
    nothing:
    alias: &list [1, "{{ n }}"]
    again: *list
    merged: {<<: {a: 1, b: 2}, b: 3}
`, playbooks.Options{Decrypt: func(text []byte, at source.Pos) ([]byte, error) {
		if !strings.HasPrefix(string(text), "$ANSIBLE_VAULT;1.1;AES256\n") || at.Line != 8 {
			t.Errorf("decrypting %q at %s", text, at)
		}
		return []byte("pass{{ word }}"), nil
	}})
	if err != nil {
		t.Fatal(report(err, nil))
	}
	want := map[string]any{
		"plain": "text", "yes_is": true, "octal": 420, "unsafe": "{{ not a template }}", "secret": "pass{{ word }}",
		"sum": 6, "nested": value.NewDict("a", []any{5, 2}, "k", "x"), "folded": "5 apples", "empty": []any{}, "nothing": nil,
		"alias": []any{1, 5}, "again": []any{1, 5}, "merged": value.NewDict("a", 1, "b", 3),
	}
	env := &jinja.Env{Vars: names{"n": 5, "key": "k"}}
	if len(plays[0].Vars) != len(want) {
		t.Fatalf("%d variables", len(plays[0].Vars))
	}
	for _, v := range plays[0].Vars {
		got, err := v.Value.Eval(t.Context(), env)
		if err != nil || !value.Equal(got, want[v.Name]) {
			t.Errorf("%s = %s (%v), want %s", v.Name, value.Repr(got), err, value.Repr(want[v.Name]))
		}
	}
}

func TestVaultedFile(t *testing.T) {
	text := "$ANSIBLE_VAULT;1.1;AES256\n6162\n"
	if _, _, err := loadText(t, text, playbooks.Options{}); err == nil || !strings.Contains(err.Error(), "mem.yml:1: this is encrypted") {
		t.Errorf("without a password: %v", err)
	}
	_, plays, err := loadText(t, text, playbooks.Options{Decrypt: func([]byte, source.Pos) ([]byte, error) {
		return []byte("- hosts: all\n"), nil
	}})
	if err != nil || len(plays) != 1 {
		t.Errorf("with a password: %v", err)
	}
	wrong := errors.New("wrong password")
	_, _, err = loadText(t, text, playbooks.Options{Decrypt: func([]byte, source.Pos) ([]byte, error) { return nil, wrong }})
	if !errors.Is(err, wrong) {
		t.Errorf("with a wrong password: %v", err)
	}
}

// The outcomes are Ansible's.
func TestConditions(t *testing.T) {
	_, plays, err := loadText(t, `
- hosts: all
  tasks:
    - {name: "true", debug: , when: [n > 3, yes]}
    - {name: "false", debug: , when: n > 5}
    - {name: "true", debug: , when: text_false}
    - {name: "false", debug: , when: "{{ text_false }}"}
    - {name: "false", debug: , when: "{{ empty }}"}
    - {name: "true", debug: , when: "{{ expr }}"}
    - {name: "true", debug: , when: "'{{ n }}' == '5'"}
    - {name: "false", debug: , when: "n == {{ n }} + 1"}
    - {name: "true", debug: , when: ""}
    - {name: "true", debug: , when: 1}
    - {name: "false", debug: , when: 0}
    - {name: "false", debug: , when: no}
    - {name: "false", debug: , when: "false"}
    - {name: "true", debug: , when: }
    - {name: "false", debug: , when: empty}
`, playbooks.Options{})
	if err != nil {
		t.Fatal(report(err, nil))
	}
	env := &jinja.Env{Vars: names{"n": 5, "text_false": "false", "empty": "", "expr": "n > 3"}}
	for _, n := range plays[0].Tasks {
		task := n.(*playbooks.Task)
		holds := true
		for _, c := range task.When {
			ok, err := c.Eval(t.Context(), env)
			if err != nil {
				t.Errorf("%s: %v", c.Pos, err)
			}
			holds = holds && ok
		}
		if want := task.Name.Raw() == "true"; holds != want {
			t.Errorf("%s: %v is %v", task.Pos, conds(task.When), holds)
		}
	}
}

// Errors that appear only when a template is filled in name their place too.
func TestRuntimePlaces(t *testing.T) {
	_, plays, err := loadText(t, `
- hosts: all
  tasks:
    - debug:
        msg: >-
          one
          two {{ nope }}
    - command: echo creates={{ nope }}
`, playbooks.Options{})
	if err != nil {
		t.Fatal(err)
	}
	env := &jinja.Env{Vars: names{}}
	for i, want := range []source.Pos{{Line: 7, Col: 18}, {Line: 8, Col: 32}} {
		want.File = "shipped:mem.yml"
		_, err := plays[0].Tasks[i].(*playbooks.Task).Args.Eval(t.Context(), env)
		var e *source.Error
		if !errors.As(err, &e) || e.Pos != want {
			t.Errorf("%v, want it at %s", err, want)
		}
	}
}
