package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crowd is how many hosts the test has; ETCDPLAY_CROWD says otherwise.
func crowd(t *testing.T) int {
	n := 200
	if text := os.Getenv("ETCDPLAY_CROWD"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// Two Ctrl-C end a run on many hosts that are all busy, and none of what it had
// started there goes on.
func TestInterruptLeavesNothingBehind(t *testing.T) {
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("NOT TESTED: without /proc nobody sees what is left behind")
	}
	b := &bench{dir: t.TempDir(), options: options{etcdplay: filepath.Join(t.TempDir(), "etcdplay")}}
	if out, err := exec.Command("go", "build", "-o", b.etcdplay, "../../cmd/etcdplay").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	n := crowd(t)
	tables := runtime.GOOS == "linux" && os.Getuid() == 0
	if !tables {
		t.Log("all hosts share one process table, which needs its time to look through: only root can give each its own")
	}
	p, stop, err := b.servers(n, tables)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stop() }()
	mark := "etcdplay-" + rand.Text()
	play := filepath.Join(b.dir, "sleep.yml")
	// the mark is in the command line of the shell that waits
	text := "- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: 'sleep 3600 & echo " + mark + " >&2; wait; : " + mark + "'\n"
	if err := os.WriteFile(play, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	cmd := p.command(ctx, nil, b.etcdplay, "run", play, "-i", p.inventory, "--forks", strconv.Itoa(n), "--timeout", "5m")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for len(sleepers(t, mark)) < n {
		select {
		case err := <-ended:
			t.Fatalf("the run ended by itself: %v\n%s", err, lastLines(out.String(), 30))
		case <-time.After(time.Second): // to look takes its time too
		}
	}
	began, computed := time.Now(), processorTime(t, cmd.Process.Pid)
	for range 2 {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // two, not one
	}
	if err := <-ended; cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("the run ended with %v\n%s", err, lastLines(out.String(), 30))
	}
	computed = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() - computed
	t.Logf("%d hosts: ended after %v, for %v of which it used a processor", n, time.Since(began).Round(time.Millisecond), computed.Round(10*time.Millisecond))
	for ctx.Err() == nil {
		if left := sleepers(t, mark); len(left) == 0 {
			t.Logf("nothing is left after %v", time.Since(began).Round(time.Millisecond))
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%d processes go on", len(sleepers(t, mark)))
}

// processorTime is what a process has used so far, as proc(5) tells in hundredths
// of a second.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err != nil || err2 != nil {
		t.Fatalf("%s is no time", fields[11:13])
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// sleepers are the shells that run the task of this test: those with its mark
// in their command line, which have a child.
func sleepers(t *testing.T, mark string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err == nil && bytes.Contains(line, []byte(mark)) {
			pids = append(pids, filepath.Base(filepath.Dir(f)))
		}
	}
	return pids
}

// The line that makes everything later keeps bytes and their order, and passes
// the end on.
func TestDelay(t *testing.T) {
	from, to := pair(t)
	far, near := pair(t)
	go late(far, to, 10*time.Millisecond)
	want := strings.Repeat("one two three\n", 10000)
	go func() {
		_, _ = from.Write([]byte(want))
		_ = from.CloseWrite()
	}()
	var got bytes.Buffer
	if _, err := bufio.NewReader(near).WriteTo(&got); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("%d bytes came of %d, or others", got.Len(), len(want))
	}
}

// pair is the two ends of a TCP connection.
func pair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close(); in.Close() })
	return out.(*net.TCPConn), in.(*net.TCPConn)
}
