package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

// loopbackHost is a host whose network is this machine's own.
type loopbackHost struct{ tasks.Conn }

func (loopbackHost) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

func (loopbackHost) Exec(ctx context.Context, c tasks.Command) (script.Output, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", c.Script)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return script.Output{Stdout: []byte(stdout.String()), Stderr: []byte(stderr.String()), Code: exit.ExitCode()}, nil
	}
	return script.Output{Stdout: []byte(stdout.String()), Stderr: []byte(stderr.String())}, err
}

// verifyOn runs verify as the runner does: arguments decoded for each host,
// gathered, run once.
func verifyOn(t *testing.T, check bool, args ...*value.Dict) (tasks.Result, error) {
	t.Helper()
	target := &tasks.Target{Check: check, Status: func(string) {}}
	var first *tasks.Verify
	for i, a := range args {
		v := &tasks.Verify{}
		if err := tasks.Decode(v, a); err != nil {
			t.Fatal(err)
		}
		if err := v.Validate(); err != nil {
			t.Fatal(err)
		}
		gathered, err := v.Gather(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		peer := tasks.Peer{Name: fmt.Sprintf("peer%d", i+1), Conn: loopbackHost{}, Gathered: gathered}
		target.Peers = append(target.Peers, peer)
		if i == 0 {
			first, target.Host, target.Conn = v, peer, peer.Conn
		}
	}
	res, err := first.Run(t.Context(), target)
	if res.Changed || len(res.Changes) > 0 {
		t.Errorf("verify reports changes: %v", res.Changes)
	}
	return res, err
}

func failureText(err error) string {
	if f, ok := errors.AsType[*tasks.Failure](err); ok {
		return f.Msg + "\n" + f.Stderr + "\n" + f.Hint
	}
	return fmt.Sprint(err)
}

func TestVerifyEtcd(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 3)
	args := func(timeout, version string) (all []*value.Dict) {
		for _, s := range servers {
			all = append(all, value.NewDict("timeout", timeout, "etcd", value.NewDict("endpoint", s.Client, "version", version)))
		}
		return all
	}
	res, err := verifyOn(t, true, args("20s", etcdtest.Version)...)
	if err != nil || !strings.Contains(res.Msg, "decided at run time") {
		t.Errorf("check mode before the cluster exists: %q, %v", res.Msg, err)
	}
	if _, err = verifyOn(t, false, args("1s", etcdtest.Version)...); err == nil || strings.Count(failureText(err), "connection refused") != 3 {
		t.Errorf("nothing runs, but: %s", failureText(err))
	}

	etcdtest.Start(t, servers...)
	res, err = verifyOn(t, false, args("30s", etcdtest.Version)...)
	if err != nil {
		t.Fatal(failureText(err))
	}
	for _, want := range []string{"| started | peer3 |", "IS LEADER", "      true |"} {
		if !strings.Contains(res.Text, want) {
			t.Errorf("the tables lack %q:\n%s", want, res.Text)
		}
	}
	leader, _ := res.Data.Get("leader")
	if name, _ := leader.(string); !strings.HasPrefix(name, "peer") || !strings.Contains(res.Msg, "3 members, leader "+name) {
		t.Errorf("leader %v, said %q", leader, res.Msg)
	}
	if res, err = verifyOn(t, true, args("20s", etcdtest.Version)...); err != nil || res.Msg == "" || strings.Contains(res.Msg, "run time") {
		t.Errorf("check mode on a healthy cluster: %q, %v", res.Msg, err)
	}
	if _, err = verifyOn(t, false, args("1s", "3.5.0")...); err == nil || strings.Count(failureText(err), "runs version "+etcdtest.Version+", not 3.5.0") != 3 {
		t.Errorf("another version was expected, but: %s", failureText(err))
	}
	if _, err = verifyOn(t, false, args("1s", etcdtest.Version)[:2]...); err == nil || !strings.Contains(failureText(err), "peer3: is a member, but not one of those expected (peer1, peer2)") {
		t.Errorf("one member more than hosts, but: %s", failureText(err))
	}
	swapped := args("1s", etcdtest.Version)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	if _, err = verifyOn(t, false, swapped...); err == nil || !strings.Contains(failureText(err), "is called peer2") {
		t.Errorf("names are swapped, but: %s", failureText(err))
	}
}

