package tasks_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

// A mirror serves files by path and counts the bytes that it sends.
type mirror struct {
	*httptest.Server
	files map[string][]byte
	sent  atomic.Int64
	gets  atomic.Int64
	parts atomic.Int64 // requests for the rest of a file
}

func newMirror(t *testing.T, files map[string][]byte) *mirror {
	t.Helper()
	m := &mirror{files: files}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := m.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method == http.MethodGet {
			m.gets.Add(1)
			if r.Header.Get("Range") != "" {
				m.parts.Add(1)
			}
		}
		http.ServeContent(&counted{w, &m.sent}, r, "", time.Unix(1700000000, 0), bytes.NewReader(text))
	}))
	t.Cleanup(m.Close)
	return m
}

type counted struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n.Add(int64(n))
	return n, err
}

func sha(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// release is like one of etcd's: all in one folder, one file executable.
var release = map[string]string{
	"app-v1/app":               "#!/bin/sh\necho app\n",
	"app-v1/README.md":         "read me\n",
	"app-v1/docs/it's a \"b\"": "text\n",
	"app-v1/.hidden/deep/x":    "x\n",
	"app-v1/link":              "",
}

func tarGz(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range sortedKeys(files) {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), ModTime: time.Unix(1600000000, 0), Uid: 4242, Gid: 4242}
		if strings.HasSuffix(name, "/app") {
			h.Mode = 0o755
		}
		if strings.HasSuffix(name, "/link") {
			h.Typeflag, h.Linkname = tar.TypeSymlink, "app"
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range sortedKeys(files) {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sortStrings(keys)
	return keys
}

func sortStrings(s []string) {
	for i := range s {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
}

// A fetcher is one host with a folder, and the cache of a controller.
type fetcher struct {
	t    *testing.T
	dir  string
	conn tasks.Conn
	args *value.Dict
	cache
}

type cache struct {
	tasktest.Files
	dir string
}

func (c cache) Cache() (string, error) { return c.dir, nil }

func newFetcher(t *testing.T, sh tasktest.Shell, args ...any) *fetcher {
	dir := t.TempDir()
	return &fetcher{t: t, dir: dir, conn: &tasktest.Conn{Shell: sh, Home: dir}, args: value.NewDict(args...), cache: cache{dir: t.TempDir()}}
}

func (f *fetcher) run(check bool) (tasks.Result, error) {
	f.t.Helper()
	m := &tasks.Fetch{}
	if err := tasks.Decode(m, f.args); err != nil {
		f.t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		return tasks.Result{}, err
	}
	host := tasks.Peer{Name: "peer1", Conn: f.conn}
	return m.Run(context.Background(), &tasks.Target{Host: host, Peers: []tasks.Peer{host}, Conn: f.conn, Check: check, Files: f.cache, Status: func(string) {}})
}

// converge makes the changes, as check mode foretells them, and no more when
// run again.
func (f *fetcher) converge(changes ...string) tasks.Result {
	f.t.Helper()
	before := f.list()
	foreseen, err := f.run(true)
	if err != nil {
		f.t.Fatalf("check: %v", explain(err))
	}
	if diff := cmp.Diff(before, f.list()); diff != "" {
		f.t.Errorf("check mode made changes:\n%s", diff)
	}
	made, err := f.run(false)
	if err != nil {
		f.t.Fatalf("run: %v", explain(err))
	}
	want := make([]string, len(changes))
	for i, c := range changes {
		want[i] = strings.ReplaceAll(c, "{dir}", f.dir)
	}
	if diff := cmp.Diff(want, made.Changes, cmpopts.EquateEmpty()); diff != "" {
		f.t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(foreseen.Changes, made.Changes, cmpopts.EquateEmpty()); diff != "" {
		f.t.Errorf("foreseen and made:\n%s", diff)
	}
	for _, check := range []bool{true, false} {
		again, err := f.run(check)
		if err != nil {
			f.t.Fatalf("again: %v", explain(err))
		}
		if len(again.Changes) > 0 {
			f.t.Errorf("the second run (check %v) makes %q", check, again.Changes)
		}
	}
	return made
}

// list is every file below the host's folder with its mode and contents.
func (f *fetcher) list() map[string]string {
	f.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(f.dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, _ := os.ReadFile(p) // a dangling link has none
		name, _ := filepath.Rel(f.dir, p)
		out[name] = fmt.Sprintf("%v %s", info.Mode(), text)
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

func (f *fetcher) write(name, text string) {
	f.t.Helper()
	p := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// fails runs and wants a failure with all of the words.
func (f *fetcher) fails(words ...string) {
	f.t.Helper()
	_, err := f.run(false)
	if err == nil {
		f.t.Fatalf("did not fail, want %q", words)
	}
	for _, w := range words {
		if w = strings.ReplaceAll(w, "{dir}", f.dir); !strings.Contains(explain(err), w) {
			f.t.Errorf("the error does not say %q:\n%s", w, explain(err))
		}
	}
}

// fetchShells are the usual ones, and bash with wget but no curl.
func fetchShells(t *testing.T) []tasktest.Shell {
	shells := tasktest.Shells(t)
	for i, sh := range shells {
		if sh.Name == "bash" {
			shells[i].Path = without(t, "curl")
			shells[i].Name = "bash-wget"
		}
	}
	return shells
}

// without is a PATH on which some programs are not to be found.
func without(t *testing.T, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range []string{"/bin", "/usr/bin", "/usr/sbin", "/sbin"} {
		entries, err := os.ReadDir(from)
		if err != nil {
			continue
		}
	next:
		for _, e := range entries {
			for _, p := range programs {
				if e.Name() == p {
					continue next
				}
			}
			_ = os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())) // the first of a name wins
		}
	}
	return dir
}

// stub puts a program of our own in front of a shell's PATH.
func stub(t *testing.T, sh tasktest.Shell, name, text string) tasktest.Shell {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if sh.Path == "" {
		sh.Path = "/usr/sbin:/usr/bin:/sbin:/bin"
	}
	sh.Path = dir + ":" + sh.Path
	return sh
}

func eachFetchShell(t *testing.T, f func(t *testing.T, sh tasktest.Shell)) {
	t.Parallel()
	for _, sh := range fetchShells(t) {
		t.Run(sh.Name, func(t *testing.T) { f(t, sh) })
	}
}

func TestFetchFile(t *testing.T) {
	text := []byte(strings.Repeat("some contents\n", 1000))
	m := newMirror(t, map[string][]byte{
		"/v1/app": text,
		"/v1/SHA256SUMS": []byte("0000000000000000000000000000000000000000000000000000000000000000  other\n" +
			strings.ToUpper(sha(text)) + " *app\n"),
	})
	eachFetchShell(t, func(t *testing.T, sh tasktest.Shell) {
		for _, checksum := range []string{"sha256:" + sha(text), sha(text), "sha256:SHA256SUMS", "sha256:" + m.URL + "/v1/SHA256SUMS"} {
			f := newFetcher(t, sh, "url", m.URL+"/v1/app", "checksum", checksum, "mode", "0750")
			f.args.Set("dest", f.dir+"/app")
			f.converge("download app to {dir}/app")
			want := map[string]string{"app": "-rwxr-x--- " + string(text)}
			if diff := cmp.Diff(want, f.list()); diff != "" {
				t.Error(diff)
			}
			f.write("app", "damaged")
			f.converge("download app to {dir}/app")
			if err := os.Chmod(f.dir+"/app", 0o600); err != nil {
				t.Fatal(err)
			}
			f.converge("chmod 0750 {dir}/app")
		}
		// into a directory, without a checksum: warned about, and downloaded once
		f := newFetcher(t, sh, "url", []any{m.URL + "/nowhere", m.URL + "/v1/app?x=1"})
		f.args.Set("dest", f.dir+"/")
		f.args.Set("url", m.URL+"/v1/app?x=1")
		res := f.converge("download app to {dir}/app")
		if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "was not checked") {
			t.Errorf("warnings %q", res.Warnings)
		}
		f.write("app", "mine")
		f.converge()
	})
}

func TestFetchExtract(t *testing.T) {
	archive := tarGz(t, release)
	m := newMirror(t, map[string][]byte{
		"/app-v1-amd64.tar.gz": archive,
		"/SHA256SUMS":          []byte(sha(archive) + "  app-v1-amd64.tar.gz\n"),
	})
	eachFetchShell(t, func(t *testing.T, sh tasktest.Shell) {
		f := newFetcher(t, sh, "url", m.URL+"/app-v1-{arch}.tar.gz", "checksum", "sha256:SHA256SUMS", "strip", 1,
			"arch_map", value.NewDict("x86_64", "amd64", "aarch64", "amd64"))
		f.args.Set("extract", f.dir+"/opt")
		f.converge("extract app-v1-amd64.tar.gz to {dir}/opt")
		whole := f.list()
		names := []string{"opt/.etcdplay-fetch-app-v1-amd64.tar.gz", "opt/.hidden/deep/x", "opt/README.md", "opt/app", "opt/docs/it's a \"b\"", "opt/link"}
		if diff := cmp.Diff(names, sortedKeys(whole)); diff != "" {
			t.Error(diff)
		}
		if whole["opt/app"] != "-rwxr-xr-x "+release["app-v1/app"] {
			t.Errorf("app is %q", whole["opt/app"])
		}
		if info, err := os.Stat(f.dir + "/opt"); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("the directory: %v %v", info.Mode(), err)
		}
		// the note suffices: not even the checksums are asked for again
		gets := m.gets.Load()
		f.converge()
		if m.gets.Load() != gets {
			t.Errorf("%d downloads for a tree that is whole", m.gets.Load()-gets)
		}
		damages := map[string]func(){
			"missing":  func() { mustDo(t, os.Remove(f.dir+"/opt/docs/it's a \"b\"")) },
			"changed":  func() { f.write("opt/README.md", "read us\n") },
			"mode":     func() { mustDo(t, os.Chmod(f.dir+"/opt/app", 0o600)) },
			"no note":  func() { mustDo(t, os.Remove(f.dir+"/opt/.etcdplay-fetch-app-v1-amd64.tar.gz")) },
			"cut note": func() { f.write("opt/.etcdplay-fetch-app-v1-amd64.tar.gz", "# What") },
			"link":     func() { mustDo(t, os.Remove(f.dir+"/opt/link")); f.write("opt/link", "no link") },
		}
		f.write("opt/data/mine", "precious")
		f.write("opt/docs/notes", "mine too")
		for name, damage := range damages {
			app := inode(t, f.dir+"/opt/app")
			damage()
			f.converge("extract app-v1-amd64.tar.gz to {dir}/opt")
			now := f.list()
			for _, kept := range []string{"opt/data/mine", "opt/docs/notes"} {
				if now[kept] == "" {
					t.Errorf("%s: %s is gone", name, kept)
				}
				delete(now, kept)
			}
			// the time of a link is not always kept, so the note may differ
			now["opt/.etcdplay-fetch-app-v1-amd64.tar.gz"] = whole["opt/.etcdplay-fetch-app-v1-amd64.tar.gz"]
			if diff := cmp.Diff(whole, now); diff != "" {
				t.Errorf("%s: not mended:\n%s", name, diff)
			}
			if name != "mode" && inode(t, f.dir+"/opt/app") != app {
				t.Errorf("%s: a file that was whole was replaced", name)
			}
		}
	})
}

func inode(t *testing.T, name string) uint64 {
	t.Helper()
	info, err := os.Stat(name)
	mustDo(t, err)
	return info.Sys().(*syscall.Stat_t).Ino
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFetchExtractOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to give files away")
	}
	archive := tarGz(t, release)
	m := newMirror(t, map[string][]byte{"/app-1.tar.gz": archive})
	eachFetchShell(t, func(t *testing.T, sh tasktest.Shell) {
		f := newFetcher(t, sh, "url", m.URL+"/app-1.tar.gz", "checksum", sha(archive), "strip", 1)
		f.args.Set("extract", f.dir+"/opt")
		f.converge("extract app-1.tar.gz to {dir}/opt")
		if diff := cmp.Diff("0 /opt/app 0 /opt/docs 0 /opt/link", owners(t, f.dir, "/opt/app", "/opt/docs", "/opt/link")); diff != "" {
			t.Error(diff)
		}
		f.args.Set("owner", "nobody")
		f.args.Set("mode", "go=")
		res, err := f.run(true)
		if err != nil || len(res.Changes) == 0 || !strings.HasPrefix(res.Changes[0], "chown nobody") {
			t.Fatalf("%q %v", res.Changes, explain(err))
		}
		f.converge(res.Changes...)
		if diff := cmp.Diff("65534 /opt/app 65534 /opt/docs 65534 /opt/link", owners(t, f.dir, "/opt/app", "/opt/docs", "/opt/link")); diff != "" {
			t.Error(diff)
		}
		// drift of one file's owner is mended, without a download
		mustDo(t, os.Chown(f.dir+"/opt/app", 0, 0))
		gets := m.gets.Load()
		f.converge("chown nobody {dir}/opt/app")
		if m.gets.Load() != gets {
			t.Error("downloaded again for an owner")
		}
	})
}

func owners(t *testing.T, dir string, names ...string) string {
	t.Helper()
	var out []string
	for _, n := range names {
		text, err := exec.Command("stat", "-c", "%u", dir+n).Output()
		mustDo(t, err)
		out = append(out, strings.TrimSpace(string(text))+" "+n)
	}
	return strings.Join(out, " ")
}

func TestFetchKeepsArchive(t *testing.T) {
	t.Parallel()
	archive := zipped(t, map[string]string{"app": "1", "sub/b": "2"})
	m := newMirror(t, map[string][]byte{"/app-2.zip": archive})
	for _, sh := range fetchShells(t) {
		f := newFetcher(t, sh, "url", m.URL+"/app-2.zip", "checksum", sha(archive))
		f.args.Set("extract", f.dir+"/opt")
		f.args.Set("dest", f.dir+"/kept.zip")
		f.converge("download app-2.zip to {dir}/kept.zip", "extract app-2.zip to {dir}/opt")
		gets := m.gets.Load()
		mustDo(t, os.Remove(f.dir+"/opt/app"))
		f.converge("extract app-2.zip to {dir}/opt")
		if m.gets.Load() != gets {
			t.Error("the archive is there, and was downloaded again")
		}
		mustDo(t, os.Remove(f.dir+"/kept.zip"))
		f.converge("download app-2.zip to {dir}/kept.zip")
	}
}

func TestFetchFailures(t *testing.T) {
	text := []byte("contents")
	m := newMirror(t, map[string][]byte{"/app": text, "/SHA256SUMS": []byte("# nothing\n"), "/bad.tar.gz": []byte("no gzip")})
	wrong := strings.Repeat("0", 64)
	eachFetchShell(t, func(t *testing.T, sh tasktest.Shell) {
		for _, via := range []string{"host", "controller", "auto"} {
			f := newFetcher(t, sh, "via", via, "url", []any{m.URL + "/app", m.URL + "/missing/app", "http://127.0.0.1:1/app"}, "checksum", wrong)
			f.args.Set("dest", f.dir+"/app")
			f.fails("no mirror could be used for app",
				m.URL+"/app: wrong checksum: expected "+wrong+", got "+sha(text),
				m.URL+"/missing/app: ", "404", "http://127.0.0.1:1/app: ")
			f.args.Set("checksum", "sha256:SHA256SUMS")
			f.fails("no mirror tells the checksum of app", m.URL+"/SHA256SUMS: it does not name app", "http://127.0.0.1:1/SHA256SUMS: ")
			if left := f.list(); len(left) > 0 {
				t.Errorf("via %s left %v", via, left)
			}
		}
		f := newFetcher(t, sh, "url", m.URL+"/bad.tar.gz", "checksum", sha([]byte("no gzip")))
		f.args.Set("extract", f.dir+"/opt")
		f.fails("can't extract bad.tar.gz")
		if _, err := os.Stat(f.dir + "/opt"); err == nil {
			t.Error("a broken archive left a tree")
		}
		if sh.Name != "busybox" { // it does not look for its own programs in PATH
			f = newFetcher(t, stub(t, sh, "df", "echo x; echo x 10 5 0 50% /"), "url", m.URL+"/app", "checksum", sha(text))
			f.args.Set("dest", f.dir+"/app")
			f.fails("no room for app", "0 MB free")
			f = newFetcher(t, stub(t, sh, "uname", "echo mips"), "url", m.URL+"/app-{arch}")
			f.args.Set("dest", f.dir+"/app")
			f.fails("no word for {arch} on this machine (mips)", "arch_map: {mips: WORD}")
		}
		f = newFetcher(t, sh, "url", m.URL+"/app", "checksum", sha(text))
		f.args.Set("dest", f.dir+"/nowhere/app")
		f.fails("there is no directory {dir}/nowhere")
	})
}

func TestFetchResumes(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	m := newMirror(t, map[string][]byte{"/app": text})
	eachFetchShell(t, func(t *testing.T, sh tasktest.Shell) {
		f := newFetcher(t, sh, "url", m.URL+"/app", "checksum", sha(text))
		f.args.Set("dest", f.dir+"/app")
		f.write(".app.etcdplay-part", string(text[:len(text)-1000]))
		before, parts := m.sent.Load(), m.parts.Load()
		f.converge("download app to {dir}/app")
		if m.parts.Load() == parts {
			t.Error("the rest alone was not asked for")
		}
		// busybox's wget can't ask for the size alone: it sends some of the file
		if sent := m.sent.Load() - before; sent > 1000 && sh.Name != "busybox" {
			t.Errorf("%d bytes were sent for the 1000 that lacked", sent)
		}
		// what is left of something else, or complete already
		for _, part := range []string{"garbage", string(text), string(text) + "more"} {
			mustDo(t, os.Remove(f.dir+"/app"))
			f.write(".app.etcdplay-part", part)
			f.converge("download app to {dir}/app")
			if len(f.list()) != 1 {
				t.Errorf("left: %v", sortedKeys(f.list()))
			}
		}
	})
}

func TestFetchViaController(t *testing.T) {
	t.Parallel()
	archive := tarGz(t, release)
	m := newMirror(t, map[string][]byte{"/app-v1.tar.gz": archive, "/SHA256SUMS": []byte(sha(archive) + "  app-v1.tar.gz\n")})
	dash := tasktest.Shells(t)[0]
	bare := dash
	bare.Path = without(t, "curl", "wget")
	for name, c := range map[string]struct {
		sh  tasktest.Shell
		via string
	}{"asked for": {dash, "controller"}, "no tools": {bare, "auto"}} {
		for _, checksum := range []string{"sha256:" + sha(archive), "sha256:SHA256SUMS", ""} {
			t.Run(name+" "+checksum, func(t *testing.T) {
				f := newFetcher(t, c.sh, "via", c.via, "url", m.URL+"/app-v1.tar.gz", "strip", 1)
				if checksum != "" {
					f.args.Set("checksum", checksum)
				}
				f.args.Set("extract", f.dir+"/opt")
				f.converge("extract app-v1.tar.gz to {dir}/opt")
				if checksum == "" {
					return
				}
				// the next host is served from the cache
				gets := m.gets.Load()
				f.args.Set("extract", f.dir+"/opt2")
				if checksum == "sha256:SHA256SUMS" {
					gets++
				}
				f.converge("extract app-v1.tar.gz to {dir}/opt2")
				if m.gets.Load() != gets {
					t.Errorf("%d downloads too many", m.gets.Load()-gets)
				}
			})
		}
	}
	t.Run("both fail", func(t *testing.T) {
		f := newFetcher(t, bare, "url", "http://127.0.0.1:1/app", "checksum", sha(archive))
		f.args.Set("dest", f.dir+"/app")
		f.fails("from the controller", "neither curl nor wget", "refused")
	})
	t.Run("file", func(t *testing.T) {
		f := newFetcher(t, dash, "via", "controller", "checksum", sha([]byte("x")))
		f.write("src/app", "x")
		f.args.Set("url", "file://"+f.dir+"/src/app")
		f.args.Set("dest", f.dir+"/app")
		f.converge("download app to {dir}/app")
	})
}

func TestFetchConverges(t *testing.T) {
	t.Parallel()
	archive := tarGz(t, release)
	m := newMirror(t, map[string][]byte{"/app-v1.tar.gz": archive})
	sh := tasktest.Shells(t)[0]
	for _, via := range []string{"host", "controller"} {
		for n := 1; n <= 2; n++ {
			for _, after := range []bool{false, true} {
				f := newFetcher(t, sh, "via", via, "url", m.URL+"/app-v1.tar.gz", "checksum", sha(archive), "strip", 1)
				f.args.Set("extract", f.dir+"/opt")
				whole := f.conn
				f.conn = &cutConn{Conn: whole, left: n, after: after}
				_, err := f.run(false)
				f.conn = whole
				done := "extract app-v1.tar.gz to {dir}/opt"
				if _, there := f.list()["opt/app"]; there {
					f.converge()
				} else if err != nil {
					f.converge(done)
				}
				if left, _ := filepath.Glob(f.dir + "/.*"); len(left) > 0 {
					t.Errorf("left: %v", left)
				}
			}
		}
	}
	// several hosts that are one machine
	f0 := newFetcher(t, sh, "url", m.URL+"/app-v1.tar.gz", "checksum", sha(archive), "strip", 1)
	f0.args.Set("extract", f0.dir+"/opt")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := f0.run(false); err != nil {
				t.Error(explain(err))
			}
		})
	}
	wg.Wait()
	f0.converge()
	// a half-extracted tree
	f := newFetcher(t, sh, "url", m.URL+"/app-v1.tar.gz", "checksum", sha(archive), "strip", 1)
	f.args.Set("extract", f.dir+"/opt")
	f.write("opt/app", "half")
	f.converge("extract app-v1.tar.gz to {dir}/opt")
}

