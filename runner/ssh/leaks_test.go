package ssh

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
	gssh "github.com/gliderlabs/ssh"
)

// Many hosts at once, of which some are well and some fail in all the ways that
// hosts can: none that is well waits for another, and once all is closed no
// goroutine and no open file of them is left.
func TestCrowdLeaksNothing(t *testing.T) {
	shell := func(pause time.Duration) Host {
		return fake(t, &gssh.Server{PasswordHandler: anyPassword, Handler: func(s gssh.Session) { time.Sleep(pause); runsShell(s) }})
	}
	says := func(f func(gssh.Session)) Host {
		return fake(t, &gssh.Server{PasswordHandler: anyPassword, Handler: f})
	}
	kinds := map[string]Host{
		"well":  shell(0),
		"slow":  shell(300 * time.Millisecond),
		"mute":  says(func(s gssh.Session) { _, _ = io.Copy(io.Discard, s) }),
		"short": says(func(s gssh.Session) { _ = s.Exit(1) }),
		"hangs": raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }),
		"drops": raw(t, func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-x\r\n")) }),
		"down":  {Address: "127.0.0.1", Port: 1},
	}
	goroutines, files := counts(t)
	p := newPool(t, Options{Config: "none", Agent: "none", HostKeys: Off, Timeout: 5 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var well, rest sync.WaitGroup
	for kind, h := range kinds {
		good := kind == "well" || kind == "slow"
		for i := range 15 {
			h := h
			h.Name, h.User, h.Password = fmt.Sprint(kind, i), "u", "p"
			busy := good && i%3 == 0 // still at it when all is closed
			work := func() {
				c, err := p.Connect(ctx, h, Become{})
				if err == nil {
					_, err = c.Exec(ctx, tasks.Command{Script: "echo done"})
				}
				if good != (err == nil) && ctx.Err() == nil {
					t.Errorf("%s: %s", h.Name, explained(err))
				}
				if busy && err == nil {
					_, _ = c.Exec(ctx, tasks.Command{Script: "sleep 600"}) // ends with ctx
				}
			}
			if good && !busy {
				well.Go(work)
			} else {
				rest.Go(work)
			}
		}
	}
	well.Wait()
	if ctx.Err() != nil {
		t.Error("hosts that are well have waited for others")
	}
	cancel()
	rest.Wait()
	p.Close()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		g, f := counts(t)
		if g <= goroutines && f <= files {
			return
		}
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines and %d open files before, %d and %d after:\n%s", goroutines, files, g, f, buf[:runtime.Stack(buf, true)])
		}
	}
}

// counts are the goroutines and open files of this process.
func counts(t *testing.T) (goroutines, files int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("NOT TESTED: without /proc nobody sees what is open")
	}
	return runtime.NumGoroutine(), len(list)
}

// raw serves each connection with f, and closes it then.
func raw(t *testing.T, f func(net.Conn)) Host {
	return listen(t, func(c net.Conn) {
		defer c.Close()
		f(c)
	})
}

func anyPassword(gssh.Context, string) bool { return true }

// runsShell runs what it is told in a real shell, whose input ends with the
// connection's.
func runsShell(s gssh.Session) {
	cmd := exec.Command("sh", "-c", s.RawCommand())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // as sshd does
	cmd.Stdout, cmd.Stderr = s, s.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return
	}
	go func() {
		_, _ = io.Copy(in, s)
		in.Close()
	}()
	_ = cmd.Wait()
	_ = s.Exit(max(0, cmd.ProcessState.ExitCode()))
}