func TestVerifyOtherClusters(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/jsz" {
			http.Error(w, "no such page", http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"leader": "peer2", "size": 3, "replicas": [{"name": "peer3"}, {"name": "peer1"}, {"name": "peer3"}, {}]}`)
	}))
	defer server.Close()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for c, err := echo.Accept(); err == nil; c, err = echo.Accept() {
			buf := make([]byte, 100)
			n, _ := c.Read(buf)
			fmt.Fprintf(c, "+PONG %s", buf[:n])
			time.Sleep(50 * time.Millisecond)
			c.Close()
		}
	}()

	dict := value.NewDict
	leaderIs := func(host, holds string) *value.Dict {
		return dict("timeout", "700ms", "http", dict("name", "one leader", "url", server.URL+"/jsz", "json", dict("leader", host, "replicas.1.name", "peer1"), "holds", holds))
	}
	for name, c := range map[string]struct {
		args []*value.Dict
		want string // part of the failure; "" for none
	}{
		"http":              {[]*value.Dict{dict("http", dict("url", server.URL+"/jsz", "body", `"size": [3]`))}, ""},
		"http status":       {[]*value.Dict{dict("timeout", "300ms", "http", dict("url", server.URL))}, "peer1: " + server.URL + " answers 404"},
		"http not found":    {[]*value.Dict{dict("http", dict("url", server.URL, "status", []any{200, 404}))}, ""},
		"body":              {[]*value.Dict{dict("timeout", "300ms", "http", dict("url", server.URL+"/jsz", "body", "nope"))}, "does not match nope"},
		"json":              {[]*value.Dict{dict("timeout", "300ms", "http", dict("url", server.URL+"/jsz", "json", dict("size", 5, "a.b", 1)))}, "size is 3, not 5"},
		"json, every":       {[]*value.Dict{dict("http", dict("url", server.URL+"/jsz", "json", dict("replicas.*.name", []any{"peer1", "peer3"}, "replicas.*.tag", []any{})))}, ""},
		"json, not every":   {[]*value.Dict{dict("timeout", "300ms", "http", dict("url", server.URL+"/jsz", "json", dict("replicas.*.name", []any{"peer1"}, "size.*", 3)))}, "replicas.*.name is ['peer1', 'peer3'], not ['peer1']"},
		"exactly one":       {[]*value.Dict{leaderIs("peer1", "1"), leaderIs("peer2", "1"), leaderIs("peer3", "1")}, ""},
		"one too many":      {[]*value.Dict{leaderIs("peer2", "1"), leaderIs("peer2", "1")}, "one leader: holds on 2 hosts, not on 1 (peer1, peer2)"},
		"none":              {[]*value.Dict{leaderIs("x", "1"), leaderIs("y", "1")}, "one leader: holds on 0 hosts, not on 1"},
		"tcp":               {[]*value.Dict{dict("tcp", dict("address", echo.Addr().String()))}, ""},
		"tcp answer":        {[]*value.Dict{dict("tcp", dict("address", echo.Addr().String(), "send", "PING", "expect", `^\+PONG PING`))}, ""},
		"tcp other answer":  {[]*value.Dict{dict("timeout", "300ms", "tcp", dict("address", echo.Addr().String(), "send", "PING", "expect", "LOADING"))}, `does not match LOADING: "+PONG PING"`},
		"tcp refused":       {[]*value.Dict{dict("timeout", "300ms", "tcp", dict("address", "127.0.0.1:1"))}, "connection refused"},
		"command":           {[]*value.Dict{dict("command", dict("argv", "echo role master", "stdout", "^role master$"))}, ""},
		"command, its code": {[]*value.Dict{dict("timeout", "300ms", "command", dict("argv", []any{"sh", "-c", "echo oh no >&2; exit 3"}))}, `exit code 3: "oh no"`},
		"not cut into words": {[]*value.Dict{dict("command", dict("argv", []any{"printf", "%s", "a b; exit 1"}, "stdout", `^a b; exit 1$`))},
			""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verifyOn(t, false, c.args...)
			if c.want == "" && err != nil {
				t.Error(failureText(err))
			}
			if c.want != "" && (err == nil || !strings.Contains(failureText(err), c.want)) {
				t.Errorf("failure %s\nlacks %s", failureText(err), c.want)
			}
		})
	}
}

func TestVerifyWaits(t *testing.T) {
	begin := time.Now()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if time.Since(begin) < 500*time.Millisecond {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	if _, err := verifyOn(t, false, value.NewDict("http", value.NewDict("url", server.URL))); err != nil {
		t.Error(failureText(err))
	}
}

func TestVerifyRefuses(t *testing.T) {
	dict := value.NewDict
	for want, args := range map[string]*value.Dict{
		"nothing to verify":              dict(),
		"timeout must be more":           dict("timeout", 0, "tcp", dict("address", "a:1")),
		"etcd.endpoint: \"peer1\"":       dict("etcd", dict("endpoint", "peer1")),
		"etcd: cert and key belong":      dict("etcd", dict("endpoint", "https://a:1", "cert", "x")),
		"http[1].url":                    dict("http", []any{dict("url", "http://a"), dict("url", "ftp://a")}),
		"http[0].body: error parsing":    dict("http", dict("url", "http://a", "body", "(")),
		"tcp[0].address":                 dict("tcp", dict("address", "fd00::1:80")),
		`command[0].holds: must be "all`: dict("command", dict("argv", "true", "holds", "some")),
	} {
		v := &tasks.Verify{}
		if err := tasks.Decode(v, args); err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if err := v.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate said %v, want %q", err, want)
		}
	}
}

// The certificates to ask with may be made by the run that check mode foresees.
func TestVerifyForeseesCertificates(t *testing.T) {
	v := &tasks.Verify{}
	missing := t.TempDir() + "/ca.crt"
	args := value.NewDict("etcd", value.NewDict("endpoint", "https://127.0.0.1:1", "ca", missing))
	if err := tasks.Decode(v, args); err != nil {
		t.Fatal(err)
	}
	for _, check := range []bool{true, false} {
		peer := tasks.Peer{Name: "peer1", Conn: &tasktest.Conn{}, Gathered: v}
		target := &tasks.Target{Host: peer, Peers: []tasks.Peer{peer}, Conn: peer.Conn, Check: check, Files: onDisk{}, Status: func(string) {}}
		res, err := v.Run(t.Context(), target)
		if check && (err != nil || !strings.HasPrefix(res.Msg, "decided at run time: ")) {
			t.Errorf("check mode says %q, %v", res.Msg, err)
		}
		if !check && !strings.Contains(explain(err), missing) {
			t.Errorf("the run says %v", err)
		}
	}
}
