package tasks_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

// An archive comes from the controller, or from a server by whatever the host
// downloads with.
func TestUnarchiveBrings(t *testing.T) {
	var archive bytes.Buffer
	z := gzip.NewWriter(&archive)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "app/x", Mode: 0o644, Size: 3}); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte("abc"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/app.tgz" {
			_, _ = w.Write(archive.Bytes())
			return
		}
		http.NotFound(w, r)
	}))
	defer srv.Close()
	for _, sh := range downloaders(t) {
		for name, args := range map[string][]any{
			"controller": {"src", "app.tgz"},
			"URL":        {"src", srv.URL + "/app.tgz", "remote_src", true},
		} {
			t.Run(sh.Name+"/"+name, func(t *testing.T) {
				dest := t.TempDir()
				run := func(check bool) tasks.Result {
					t.Helper()
					m := &tasks.Unarchive{}
					if err := tasks.Decode(m, value.NewDict(append([]any{"dest", dest}, args...)...)); err != nil {
						t.Fatal(err)
					}
					if err := m.Validate(); err != nil {
						t.Fatal(err)
					}
					target := &tasks.Target{Conn: &tasktest.Conn{Shell: sh}, Check: check, Files: tasktest.Files{"app.tgz": archive.String()}, Status: func(string) {}}
					res, err := m.Run(t.Context(), target)
					if err != nil {
						t.Fatal(err)
					}
					return res
				}
				want := "extract app.tgz to " + dest + " (2 of 2 entries)"
				if got := strings.Join(run(true).Changes, ", "); got != want {
					t.Errorf("check mode foresees %q", got)
				}
				if exists(filepath.Join(dest, "app")) {
					t.Error("check mode extracted")
				}
				if got := strings.Join(run(false).Changes, ", "); got != want {
					t.Errorf("changes %q", got)
				}
				if b, err := os.ReadFile(filepath.Join(dest, "app/x")); string(b) != "abc" {
					t.Errorf("%q, %v", b, err)
				}
				if res := run(false); res.Changed {
					t.Errorf("again: %q", res.Changes)
				}
			})
		}
	}
	m := &tasks.Unarchive{Src: srv.URL + "/none", Dest: t.TempDir(), RemoteSrc: true, Copy: true, ValidateCerts: true}
	for _, sh := range downloaders(t) {
		if _, err := m.Run(t.Context(), &tasks.Target{Conn: &tasktest.Conn{Shell: sh}, Status: func(string) {}}); err == nil || !strings.Contains(err.Error(), "can't be downloaded") {
			t.Errorf("%s: a URL that is not there: %v", sh.Name, err)
		}
	}
}
