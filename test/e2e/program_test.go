package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// deadline is how long one run of the program may take on a slow machine.
const deadline = 10 * time.Minute

// A running program, whose events (--output json) are read as they come.
type running struct {
	t    *testing.T
	args []string
	cmd  *exec.Cmd
	err  bytes.Buffer
	done chan struct{} // closed when it has ended and all was read
	exit error

	mu    sync.Mutex
	more  *sync.Cond // something was read, or the program has ended
	out   bytes.Buffer
	read  []event
	ended bool
}

// play runs `etcdplay run` in the lab's network, to its end.
func play(t *testing.T, lab *hosts.Lab, args ...string) result {
	t.Helper()
	return begin(t, lab, args...).end()
}

// begin starts `etcdplay run` in the lab's network.
func begin(t *testing.T, lab *hosts.Lab, args ...string) *running {
	t.Helper()
	return start(t, command(lab, append([]string{"run", "--output", "json"}, args...)...))
}

// command is the program in the lab's network, with the lab's home: its SSH
// key, known hosts and configuration. It has a process group of its own.
func command(lab *hosts.Lab, args ...string) *exec.Cmd {
	return commandAt(lab, lab.Home(), args...)
}

func commandAt(lab *hosts.Lab, home string, args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"--net=" + lab.Netns(), "--", program}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home+"/.cache", "SSH_AUTH_SOCK=",
		"ANSIBLE_CONFIG=/dev/null", "ANSIBLE_INVENTORY=", "NO_COLOR=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal to ask at
	return cmd
}

func start(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	r := &running{t: t, args: cmd.Args, cmd: cmd, done: make(chan struct{})}
	r.more = sync.NewCond(&r.mu)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = &r.err
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	giveUp := time.AfterFunc(deadline, func() { _ = cmd.Process.Kill() })
	go func() {
		defer close(r.done)
		r.follow(out)
		r.exit = cmd.Wait()
		if !giveUp.Stop() {
			r.exit = errors.New("it did not end in " + deadline.String())
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-r.done
	})
	return r
}

func (r *running) follow(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		r.mu.Lock()
		r.out.Write(line)
		var e event
		if json.Unmarshal(line, &e) == nil && e.Event != "" {
			r.read = append(r.read, e)
		}
		r.ended = err != nil
		r.more.Broadcast()
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// await returns when an event has come; the test fails if the program ends
// without it.
func (r *running) await(what string, is func(event) bool) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for seen := 0; ; {
		for ; seen < len(r.read); seen++ {
			if is(r.read[seen]) {
				return
			}
		}
		if r.ended {
			r.t.Fatalf("the run ended before %s\n%s\n%s", what, r.out.String(), r.err.String())
		}
		r.more.Wait()
	}
}

// task is the event that a task begins, by a part of its name.
func task(name string) (string, func(event) bool) {
	return "the task " + name, func(e event) bool { return e.Event == "task" && strings.Contains(e.Name, name) }
}

// resultOf is the event that a task has come to its end on a host.
func resultOf(host, name string) (string, func(event) bool) {
	return "the result of " + name + " on " + host, func(e event) bool {
		return e.Event == "result" && e.Host == host && strings.Contains(e.Task, name)
	}
}

// signal sends a signal to the program alone, as `kill` does.
func (r *running) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// end waits for the end of the program.
func (r *running) end() result {
	r.t.Helper()
	<-r.done
	res := result{t: r.t, out: r.out.String(), err: r.err.String(), events: r.read, recap: map[string]stats{}}
	var exit *exec.ExitError
	switch {
	case errors.As(r.exit, &exit):
		res.code = exit.ExitCode() // -1: killed
	case r.exit != nil:
		r.t.Fatalf("%s: %v\n%s", strings.Join(r.args, " "), r.exit, res.dump())
	}
	for _, e := range res.events {
		if e.Event != "recap" {
			continue
		}
		if err := json.Unmarshal(e.Hosts, &res.recap); err != nil {
			r.t.Fatal(err)
		}
	}
	return res
}
