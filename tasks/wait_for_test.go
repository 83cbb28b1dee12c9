package tasks_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

// runOn runs a task under a shell with this machine's own network.
func runOn(t *testing.T, m tasks.Module, sh tasktest.Shell, check bool, args *value.Dict) (tasks.Result, error) {
	t.Helper()
	if err := tasks.Decode(m, args); err != nil {
		return tasks.Result{}, err
	}
	if v, ok := m.(tasks.Validator); ok {
		if err := v.Validate(); err != nil {
			return tasks.Result{}, err
		}
	}
	return m.Run(t.Context(), &tasks.Target{Conn: &tasktest.Conn{Shell: sh}, Check: check, Diff: true, Files: tasktest.Files{}, Status: func(string) {}})
}

func listen(t *testing.T, serve func(net.Conn)) (port int, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, func() { l.Close() }
}

func TestWaitForPort(t *testing.T) {
	sh := tasktest.Shells(t)[0]
	hold := make(chan struct{})
	defer close(hold)
	port, stop := listen(t, func(c net.Conn) {
		_, _ = c.Write([]byte("220 mail\r\n"))
		time.Sleep(10 * time.Millisecond)
		_, _ = c.Write([]byte("ready id=42\n"))
		<-hold
		c.Close()
	})
	quick := func(more ...any) *value.Dict {
		d := value.NewDict("port", port, "sleep", "10ms", "timeout", "300ms", "connect_timeout", "200ms")
		for i := 0; i < len(more); i += 2 {
			d.Set(more[i], more[i+1])
		}
		return d
	}
	if _, err := runOn(t, &tasks.WaitFor{}, sh, false, quick()); err != nil {
		t.Error(err)
	}
	res, err := runOn(t, &tasks.WaitFor{}, sh, false, quick("search_regex", "^ready id=(?P<id>[0-9]+)", "timeout", "10s", "connect_timeout", "5s"))
	if err != nil {
		t.Fatal(err)
	}
	if got := value.Str(at(t, res.Data, "match_groups")) + value.Str(at(t, res.Data, "match_groupdict")); got != "['42']{'id': '42'}" {
		t.Errorf("groups are %s", got)
	}
	_, err = runOn(t, &tasks.WaitFor{}, sh, false, quick("search_regex", "never"))
	if err == nil || !strings.Contains(err.Error(), "Timeout when waiting for search string never in 127.0.0.1:"+strconv.Itoa(port)) {
		t.Errorf("a text that does not come: %v", err)
	}
	_, err = runOn(t, &tasks.WaitFor{}, sh, false, quick("state", "stopped", "msg", "still there"))
	if err == nil || !strings.Contains(err.Error(), "still there") {
		t.Errorf("a port that stays open: %v", err)
	}
	res, err = runOn(t, &tasks.WaitFor{}, sh, true, quick("state", "stopped"))
	if err != nil || !res.Skipped {
		t.Errorf("check mode: %+v, %v", res, err)
	}
	kept, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	_, err = runOn(t, &tasks.WaitFor{}, sh, false, quick("state", "drained"))
	if err == nil || !strings.Contains(err.Error(), "to drain") {
		t.Errorf("a port with connections: %v", err)
	}
	for _, args := range []*value.Dict{
		quick("state", "drained", "exclude_hosts", "127.0.0.1"), quick("state", "drained", "host", "127.0.0.2"),
		quick("state", "drained", "active_connection_states", "LAST_ACK"),
	} {
		if _, err := runOn(t, &tasks.WaitFor{}, sh, false, args); err != nil {
			t.Errorf("drained %s: %v", value.Repr(args), err)
		}
	}
	stop()
	if _, err := runOn(t, &tasks.WaitFor{}, sh, false, quick("state", "stopped")); err != nil {
		t.Error(err)
	}
	_, err = runOn(t, &tasks.WaitFor{}, sh, false, quick())
	if err == nil || !strings.Contains(err.Error(), "Timeout when waiting for 127.0.0.1:"+strconv.Itoa(port)) {
		t.Errorf("a closed port: %v", err)
	}
}

func TestWaitForFile(t *testing.T) {
	for _, sh := range tasktest.Shells(t) {
		t.Run(sh.Name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "it's a log")
			args := func(more ...any) *value.Dict {
				return value.NewDict(append([]any{"path", file, "sleep", "20ms"}, more...)...)
			}
			if _, err := runOn(t, &tasks.WaitFor{}, sh, false, args("state", "absent")); err != nil {
				t.Error(err)
			}
			_, err := runOn(t, &tasks.WaitFor{}, sh, false, args("timeout", "50ms"))
			if err == nil || !strings.Contains(err.Error(), "Timeout when waiting for "+file) {
				t.Errorf("a file that is not there: %v", err)
			}
			go func() {
				for _, text := range []string{"", "first\n", "first\nport 42\n"} {
					time.Sleep(60 * time.Millisecond)
					_ = os.WriteFile(file, []byte(text), 0o644)
				}
			}()
			if _, err := runOn(t, &tasks.WaitFor{}, sh, false, args("state", "present", "timeout", "20s")); err != nil {
				t.Error(err)
			}
			res, err := runOn(t, &tasks.WaitFor{}, sh, false, args("search_regex", "^port ([0-9]+)$", "timeout", "20s"))
			if err != nil {
				t.Fatal(err)
			}
			if got := value.Str(at(t, res.Data, "match_groups")); got != "['42']" {
				t.Errorf("groups are %s", got)
			}
		})
	}
}

func TestWaitForRefuses(t *testing.T) {
	sh := tasktest.Shells(t)[0]
	for want, args := range map[string]*value.Dict{
		"exclude each other":         value.NewDict("port", 1, "path", "/x"),
		"no port":                    value.NewDict("port", 70000),
		"drained wants a port":       value.NewDict("state", "drained"),
		"missing closing )":          value.NewDict("port", 1, "search_regex", "("),
		"no meaning with state":      value.NewDict("port", 1, "search_regex", "x", "state", "stopped"),
		"no state of a connection":   value.NewDict("port", 1, "active_connection_states", "OPEN"),
		"must be more than 0":        value.NewDict("port", 1, "sleep", 0),
		"is no absolute path":        value.NewDict("path", "x"),
		"drained wants an address":   value.NewDict("port", 1, "state", "drained", "host", "somewhere"),
		`did you mean "search_regex`: value.NewDict("port", 1, "search_regx", "x"),
	} {
		if _, err := runOn(t, &tasks.WaitFor{}, sh, false, args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", value.Repr(args), err, want)
		}
	}
}
