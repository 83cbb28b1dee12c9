package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
	gssh "github.com/gliderlabs/ssh"
	xssh "golang.org/x/crypto/ssh"
)

// listen serves each connection with f and gives the address as a Host.
func listen(t *testing.T, f func(net.Conn)) Host {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			go f(c)
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			c.Close()
		}
	})
	return Host{Name: "peer", Address: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, User: "u", Password: "p"}
}

func TestUnreachable(t *testing.T) {
	quick := func(t *testing.T) *Pool {
		return newPool(t, Options{Config: "none", Agent: "none", HostKeys: Off, Timeout: 300 * time.Millisecond})
	}
	t.Run("nobody listens", func(t *testing.T) {
		h := listen(t, func(net.Conn) {})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		h.Port = ln.Addr().(*net.TCPAddr).Port
		ln.Close()
		refused(t, anyHost(t), h, "connection refused", "is sshd running there")
	})
	t.Run("no such name", func(t *testing.T) {
		refused(t, anyHost(t), Host{Name: "peer", Address: "no-such-host.invalid"}, "no-such-host.invalid:22", "ansible_host")
	})
	t.Run("silent server", func(t *testing.T) {
		refused(t, quick(t), listen(t, func(net.Conn) {}), "not finished the SSH handshake within 300ms", "--timeout")
	})
	t.Run("silent after its version", func(t *testing.T) {
		refused(t, quick(t), listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n") }), "not finished the SSH handshake")
	})
	t.Run("no SSH server", func(t *testing.T) {
		h := listen(t, func(c net.Conn) {
			_, _ = io.WriteString(c, strings.Repeat("HTTP/1.1 400 Bad Request\r\n", 5000))
			c.Close()
		})
		refused(t, anyHost(t), h, "no SSH connection with")
	})
	t.Run("hangs up in the middle", func(t *testing.T) {
		h := listen(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-x\r\n"+strings.Repeat("\x00", 600))
			c.Close()
		})
		refused(t, anyHost(t), h, "no SSH connection with")
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := listen(t, func(net.Conn) { cancel() })
		if _, err := anyHost(t).Connect(ctx, h, Become{}); !errors.Is(err, context.Canceled) {
			t.Error(explained(err))
		}
	})
	t.Run("a broken option", func(t *testing.T) {
		for args, word := range map[string]string{
			"-o Frobnicate=yes": "frobnicate", "-W x": "-W", "-o": "wants a value", "hello": "no option",
			"-o 'ProxyJump": "not closed", "-p x": "port",
		} {
			_, err := anyHost(t).Connect(t.Context(), Host{Name: "peer", Address: "127.0.0.1", Args: args}, Become{})
			var f *tasks.Failure
			if !errors.As(err, &f) || !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %s", args, explained(err))
			}
		}
	})
}

// sshd drops connections at random while too many log in.
func TestDroppedBeforeTheLogin(t *testing.T) {
	s := startSSHD(t)
	var seen atomic.Int32
	proxy := func(drop int32) Host {
		seen.Store(0)
		h := listen(t, func(c net.Conn) {
			if seen.Add(1) <= drop {
				_, _ = io.WriteString(c, "Exceeded MaxStartups\r\n")
				c.Close()
				return
			}
			pipe(c, s.addr)
		})
		h.KeyFile, h.HostKeys, h.User = s.client, Off, loginName(t)
		return h
	}
	var notices atomic.Int32
	p := s.pool(func(o *Options) { o.Notice = func(string, string) { notices.Add(1) } })
	mustExec(t, connect(t, p, proxy(2), Become{}), ":")
	if n := notices.Load(); n != 2 {
		t.Errorf("%d notices of a second try", n)
	}
	refused(t, p, proxy(100), "closed the connection during the handshake", "MaxStartups")
	if n := seen.Load(); n != 5 {
		t.Errorf("%d tries", n)
	}
}

// pipe connects c with an address until either side ends.
func pipe(c net.Conn, addr string) {
	d, err := net.Dial("tcp", addr)
	if err != nil {
		c.Close()
		return
	}
	go func() { _, _ = io.Copy(d, c); d.Close() }()
	_, _ = io.Copy(c, d)
	c.Close()
}

