package tasks_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
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

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch r.URL.Path {
	case "/json":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "7"})
		fmt.Fprint(w, `{"a": [1, 2.5, null]}`)
	case "/missing":
		http.Error(w, "no such thing", http.StatusNotFound)
	case "/moved":
		http.Redirect(w, r, "/json", http.StatusFound)
	default:
		user, password, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s %s %s|%s|%s:%s|%s|%s", r.Method, r.URL, r.Header.Get("Content-Type"), r.Header.Get("X-Mine"), user, password, r.UserAgent(), body)
	}
}

func TestURI(t *testing.T) {
	sh := tasktest.Shells(t)[0]
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	for name, c := range map[string]struct {
		args        []any
		want, fails string // want: status, msg, content or json
	}{
		"get": {args: []any{"url", srv.URL + "/x?a=b", "return_content", true},
			want: "200 OK (24 bytes) GET /x?a=b ||:|etcdplay|"},
		"json comes without asking": {args: []any{"url", srv.URL + "/json"}, want: "200 OK (21 bytes) {'a': [1, 2.5, None]} {'sid': '7'} sid=7"},
		"post json": {args: []any{"url", srv.URL, "method", "POST", "body_format", "json", "body", value.NewDict("k", []any{1, true}), "return_content", true},
			want: `200 OK (52 bytes) POST / application/json||:|etcdplay|{"k": [1, true]}`},
		"a form": {args: []any{"url", srv.URL, "method", "POST", "body_format", "form-urlencoded", "body", value.NewDict("a", "x y&z", "b", []any{1, 2}), "return_content", true},
			want: `200 OK (70 bytes) POST / application/x-www-form-urlencoded||:|etcdplay|a=x+y%26z&b=1&b=2`},
		"headers and authentication": {args: []any{"url", srv.URL, "headers", value.NewDict("X-Mine", "yes"), "user", "me", "password", "s3cret", "http_agent", "test", "return_content", true},
			want: "200 OK (26 bytes) GET / |yes|me:s3cret|test|"},
		"a status that is expected": {args: []any{"url", srv.URL + "/missing", "status_code", []any{200, 404}}, want: "404 Not Found (14 bytes)"},
		"a status that is not":      {args: []any{"url", srv.URL + "/missing"}, fails: "Status code was 404 and not [200]: HTTP Error 404: Not Found", want: "404 Not Found (14 bytes) no such thing\n"},
		"status codes as a text":    {args: []any{"url", srv.URL + "/missing", "status_code", "200, 404"}, want: "404 Not Found (14 bytes)"},
		"followed":                  {args: []any{"url", srv.URL + "/moved"}, want: "200 OK (21 bytes) {'a': [1, 2.5, None]} {'sid': '7'} sid=7 redirected"},
		"not followed":              {args: []any{"url", srv.URL + "/moved", "follow_redirects", "none", "status_code", 302}, want: "302 Found (28 bytes)"},
		"a POST is not followed":    {args: []any{"url", srv.URL + "/moved", "method", "POST", "status_code", 302}, want: "302 Found (0 bytes)"},
		"nobody there":              {args: []any{"url", "http://127.0.0.1:1/"}, fails: "Status code was -1 and not [200]: Request failed: ", want: "-1"},
		"creates":                   {args: []any{"url", "http://127.0.0.1:1/", "creates", "/"}, want: "skipped / exists"},
		"removes":                   {args: []any{"url", "http://127.0.0.1:1/", "removes", "/no/such"}, want: "skipped /no/such does not exist"},
		"no URL":                    {args: []any{"url", "example.com"}, fails: "is no http or https URL"},
		"a dict without a format":   {args: []any{"url", srv.URL, "body", value.NewDict("a", 1)}, fails: "did you mean body_format: json?"},
		"a method in small letters": {args: []any{"url", srv.URL, "method", "get"}, fails: "write it in capitals"},
	} {
		res, err := runOn(t, &tasks.URI{}, sh, false, value.NewDict(c.args...))
		if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%s: %v, want %q", name, err, c.fails)
		}
		if got := answered(res); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
		if res.Changed {
			t.Errorf("%s: changed", name)
		}
	}
	res, err := runOn(t, &tasks.URI{}, sh, true, value.NewDict("url", "http://127.0.0.1:1/"))
	if err != nil || !res.Skipped {
		t.Errorf("check mode: %+v, %v", res, err)
	}
}

// answered is what a result says, in short.
func answered(r tasks.Result) string {
	if r.Skipped {
		return "skipped " + r.Msg
	}
	var parts []string
	for _, key := range []string{"status", "msg", "content", "json", "cookies", "cookies_string", "redirected"} {
		v, ok := r.Data.Get(key)
		if key == "msg" {
			v, ok = r.Msg, r.Msg != ""
		}
		switch s := value.Str(v); {
		case !ok || s == "" || s == "{}" || s == "False":
		case key == "redirected":
			parts = append(parts, key)
		default:
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " ")
}

func TestURIOverTLS(t *testing.T) {
	sh := tasktest.Shells(t)[0]
	srv := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := runOn(t, &tasks.URI{}, sh, false, value.NewDict("url", srv.URL)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
	for _, args := range []*value.Dict{value.NewDict("url", srv.URL, "validate_certs", false), value.NewDict("url", srv.URL, "ca_path", ca)} {
		if _, err := runOn(t, &tasks.URI{}, sh, false, args); err != nil {
			t.Errorf("%s: %v", value.Repr(args), err)
		}
	}
}

func TestURISocketAndFiles(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(echo)}}
	srv.Start()
	defer srv.Close()
	upload := filepath.Join(dir, "up load")
	if err := os.WriteFile(upload, []byte("from the host"), 0o600); err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(dir, "it's here")
	for _, sh := range tasktest.Shells(t) {
		args := func() *value.Dict {
			return value.NewDict("url", "http://any/", "unix_socket", socket, "method", "PUT", "src", upload, "remote_src", true, "dest", dest, "mode", "0600")
		}
		_ = os.Remove(dest)
		res, err := runOn(t, &tasks.URI{}, sh, false, args())
		if err != nil || !res.Changed || at(t, res.Data, "path") != dest {
			t.Fatalf("%s: %v, %+v", sh.Name, err, res)
		}
		got, err := os.ReadFile(dest)
		if err != nil || string(got) != "PUT / ||:|etcdplay|from the host" {
			t.Errorf("%s: %q, %v", sh.Name, got, err)
		}
		res, err = runOn(t, &tasks.URI{}, sh, false, args())
		if err != nil || res.Changed {
			t.Errorf("%s, again: %v, %q", sh.Name, err, res.Changes)
		}
	}
}

func TestURIMultipart(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		f, h, err := r.FormFile("file")
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		text, _ := io.ReadAll(f)
		fmt.Fprintf(w, "%s|%s|%s|%s", r.FormValue("name"), h.Filename, h.Header.Get("Content-Type"), text)
	}))
	defer srv.Close()
	m := &tasks.URI{}
	args := value.NewDict("url", srv.URL, "method", "POST", "body_format", "form-multipart", "return_content", true,
		"body", value.NewDict("name", "a\"b", "file", value.NewDict("filename", "dir/x.txt", "mime_type", "text/plain")))
	if err := tasks.Decode(m, args); err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	target := &tasks.Target{Conn: &tasktest.Conn{Shell: tasktest.Shells(t)[0]}, Files: tasktest.Files{"dir/x.txt": "hello"}}
	res, err := m.Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if got := at(t, res.Data, "content"); got != `a"b|x.txt|text/plain|hello` {
		t.Errorf("the server saw %q", got)
	}
}
