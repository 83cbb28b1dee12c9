package tasks_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

// onDisk are the controller's files as they lie on disk.
type onDisk struct {
	tasktest.Files
	dir string
}

func (d onDisk) Find(_, name string) (string, error) {
	p := filepath.Join(d.dir, name)
	_, err := os.Stat(p)
	return p, err
}

func (d onDisk) Read(name string) ([]byte, error) { return os.ReadFile(name) }

// copies runs the copy task: check, run, run again; it returns the changes.
func copies(t *testing.T, sh tasktest.Shell, files tasks.Files, args *value.Dict) []string {
	t.Helper()
	do := func(check bool) []string {
		m := &tasks.Copy{}
		if err := tasks.Decode(m, args); err != nil {
			t.Fatal(err)
		}
		res, err := m.Run(t.Context(), &tasks.Target{Conn: &tasktest.Conn{Shell: sh}, Check: check, Diff: true, Files: files, Status: func(string) {}})
		if err != nil {
			t.Fatal(err)
		}
		return res.Changes
	}
	foreseen, made, again := do(true), do(false), do(false)
	if diff := cmp.Diff(foreseen, made, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("foreseen and made differ:\n%s", diff)
	}
	if len(again) > 0 {
		t.Errorf("the second run changed %q", again)
	}
	return made
}

func TestCopyTree(t *testing.T) {
	for _, sh := range tasktest.Shells(t) {
		t.Run(sh.Name, func(t *testing.T) {
			from, to := t.TempDir(), t.TempDir()
			for name, text := range map[string]string{"conf/a": "a", "conf/sub/b c": "b", "conf/empty/x/y": "", "elsewhere/z": "z"} {
				p := filepath.Join(from, name)
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, []byte(text), 0o640); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("../elsewhere", filepath.Join(from, "conf/link")); err != nil {
				t.Fatal(err)
			}
			made := copies(t, sh, onDisk{dir: from}, value.NewDict("src", "conf", "dest", to, "mode", "preserve", "directory_mode", "0751"))
			for _, rel := range []string{"a", "sub/b c", "empty/x/y", "link/z"} {
				want, _ := os.ReadFile(filepath.Join(from, "conf", rel))
				got, err := os.ReadFile(filepath.Join(to, "conf", rel))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s is %q, %v", rel, got, err)
				}
			}
			if info, err := os.Stat(filepath.Join(to, "conf/sub")); err != nil || info.Mode().Perm() != 0o751 {
				t.Errorf("the folder's mode is %v, %v", info.Mode(), err)
			}
			if info, err := os.Stat(filepath.Join(to, "conf/a")); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("the file's mode is %v, %v", info.Mode(), err)
			}
			if len(made) != 9 {
				t.Errorf("changes are %q", made)
			}
			into := copies(t, sh, onDisk{dir: from}, value.NewDict("src", "conf/", "dest", filepath.Join(to, "x")))
			if _, err := os.Stat(filepath.Join(to, "x/a")); err != nil || len(into) != 9 {
				t.Errorf("with a slash: %v, %q", err, into)
			}
		})
	}
}

func TestCopyLargeFile(t *testing.T) {
	for _, sh := range tasktest.Shells(t) {
		t.Run(sh.Name, func(t *testing.T) {
			from, to := t.TempDir(), t.TempDir()
			content := bytes.Repeat([]byte("line\x00\n"), 200_000)
			if err := os.WriteFile(filepath.Join(from, "big"), content, 0o600); err != nil {
				t.Fatal(err)
			}
			made := copies(t, sh, onDisk{dir: from}, value.NewDict("src", "big", "dest", to, "mode", "0755"))
			got, err := os.ReadFile(filepath.Join(to, "big"))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes arrived of %d, %v", len(got), len(content), err)
			}
			if diff := cmp.Diff([]string{"create " + to + "/big"}, made); diff != "" {
				t.Error(diff)
			}
			left, _ := filepath.Glob(filepath.Join(os.TempDir(), ".etcdplay-upload.*"))
			if len(left) > 0 {
				t.Errorf("uploads are left behind: %q", left)
			}
		})
	}
}

func TestCopyLinkLoop(t *testing.T) {
	from := t.TempDir()
	if err := os.Mkdir(filepath.Join(from, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..", filepath.Join(from, "d/up")); err != nil {
		t.Fatal(err)
	}
	m := &tasks.Copy{Src: "d"}
	m.Dest = "/nowhere"
	_, err := m.Run(t.Context(), &tasks.Target{Files: onDisk{dir: from}})
	if err == nil {
		t.Fatal("a link loop was copied")
	}
}