func TestNoForwarding(t *testing.T) {
	s := startSSHD(t, "AllowTcpForwarding no")
	c := connect(t, s.pool(nil), s.host(), Become{})
	_, err := c.DialContext(testContext(t), "tcp", s.addr)
	var f *tasks.Failure
	if !errors.As(err, &f) || !strings.Contains(f.Hint, "AllowTcpForwarding") {
		t.Error(explained(err))
	}
	t.Run("refused behind it", func(t *testing.T) {
		s := startSSHD(t)
		c := connect(t, s.pool(nil), s.host(), Become{})
		_, err := c.DialContext(testContext(t), "tcp", "127.0.0.1:1")
		if !errors.As(err, &f) || !strings.Contains(f.Error(), "refused") {
			t.Error(explained(err))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.DialContext(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
			t.Error(explained(err))
		}
	})
}

// A server that stops answering is given up by unanswered signs of life.
func TestKeepAlive(t *testing.T) {
	s := startSSHD(t)
	var stalled atomic.Bool
	h := listen(t, func(c net.Conn) {
		d, err := net.Dial("tcp", s.addr)
		if err != nil {
			return
		}
		defer d.Close()
		go func() { _, _ = io.Copy(d, c) }()
		buf := make([]byte, 4096)
		for {
			n, err := d.Read(buf)
			if err != nil || stalled.Load() {
				select {} // holds the connection open, says nothing more
			}
			if _, err := c.Write(buf[:n]); err != nil {
				return
			}
		}
	})
	h.KeyFile, h.HostKeys, h.User = s.client, Off, loginName(t)
	p := s.pool(func(o *Options) { o.KeepAlive, o.Unanswered = 500*time.Millisecond, 4 })
	c := connect(t, p, h, Become{})
	mustExec(t, c, "sleep 3") // living, more intervals than may go unanswered
	_, err := c.Exec(testContext(t), tasks.Command{
		Script:   "fact a b; sleep 600",
		OnRecord: func(scriptRecord) { stalled.Store(true) },
	})
	var u *tasks.Unreachable
	if !errors.As(err, &u) {
		t.Error(explained(err))
	}
	t.Log(explained(err))
}

func TestSessionsRunOut(t *testing.T) {
	for name, o := range map[string]struct{ server, ours int }{"of our own count": {10, 3}, "of the server's": {3, 10}, "one only": {1, 10}} {
		t.Run(name, func(t *testing.T) {
			s := startSSHD(t, fmt.Sprint("MaxSessions ", o.server))
			p := s.pool(func(op *Options) { op.Sessions = o.ours })
			// More identities than sessions, one after another, and files between.
			var all []*Conn
			for i := range 8 {
				c := connect(t, p, s.host(), Become{Lane: string(rune('a' + i))})
				all = append(all, c)
				mustExec(t, c, ":")
				if err := c.Put(testContext(t), strings.NewReader("x"), t.TempDir()+"/f", 0o600); err != nil {
					t.Fatal(explained(err))
				}
			}
			for _, c := range all {
				mustExec(t, c, ":")
			}
			// All at once: each waits for its turn.
			var wait sync.WaitGroup
			for _, c := range all {
				wait.Go(func() {
					if _, err := c.Exec(testContext(t), tasks.Command{Script: "sleep 0.05"}); err != nil {
						t.Error(explained(err))
					}
				})
			}
			wait.Wait()
		})
	}
}

func TestJumpHosts(t *testing.T) {
	far, near, first := startSSHD(t), startSSHD(t), startSSHD(t)
	known := t.TempDir() + "/known_hosts"
	text := ""
	for _, s := range []*sshd{far, near, first} {
		text += knownLine(s.addr, s.keys["ed25519"].PublicKey())
		authorize(t, s, far.keyOf(t), "")
	}
	write(t, known, text)
	config := t.TempDir() + "/config"
	write(t, config, "Host *\n  IdentityFile "+far.client+"\n  User "+loginName(t)+"\n"+
		"Host hop2\n  HostName 127.0.0.1\n  Port "+port(near)+"\n"+
		"Host behind\n  HostName 127.0.0.1\n  Port "+port(far)+"\n  ProxyJump "+first.addr+",hop2\n")
	pool := func(t *testing.T) *Pool {
		return newPool(t, Options{Config: config, Agent: "none", KnownHosts: []string{known}, HostKeys: Strict})
	}
	before := []int{far.connections(), near.connections(), first.connections()}
	t.Run("ssh_config", func(t *testing.T) {
		p := pool(t)
		for _, name := range []string{"a", "b", "c"} { // three hosts share the hops
			c := connect(t, p, Host{Name: name, Address: "behind"}, Become{})
			mustExec(t, c, ":")
		}
		after := []int{far.connections() - before[0], near.connections() - before[1], first.connections() - before[2]}
		if after[0] != 3 || after[1] != 1 || after[2] != 1 {
			t.Errorf("connections to the hosts, the second and the first hop: %v", after)
		}
	})
	t.Run("common args", func(t *testing.T) {
		for _, args := range []string{
			"-J " + first.addr + ",hop2", "-o ProxyJump=" + first.addr, `-o "ProxyJump ` + loginName(t) + "@" + first.addr + `"`,
			"-o ControlMaster=auto -J hop2 -o ControlPersist=60s",
		} {
			mustExec(t, connect(t, pool(t), Host{Name: "x", Address: "127.0.0.1", Port: far.host().Port, Args: args}, Become{}), ":")
		}
	})
	t.Run("ProxyCommand", func(t *testing.T) {
		// The test binary stands in for nc.
		h := Host{Name: "x", Address: "127.0.0.1", Port: far.host().Port, Args: `-o ProxyCommand="` + os.Args[0] + ` -test.run=TestNetcat %h:%p"`}
		t.Setenv("ETCDPLAY_TEST_NETCAT", "127.0.0.1:"+port(far))
		mustExec(t, connect(t, pool(t), h, Become{}), ":")
		h.Args = "-o ProxyCommand=false"
		refused(t, pool(t), h, "the ProxyCommand ended")
		h.User = "$(touch x)"
		refused(t, pool(t), h, "can't stand in a ProxyCommand")
	})
	t.Run("the hop is down", func(t *testing.T) {
		refused(t, pool(t), Host{Name: "x", Address: "127.0.0.1", Args: "-J 127.0.0.1:1"}, "jump host 127.0.0.1:1", "refused")
	})
	t.Run("the host behind is down", func(t *testing.T) {
		refused(t, pool(t), Host{Name: "x", Address: "127.0.0.1", Port: 1, Args: "-J hop2"}, "127.0.0.1:1", "refused")
	})
}

func TestNetcat(t *testing.T) {
	addr := os.Getenv("ETCDPLAY_TEST_NETCAT")
	if addr == "" {
		t.Skip("is only run by TestJumpHosts, as a ProxyCommand")
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		os.Exit(1)
	}
	go func() { _, _ = io.Copy(c, os.Stdin); os.Exit(0) }()
	_, _ = io.Copy(os.Stdout, c)
	os.Exit(0)
}

func port(s *sshd) string { _, p, _ := net.SplitHostPort(s.addr); return p }

// Whatever ends a connection, nothing of it stays.
func TestNothingLeaks(t *testing.T) {
	s := startSSHD(t)
	before := runtime.NumGoroutine()
	for range 3 {
		p := s.pool(nil)
		c := connect(t, p, s.host(), Become{})
		mustExec(t, c, ":")
		_ = c.Put(testContext(t), strings.NewReader("x"), t.TempDir()+"/f", 0o600)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, _ = c.Exec(ctx, tasks.Command{Script: "sleep 600"})
		cancel()
		mustExec(t, c, ":")
		p.Close()
		if _, err := p.Connect(t.Context(), s.host(), Become{}); err == nil {
			t.Error("a closed pool connects")
		}
	}
	s.cut()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestServerWithoutShell(t *testing.T) {
	h := fake(t, &gssh.Server{Handler: func(s gssh.Session) {
		_, _ = io.WriteString(s, "This account is currently not available.\n")
		_ = s.Exit(1)
	}})
	c := connect(t, anyHost(t), h, Become{})
	_, err := c.Exec(testContext(t), tasks.Command{Script: ":"})
	t.Log(explained(err))
	var u *tasks.Unreachable
	if !errors.As(err, &u) || !strings.Contains(err.Error(), "This account is currently not available") {
		t.Error(explained(err))
	}
	_ = xssh.Prohibited
}

// A script that runs when everything is closed has not succeeded.
func TestCloseWhileRunning(t *testing.T) {
	both(t, func(t *testing.T, c *Conn) {
		pid := 0
		_, err := c.Exec(testContext(t), tasks.Command{
			Script: "sleep 600 & fact pid $!; wait",
			OnRecord: func(r scriptRecord) {
				fmt.Sscanf(r.Text, "pid=%d", &pid)
				go c.pool.Close()
			},
		})
		var u *tasks.Unreachable
		if !errors.As(err, &u) {
			t.Errorf("got %s", explained(err))
		}
		waitGone(t, pid)
	})
}

func TestScriptThatKillsItsShell(t *testing.T) {
	both(t, func(t *testing.T, c *Conn) {
		if out := mustExec(t, c, "kill -9 $$; sleep 5"); out.Code != 137 {
			t.Errorf("code %d", out.Code)
		}
		if out := mustExec(t, c, "echo again"); string(out.Stdout) != "again\n" {
			t.Errorf("%q", out.Stdout)
		}
	})
}