func TestFetchCreates(t *testing.T) {
	eachFetchShell(t, func(t *testing.T, sh tasktest.Shell) {
		f := newFetcher(t, sh, "url", "http://127.0.0.1:1/app-{arch}")
		f.args.Set("dest", f.dir+"/app")
		f.args.Set("creates", f.dir+"/there")
		f.write("there", "")
		res := f.converge()
		if again, err := f.run(false); err != nil || !again.Skipped || !strings.Contains(again.Msg, "exists") {
			t.Errorf("%+v %v", res, err)
		}
	})
}

func TestFetchValidate(t *testing.T) {
	for _, c := range []struct {
		args []any
		want string
	}{
		{[]any{"url", "example.com/x", "dest", "/x"}, "no http, https, ftp or file URL"},
		{[]any{"url", "https://example.com/", "dest", "/x"}, "names no file"},
		{[]any{"url", "https://example.com/x"}, "dest: missing"},
		{[]any{"url", "https://example.com/x", "dest", "x"}, "no absolute path"},
		{[]any{"url", "https://example.com/x", "dest", "/x", "checksum", "md5:abc"}, "neither sha256:HEX"},
		{[]any{"url", "https://example.com/x", "dest", "/x", "checksum", "sha256:abc"}, "64 hexadecimal digits, not 3"},
		{[]any{"url", "https://example.com/x", "dest", "/x", "strip", 1}, "no meaning without extract"},
		{[]any{"url", "https://example.com/a b", "dest", "/x"}, "no http"},
	} {
		m := &tasks.Fetch{}
		err := tasks.Decode(m, value.NewDict(c.args...))
		if err == nil {
			err = m.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
}
