package tasks_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

// downloaders are the shells, and one whose host has GNU wget but no curl.
func downloaders(t *testing.T) []tasktest.Shell {
	shells := tasktest.Shells(t)
	dir := t.TempDir()
	for _, from := range []string{"/usr/bin", "/bin"} {
		programs, _ := os.ReadDir(from)
		for _, p := range programs {
			if p.Name() != "curl" {
				_ = os.Symlink(filepath.Join(from, p.Name()), filepath.Join(dir, p.Name()))
			}
		}
	}
	if !exists(filepath.Join(dir, "wget")) {
		t.Log("not tested with wget: it is not installed")
		return shells
	}
	return append(shells, tasktest.Shell{Name: "wget", Argv: []string{"sh"}, Path: dir})
}

const fileText = "what's in the file\n"

func TestGetURL(t *testing.T) {
	gets := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case r.URL.Path == "/SHA256SUMS":
			fmt.Fprintln(w, "0000000000000000000000000000000000000000000000000000000000000000  other")
			fmt.Fprintln(w, "50b806751809340549c2009807272497e1ecb318ecebab548a527f540df40594 *file")
			return
		case r.URL.Path == "/private" && (user != "me" || password != `s"3\cret` || r.Header.Get("X-Mine") != `a "b" c` || r.UserAgent() != "test"):
			http.Error(w, "no", http.StatusUnauthorized)
			return
		case r.URL.Path == "/missing":
			http.NotFound(w, r)
			return
		}
		gets++
		fmt.Fprint(w, fileText)
	}))
	defer srv.Close()
	sum := "50b806751809340549c2009807272497e1ecb318ecebab548a527f540df40594"
	for _, sh := range downloaders(t) {
		t.Run(sh.Name, func(t *testing.T) {
			dir := t.TempDir()
			dest := filepath.Join(dir, "it's here")
			// run checks, runs and runs again, and compares the changes.
			run := func(want string, downloads int, args ...any) tasks.Result {
				t.Helper()
				foreseen, err := runOn(t, &tasks.GetURL{}, sh, true, value.NewDict(args...))
				if err != nil {
					t.Fatalf("check: %v", err)
				}
				gets = 0
				res, err := runOn(t, &tasks.GetURL{}, sh, false, value.NewDict(args...))
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(res.Changes, ", "); got != want || gets != downloads {
					t.Errorf("changes %q with %d downloads, want %q with %d", got, gets, want, downloads)
				}
				if !slices.Equal(res.Changes, foreseen.Changes) {
					t.Errorf("check mode foresaw %q instead of %q", foreseen.Changes, res.Changes)
				}
				again, err := runOn(t, &tasks.GetURL{}, sh, false, value.NewDict(args...))
				if err != nil || again.Changed {
					t.Errorf("again: %v, %q", err, again.Changes)
				}
				return res
			}
			fails := func(want string, args ...any) {
				t.Helper()
				_, err := runOn(t, &tasks.GetURL{}, sh, false, value.NewDict(args...))
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			res := run("create "+dest, 1, "url", srv.URL+"/file?a=b&c=d", "dest", dest, "mode", "0640")
			if b, err := os.ReadFile(dest); err != nil || string(b) != fileText {
				t.Fatalf("%q, %v", b, err)
			}
			if value.Str(at(t, res.Data, "mode")) != "0640" || at(t, res.Data, "status_code") != 200 {
				t.Errorf("%s", value.Repr(res.Data))
			}
			run("", 0, "url", srv.URL+"/file", "dest", dest)
			run("chmod 0600 "+dest, 0, "url", srv.URL+"/file", "dest", dest, "mode", "0600")
			run("", 1, "url", srv.URL+"/file", "dest", dest, "force", true)
			run("", 0, "url", srv.URL+"/file", "dest", dest, "checksum", "sha256:"+sum)
			run("", 0, "url", srv.URL+"/file", "dest", dest, "checksum", "sha256:"+srv.URL+"/SHA256SUMS")
			run("create "+dir+"/file", 1, "url", srv.URL+"/file", "dest", dir+"/", "checksum", "sha256:"+srv.URL+"/SHA256SUMS")
			if err := os.WriteFile(dest, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			run("", 0, "url", srv.URL+"/file", "dest", dest)
			fails("is "+sum+", not ", "url", srv.URL+"/file", "dest", dest, "checksum", "sha256:"+strings.Repeat("0", 64))
			if b, _ := os.ReadFile(dest); string(b) != "old" {
				t.Errorf("a file with the wrong checksum was kept: %q", b)
			}
			run("update "+dest, 1, "url", srv.URL+"/file", "dest", dest, "checksum", "sha256:"+sum, "backup", true)
			if old, _ := filepath.Glob(dest + ".*"); len(old) != 1 {
				t.Errorf("backups: %q", old)
			}
			run("create "+dir+"/private", 1, "url", srv.URL+"/private", "dest", dir+"/private", "headers", value.NewDict("X-Mine", `a "b" c`),
				"url_username", "me", "url_password", `s"3\cret`, "http_agent", "test")
			fails("Request failed", "url", srv.URL+"/missing", "dest", dir+"/x")
			fails("Request failed", "url", "http://127.0.0.1:1/", "dest", dir+"/x")
			fails("has no checksum of x", "url", srv.URL+"/x", "dest", dir+"/x", "checksum", "sha256:"+srv.URL+"/SHA256SUMS")
			if exists(dir + "/x") {
				t.Error("a failed download left a file")
			}
		})
	}
}

func TestGetURLRefuses(t *testing.T) {
	sh := tasktest.Shells(t)[0]
	for want, args := range map[string]*value.Dict{
		"is no http, https or ftp URL":  value.NewDict("url", "/x", "dest", "/x"),
		"names no algorithm":            value.NewDict("url", "http://x/", "dest", "/x", "checksum", "1234"),
		"64 hexadecimal digits":         value.NewDict("url", "http://x/", "dest", "/x", "checksum", "sha256:1234"),
		"headers: ":                     value.NewDict("url", "http://x/", "dest", "/x", "headers", value.NewDict("a", "b\nc: d")),
		"url_password: must be one":     value.NewDict("url", "http://x/", "dest", "/x", "url_password", "b\nurl = x"),
		`dest: "x" is no absolute path`: value.NewDict("url", "http://x/", "dest", "x"),
	} {
		if _, err := runOn(t, &tasks.GetURL{}, sh, false, args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", value.Repr(args), err, want)
		}
	}
}
