package jinja

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

func filesEnv() *Env {
	return &Env{Vars: dictVars{value.NewDict("n", 3, "list", []any{"plain.txt"})}, Dirs: []string{"/nonexistent", "testdata/files"}}
}

func TestFiles(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(wd, "testdata/files")
	for tmpl, want := range map[string]any{
		"a{% include 'part.j2' %}b":                                                       "aincluded 3b",
		"{% set n = 9 %}{% include 'part.j2' %}":                                          "included 9",
		"{% set n = 9 %}{% include 'part.j2' without context %}":                          "included 3",
		"{% include 'part.j2' %}{{ inner | default('hidden') }}":                          "included 3hidden",
		"{% include ['nope.j2', 'part.j2'] %}":                                            "included 3",
		"[{% include 'nope.j2' ignore missing %}]":                                        "[]",
		"{% for n in [1, 2] %}{% include 'part.j2' %} {% endfor %}":                       "included 1 included 2 ",
		"{% import 'macros.j2' as m %}{{ m.url('h') }} {{ m.answer }}":                    "https://h:2379 42",
		"{% from 'macros.j2' import url as u, answer %}{{ u('h', port=1) }} {{ answer }}": "https://h:1 42",
		"{{ lookup('file', 'text.txt') }}":                                                "  some text",
		"{{ lookup('file', 'text.txt', lstrip=true, rstrip=false) }}":                     "some text \n\n",
		"{{ lookup('file', 'files/text.txt') }}":                                          "  some text",
		"{{ lookup('file', 'plain.txt', 'text.txt') }}":                                   "plain,  some text",
		"{{ query('file', *list) }}":                                                      []any{"plain"},
		"{{ lookup('template', 'part.j2') }}":                                             "included 3\n",
		"{{ lookup('template', 'whole.j2', template_vars={'extra': 'E'}) }}":              "# Ansible managed\nincluded 3E whole.j2\n",
		"{{ lookup('fileglob', '*.conf') }}":                                              dir + "/files/a.conf," + dir + "/files/b.conf",
		"{{ query('fileglob', 'files/*.txt') }}":                                          []any{dir + "/files/text.txt"},
		"{{ lookup('first_found', ['nope', 'b.conf', 'a.conf']) }}":                       dir + "/files/b.conf",
		"{{ lookup('first_found', {'files': 'nope,a.conf', 'paths': ['files']}) }}":       dir + "/files/a.conf",
		"{{ lookup('pipe', 'cat plain.txt') }}":                                           "",
		"{{ 'testdata/files/plain.txt' is file }}":                                        true,
	} {
		env := filesEnv()
		if strings.Contains(tmpl, "pipe") {
			env.Dirs = env.Dirs[1:]
			want = "plain"
		}
		if got := mustEval(t, tmpl, env); !value.Equal(got, want) {
			t.Errorf("%s\n gives %s\n not   %s", tmpl, value.Repr(got), value.Repr(want))
		}
	}
}

// TestErrorsInFiles: an error in an included file names that file.
func TestErrorsInFiles(t *testing.T) {
	for tmpl, want := range map[string]string{
		"{% include 'broken.j2' %}":                     "testdata/files/templates/broken.j2:1:1: '{{' is never closed",
		"{% include 'undefined.j2' %}":                  "testdata/files/templates/undefined.j2:2:4: 'nope' is undefined",
		"{{ lookup('template', 'undefined.j2') }}":      "testdata/files/templates/undefined.j2:2:4: 'nope' is undefined",
		"{% include 'loop.j2' %}":                       "testdata/files/templates/loop.j2:1:4: the template is stopped: more than 100 calls inside each other",
		"x {% include 'nope.j2' %}":                     "x.yml:1:14: there is no file nope.j2 in /nonexistent, testdata/files",
		"{% from 'macros.j2' import uri %}":             "x.yml:1:28: the file sets nothing named uri",
		"{{ lookup('file', 'nope.txt') }}":              "x.yml:1:4: lookup file: there is no file nope.txt in /nonexistent, testdata/files",
		"{{ lookup('first_found', 'x', 'y') }}":         "x.yml:1:4: lookup first_found: there is no file x or y in /nonexistent, testdata/files",
		"{{ lookup('file', list) }}":                    "x.yml:1:4: lookup file: it wants text, not the list ['plain.txt']",
		"{{ lookup('pipe', 'echo oops >&2; exit 3') }}": "x.yml:1:4: lookup pipe: the command 'echo oops >&2; exit 3' failed: exit status 3: oops",
		"{{ lookup('env', 'X', nope=1) }}":              "x.yml:1:4: env has no argument nope",
		"{{ lookup('flie', 'X') }}":                     "x.yml:1:11: there is no lookup named flie",
	} {
		env := filesEnv()
		if strings.Contains(tmpl, "pipe") {
			env.Dirs = nil
		}
		if _, err := eval(t, tmpl, env); err == nil || err.Error() != want {
			t.Errorf("%s\n fails with %v\n not        %s", tmpl, err, want)
		}
	}
}

