package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// deadline is how long one run of the program may take on a slow machine.
const deadline = 10 * time.Minute

// result is what a run of the program came to.
type result struct {
	t      *testing.T
	code   int
	out    string // stdout
	err    string // stderr
	recap  map[string]stats
	events []event
}

type stats struct {
	OK, Changed, Unreachable, Failed, Skipped, Rescued, Ignored int
}

// event is a line of --output json.
type event struct {
	Event   string
	Host    string
	Task    string
	Name    string
	Status  string
	At      string
	Changes []string
	Hint    string
	Stderr  string
	Text    string
	Result  map[string]any
	Hosts   json.RawMessage
}

// play runs `etcdplay run` in the lab's network and reads its events.
func play(t *testing.T, lab *hosts.Lab, args ...string) result {
	t.Helper()
	return runProgram(t, lab, append([]string{"run", "--output", "json"}, args...)...)
}

// runProgram runs the program in the lab's network.
func runProgram(t *testing.T, lab *hosts.Lab, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := command(ctx, lab, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("etcdplay %s did not end within %s\n%s%s", strings.Join(args, " "), deadline, out.String(), errs.String())
	}
	r := result{t: t, out: out.String(), err: errs.String(), recap: map[string]stats{}}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	r.read()
	return r
}

// command is the program in the lab's network, with the lab's home: its SSH
// key, known hosts and configuration.
func command(ctx context.Context, lab *hosts.Lab, args ...string) *exec.Cmd {
	cmd := lab.Command(ctx, program, args...)
	cmd.Env = append(cmd.Environ(), "HOME="+lab.Home(), "SSH_AUTH_SOCK=", "ANSIBLE_CONFIG=/dev/null", "NO_COLOR=1")
	return cmd
}

func (r *result) read() {
	scan := bufio.NewScanner(strings.NewReader(r.out))
	scan.Buffer(nil, 64<<20)
	for scan.Scan() {
		var e event
		if json.Unmarshal(scan.Bytes(), &e) != nil {
			continue
		}
		r.events = append(r.events, e)
		if e.Event == "recap" {
			if err := json.Unmarshal(e.Hosts, &r.recap); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// want fails the test unless the run ended with the code.
func (r result) want(code int) result {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("exit code %d, want %d\n%s", r.code, code, r.dump())
	}
	return r
}

// dump is the run for a failed test's log.
func (r result) dump() string {
	var b strings.Builder
	for _, e := range r.events {
		if e.Event == "task" {
			b.WriteString("TASK " + e.Name + "\n")
		}
		if e.Event != "result" {
			continue
		}
		b.WriteString("  " + e.Host + " " + e.Status)
		if e.Status == "failed" || e.Status == "unreachable" {
			msg, _ := json.Marshal(e.Result)
			b.WriteString(" " + string(msg) + "\n    " + e.Stderr + "\n    hint: " + e.Hint)
		}
		for _, c := range e.Changes {
			b.WriteString("\n      + " + c)
		}
		b.WriteString("\n")
	}
	return b.String() + r.err
}

// changed adds up what changed on all hosts.
func (r result) changed() int {
	n := 0
	for _, s := range r.recap {
		n += s.Changed
	}
	return n
}

// changes lists "HOST: change" of all tasks, in order for each host.
func (r result) changes() map[string][]string {
	all := map[string][]string{}
	for _, e := range r.events {
		if e.Event == "result" {
			all[e.Host] = append(all[e.Host], e.Changes...)
		}
	}
	return all
}

// text joins what tasks showed as it is.
func (r result) text() string {
	var b strings.Builder
	for _, e := range r.events {
		b.WriteString(e.Text)
	}
	return b.String()
}

// failure is the message of the first failed result on a host.
func (r result) failure(host string) string {
	for _, e := range r.events {
		if e.Event == "result" && (e.Status == "failed" || e.Status == "unreachable") && (host == "" || e.Host == host) {
			msg, _ := e.Result["msg"].(string)
			return msg + "\n" + e.Stderr + "\n" + e.Hint
		}
	}
	return ""
}

// on runs a command on a host as root, at its console.
func on(t *testing.T, lab *hosts.Lab, host, cmd string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := lab.Exec(ctx, host, cmd)
	if err != nil {
		t.Fatalf("%s: %s: %v", host, cmd, err)
	}
	return out
}

// eventually waits until ok, or fails the test after a generous time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(3 * time.Minute)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("it did not come to pass: %s", what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
