package tasks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

func TestFetchFromHost(t *testing.T) {
	reg := tasks.Builtin()
	if m, ok := reg.New("fetch"); !ok || m.Doc().Summary == (&tasks.FetchFromHost{}).Doc().Summary {
		t.Error("fetch is Ansible's")
	}
	for _, sh := range tasktest.Shells(t) {
		t.Run(sh.Name, func(t *testing.T) {
			dir := t.TempDir()
			src := filepath.Join(dir, "it's a\nfile")
			content := "\x00\xff" + strings.Repeat("data\n", 100000)
			if err := os.WriteFile(src, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			fetch := func(check bool, args ...any) (tasks.Result, error) {
				t.Helper()
				m, ok := reg.New("ansible.builtin.fetch")
				if !ok {
					t.Fatal("no ansible.builtin.fetch")
				}
				if err := tasks.Decode(m, value.NewDict(args...)); err != nil {
					t.Fatal(err)
				}
				if err := m.(tasks.Validator).Validate(); err != nil {
					return tasks.Result{}, err
				}
				return m.Run(t.Context(), &tasks.Target{Host: tasks.Peer{Name: "peer1"}, Conn: &tasktest.Conn{Shell: sh}, Check: check, Status: func(string) {}})
			}
			to := filepath.Join(dir, "got")
			for _, c := range []struct {
				dest string
				flat bool
				want string
			}{
				{to, false, filepath.Join(to, "peer1", src)},
				{to + "/flat/", true, filepath.Join(to, "flat", filepath.Base(src))},
				{to + "/name", true, to + "/name"},
			} {
				args := []any{"src", src, "dest", c.dest, "flat", c.flat}
				res, err := fetch(true, args...)
				if err != nil || !res.Changed || exists(c.want) {
					t.Errorf("check: %v, changed %v", err, res.Changed)
				}
				res, err = fetch(false, args...)
				if err != nil || !res.Changed || at(t, res.Data, "dest") != c.want {
					t.Fatalf("%v, %s", err, value.Repr(res.Data))
				}
				if got, err := os.ReadFile(c.want); err != nil || string(got) != content {
					t.Errorf("%d bytes came, %v", len(got), err)
				}
				if res, err := fetch(false, args...); err != nil || res.Changed {
					t.Errorf("again: %v, %q", err, res.Changes)
				}
			}
			left, _ := filepath.Glob(filepath.Join(to, "flat", ".*"))
			if len(left) != 0 {
				t.Errorf("left behind: %q", left)
			}
			if _, err := fetch(false, "src", dir+"/none", "dest", to); err == nil || !strings.Contains(err.Error(), "there is no file "+dir+"/none") {
				t.Errorf("a missing file: %v", err)
			}
			if res, err := fetch(false, "src", dir+"/none", "dest", to, "fail_on_missing", false); err != nil || res.Changed || !strings.Contains(res.Msg, "not transferring") {
				t.Errorf("a missing file that may be: %v, %+v", err, res)
			}
			if _, err := fetch(false, "src", dir, "dest", to); err == nil || !strings.Contains(err.Error(), "is a directory, not a file") {
				t.Errorf("a directory: %v", err)
			}
			if _, err := fetch(false, "src", src, "dest", dir, "flat", true); err == nil || !strings.Contains(err.Error(), "is a directory") {
				t.Errorf("a directory as dest: %v", err)
			}
		})
	}
}