func TestReadFileAndLookupHooks(t *testing.T) {
	env := &Env{
		Dirs:     []string{"testdata/files"},
		ReadFile: func(name string) ([]byte, error) { return []byte("decrypted " + filepath.Base(name)), nil },
		Lookup: func(_ context.Context, name string, args []any, kw *value.Dict) (any, bool, error) {
			switch name {
			case "inventory_hostnames":
				return args, true, nil
			case "config":
				v, _ := kw.Get("key")
				return v, true, nil
			}
			return nil, false, nil
		},
	}
	for tmpl, want := range map[string]any{
		"{{ lookup('file', 'plain.txt') }}":                 "decrypted plain.txt",
		"{% include 'part.j2' %}":                           "decrypted part.j2",
		"{{ query('inventory_hostnames', 'a', 'b') }}":      []any{"a", "b"},
		"{{ lookup('inventory_hostnames', 'a', 'b') }}":     "a,b",
		"{{ lookup('ansible.builtin.config', key='v') }}":   "v",
		"{{ lookup('items', 1) }}":                          1,
		"{{ lookup('config', errors='ignore', key=none) }}": nil,
	} {
		if got := mustEval(t, tmpl, env); !value.Equal(got, want) {
			t.Errorf("%s gives %s, not %s", tmpl, value.Repr(got), value.Repr(want))
		}
	}
	env.NoLookups = true
	if _, err := eval(t, "{{ lookup('pipe', 'id') }}", env); err == nil {
		t.Error("a lookup runs where none may")
	}
}

func TestRunLookup(t *testing.T) {
	at := source.Pos{File: "site.yml", Line: 9, Col: 7}
	got, err := RunLookup(context.Background(), filesEnv(), "indexed_items", at, []any{"a", "b"}, nil)
	if want := []any{[]any{0, "a"}, []any{1, "b"}}; err != nil || !value.Equal(got, want) {
		t.Errorf("gives %v %v", got, err)
	}
	_, err = RunLookup(context.Background(), filesEnv(), "dict", at, []any{"a"}, nil)
	var e *source.Error
	if !errors.As(err, &e) || e.Pos != at || !strings.Contains(e.Msg, "wants a dictionary") {
		t.Errorf("fails with %v", err)
	}
}

// TestPasswordFile: many hosts that ask at once get one password, and it is
// kept where only its owner can read it.
func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	env := &Env{Dirs: []string{dir}}
	tmpl, err := Compile("{{ lookup('password', 'credentials/db length=24 chars=ascii_letters,digits') }}", source.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	got := make([]any, 16)
	for i := range got {
		wg.Go(func() {
			v, err := tmpl.Eval(context.Background(), env)
			if err != nil {
				t.Error(err)
			}
			got[i] = v
		})
	}
	wg.Wait()
	for _, v := range got {
		if s, ok := v.(string); !ok || len(s) != 24 || v != got[0] {
			t.Fatalf("different or wrong passwords: %v", got)
		}
	}
	path := filepath.Join(dir, "credentials/db")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	data, _ := os.ReadFile(path)
	if string(data) != got[0].(string)+"\n" {
		t.Errorf("the file holds %q", data)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	// A hash of it stays the same from run to run: its salt is kept.
	hash := "{{ lookup('password', 'credentials/db encrypt=sha512_crypt') }}"
	first := mustEval(t, hash, env)
	if second := mustEval(t, hash, env); first != second || !strings.HasPrefix(first.(string), "$6$") {
		t.Errorf("hashes: %v %v", first, second)
	}
	data, _ = os.ReadFile(path)
	if !strings.HasPrefix(string(data), got[0].(string)+" salt=") {
		t.Errorf("the file holds %q", data)
	}
	if v := mustEval(t, "{{ lookup('password', 'credentials/db') }}", env); v != got[0] {
		t.Errorf("the password is now %v", v)
	}
	for _, bad := range []string{"x nope=1", "x length=0", "x length=a", "x chars=,", "a b"} {
		if _, err := eval(t, "{{ lookup('password', '"+bad+"') }}", env); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
