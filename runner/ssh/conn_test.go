package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
	"github.com/skeema/knownhosts"
	xssh "golang.org/x/crypto/ssh"
)

func knownLine(addr string, key xssh.PublicKey) string {
	return knownhosts.Line([]string{addr}, key) + "\n"
}

// both runs a test over SSH and on this machine directly.
func both(t *testing.T, f func(t *testing.T, c *Conn)) {
	t.Run("ssh", func(t *testing.T) {
		s := startSSHD(t)
		f(t, connect(t, s.pool(nil), s.host(), Become{}))
	})
	t.Run("local", func(t *testing.T) {
		f(t, connect(t, newPool(t, Options{Config: "none"}), Host{Name: "localhost", Local: true}, Become{}))
	})
}

func TestExec(t *testing.T) {
	both(t, func(t *testing.T, c *Conn) {
		out := mustExec(t, c, "echo out; echo err >&2; exit 3")
		if string(out.Stdout) != "out\n" || string(out.Stderr) != "err\n" || out.Code != 3 {
			t.Errorf("%+v", out)
		}
		first := mustExec(t, c, "echo $PPID $$").Stdout
		if second := mustExec(t, c, "echo $PPID $$").Stdout; !bytes.Equal(first, second) {
			t.Errorf("the second script ran in another shell: %s, %s", first, second)
		}
	})
}

func TestPutGet(t *testing.T) {
	both(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		dst := filepath.Join(dir, "it's a file")
		for _, size := range []int{0, 1, 100_000, 9 << 20} {
			data := bytes.Repeat([]byte("a\x00\xff\n"), size/4+1)[:size]
			readers := map[string]io.Reader{"seeker": bytes.NewReader(data), "stream": io.MultiReader(bytes.NewReader(data))}
			for name, r := range readers {
				if err := c.Put(testContext(t), r, dst, 0o640); err != nil {
					t.Fatalf("%s of %d bytes: %s", name, size, explained(err))
				}
				got, err := os.ReadFile(dst)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s of %d bytes: %d arrived, %v", name, size, len(got), err)
				}
				if st, _ := os.Stat(dst); st.Mode() != 0o640 {
					t.Errorf("mode %v", st.Mode())
				}
			}
			var back bytes.Buffer
			if err := c.Get(testContext(t), dst, &back); err != nil || !bytes.Equal(back.Bytes(), data) {
				t.Errorf("%d bytes came back of %d, %v", back.Len(), size, err)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		if err := c.Get(testContext(t), filepath.Join(dir, "none"), io.Discard); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a missing file: %s", explained(err))
		}
		for _, bad := range []string{dir, filepath.Join(dir, "none", "x"), "/proc/x"} {
			err := c.Put(testContext(t), strings.NewReader("x"), bad, 0o600)
			var f *tasks.Failure
			if !errors.As(err, &f) || f.Stderr == "" {
				t.Errorf("to %s: %s", bad, explained(err))
			}
		}
	})
}

func TestDialContext(t *testing.T) {
	both(t, func(t *testing.T, c *Conn) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		go func() {
			if s, err := ln.Accept(); err == nil {
				_, _ = io.Copy(s, s)
				s.Close()
			}
		}()
		conn, err := c.DialContext(testContext(t), "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(explained(err))
		}
		defer conn.Close()
		fmt.Fprint(conn, "hello")
		buf := make([]byte, 5)
		if _, err := io.ReadFull(conn, buf); err != nil || string(buf) != "hello" {
			t.Errorf("%q, %v", buf, err)
		}
	})
}

func TestCancelKills(t *testing.T) {
	both(t, func(t *testing.T, c *Conn) {
		cancelKills(t, c)
		if out := mustExec(t, c, "echo again"); string(out.Stdout) != "again\n" {
			t.Errorf("afterwards: %q", out.Stdout)
		}
	})
}

func TestLostConnection(t *testing.T) {
	s := startSSHD(t)
	c := connect(t, s.pool(nil), s.host(), Become{})
	mustExec(t, c, ":")
	pid := 0
	_, err := c.Exec(testContext(t), tasks.Command{
		Script: `sleep 600 & fact pid $!; wait`,
		OnRecord: func(r scriptRecord) {
			fmt.Sscanf(r.Text, "pid=%d", &pid)
			go s.cut()
		},
	})
	var u *tasks.Unreachable
	if !errors.As(err, &u) || u.Host != "peer" {
		t.Errorf("error %s", explained(err))
	}
	waitGone(t, pid)
	if out := mustExec(t, c, "echo again"); string(out.Stdout) != "again\n" {
		t.Errorf("afterwards: %q", out.Stdout)
	}
	if n := s.connections(); n != 2 {
		t.Errorf("%d connections were made", n)
	}
}

// A script of which nothing more is heard may have run: it is not sent again.
func TestLostOnTheWay(t *testing.T) {
	s := startSSHD(t)
	var deaf atomic.Bool
	cut := make(chan struct{})
	h := listen(t, func(c net.Conn) {
		d, err := net.Dial("tcp", s.addr)
		if err != nil {
			return
		}
		defer d.Close()
		defer c.Close()
		go func() { _, _ = io.Copy(d, c) }()
		buf := make([]byte, 4096)
		for {
			n, err := d.Read(buf)
			if deaf.Load() {
				<-cut // what has just come is lost
				return
			}
			if _, failed := c.Write(buf[:n]); err != nil || failed != nil {
				return
			}
		}
	})
	h.KeyFile, h.HostKeys, h.User = s.client, Off, loginName(t)
	c := connect(t, s.pool(nil), h, Become{})
	mustExec(t, c, ":")
	ran := filepath.Join(t.TempDir(), "ran")
	deaf.Store(true)
	go func() {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if _, err := os.Stat(ran); err == nil {
				break
			}
		}
		deaf.Store(false)
		close(cut)
	}()
	_, err := c.Exec(testContext(t), tasks.Command{Script: "echo once >>" + script.Quote(ran)})
	var u *tasks.Unreachable
	if !errors.As(err, &u) || !strings.Contains(err.Error(), "may have run") || !strings.Contains(u.Hint, "run it again") {
		t.Error(explained(err))
	}
	if text, err := os.ReadFile(ran); err != nil || string(text) != "once\n" {
		t.Errorf("it ran %q, %v", text, err)
	}
	mustExec(t, c, ":")
}

// What is known to have died since the last script is renewed.
func TestDeadBetweenScripts(t *testing.T) {
	both(t, func(t *testing.T, c *Conn) {
		out := mustExec(t, c, "echo $$")
		pid, err := strconv.Atoi(strings.TrimSpace(string(out.Stdout)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if out := mustExec(t, c, "echo again"); string(out.Stdout) != "again\n" {
			t.Errorf("%q", out.Stdout)
		}
	})
	s := startSSHD(t)
	c := connect(t, s.pool(nil), s.host(), Become{})
	mustExec(t, c, ":")
	lost := c.link().lost()
	s.cut()
	<-lost
	mustExec(t, c, ":")
}

func TestOneConnectionForAll(t *testing.T) {
	s := startSSHD(t)
	p := s.pool(nil)
	for i := range 6 {
		mustExec(t, connect(t, p, s.host(), Become{Lane: fmt.Sprint(i)}), "id")
	}
	mustExec(t, connect(t, p, s.host(), Become{User: loginName(t)}), "id")
	if n := s.connections(); n != 1 {
		t.Errorf("%d connections were made", n)
	}
}

type scriptRecord = script.Record

// alive tells a process that runs from one that has ended, waited for or not.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(b, []byte(") Z "))
}

func TestStats(t *testing.T) {
	s := startSSHD(t)
	p := s.pool(nil)
	c := connect(t, p, s.host(), Become{})
	for range 3 {
		mustExec(t, c, "head -c 10000 /dev/zero")
	}
	got := p.Stats()
	if len(got) != 1 || got[0].Host != "peer" || got[0].Connections != 1 || got[0].RoundTrips != 4 ||
		got[0].Dial <= 0 || got[0].In < 30000 || got[0].Out < 1000 {
		t.Errorf("%+v", got)
	}
}

func TestReset(t *testing.T) {
	s := startSSHD(t)
	p := s.pool(nil)
	before := mustExec(t, connect(t, p, s.host(), Become{}), "echo $$").Stdout
	p.Reset("another")
	if same := mustExec(t, connect(t, p, s.host(), Become{}), "echo $$").Stdout; !bytes.Equal(before, same) {
		t.Error("the reset of another host closed the shell")
	}
	p.Reset("peer")
	if after := mustExec(t, connect(t, p, s.host(), Become{}), "echo $$").Stdout; bytes.Equal(before, after) {
		t.Error("the shell is the same")
	}
	if n := s.connections(); n != 2 {
		t.Errorf("%d connections were made", n)
	}
}

// Many hosts at once, as one server: each gets its connection.
func TestManyAtOnce(t *testing.T) {
	s := startSSHD(t)
	p := s.pool(nil)
	done := make(chan error)
	const n = 24
	for i := range n {
		h := s.host()
		h.Name = fmt.Sprint("h", i)
		go func() {
			c, err := p.Connect(testContext(t), h, Become{})
			if err == nil {
				_, err = c.Exec(testContext(t), tasks.Command{Script: ":"})
			}
			done <- err
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(explained(err))
		}
	}
	if got := s.connections(); got != n {
		t.Errorf("%d connections", got)
	}
}

// waitGone waits for a process to end; on a slow machine that takes a while.
func waitGone(t testing.TB, pid int) {
	t.Helper()
	if pid == 0 {
		t.Error("the script did not begin")
		return
	}
	for end := time.Now().Add(20 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("process %d still runs", pid)
			return
		}
	}
}
