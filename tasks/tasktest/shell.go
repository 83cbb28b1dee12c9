// Package tasktest runs tasks in tests: against local shells of every kind
// that hosts have, in throw-away folders, from case files.
package tasktest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// A Shell is one kind of shell and userland that hosts have.
type Shell struct {
	Name string
	Argv []string // how it is started
	Path string   // PATH, or "" for this machine's
}

// Shells lists the kinds on this machine: dash and bash with the machine's own
// userland, and busybox with nothing but busybox. One that is missing is said.
func Shells(t testing.TB) []Shell {
	t.Helper()
	var out []Shell
	for _, name := range []string{"dash", "bash"} {
		if p, err := exec.LookPath(name); err == nil {
			out = append(out, Shell{Name: name, Argv: []string{p}})
		} else {
			t.Logf("not tested with %s: it is not installed", name)
		}
	}
	if p, err := exec.LookPath("busybox"); err == nil {
		out = append(out, Shell{Name: "busybox", Argv: []string{p, "sh"}, Path: busyboxPath(t, p)})
	} else {
		t.Log("not tested with busybox: it is not installed")
	}
	if len(out) == 0 {
		t.Fatal("no shell to test with: install dash, bash or busybox")
	}
	return out
}

// busyboxPath makes a folder with all of busybox's programs and nothing else.
func busyboxPath(t testing.TB, busybox string) string {
	t.Helper()
	dir := t.TempDir()
	list, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		t.Fatalf("%s --list: %v", busybox, err)
	}
	for _, applet := range strings.Fields(string(list)) {
		if err := os.Symlink(busybox, filepath.Join(dir, filepath.Base(applet))); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
	return dir
}

// A Conn is a local shell as a host's connection: every Exec starts it anew.
type Conn struct {
	Shell Shell
	// Root, if not "", has etc, home and such that stand in for the machine's
	// while a script runs (in a mount namespace of its own; needs root).
	Root string
	// Binds are files or folders mounted over others meanwhile: FROM, TO, FROM, TO…
	Binds []string
	// Netns is a process whose network namespace the scripts run in, or 0.
	Netns int
	Home  string // $HOME; "/root" when empty
	// Env are further variables, NAME=value.
	Env []string
}

var _ tasks.Conn = (*Conn)(nil)

// Exec implements tasks.Conn.
func (c *Conn) Exec(ctx context.Context, cmd tasks.Command) (script.Output, error) {
	mark := "\x01" + rand.Text() + "\x01"
	text := script.Prelude() +
		"EP_MARK=" + script.Quote(mark) + "\n" +
		"ep_body=" + script.Quote(cmd.Script) + "\n" +
		"( eval \"$ep_body\" ) </dev/null\n"
	var stdout, stderr bytes.Buffer
	argv := c.argv()
	run := exec.CommandContext(ctx, argv[0], argv[1:]...)
	run.Stdin, run.Stdout, run.Stderr = strings.NewReader(text), &stdout, &stderr
	run.Env = append([]string{"LC_ALL=C", "HOME=" + c.home(), "PATH=" + c.path(), "TMPDIR=" + os.TempDir()}, c.Env...)
	err := run.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return script.Output{}, &tasks.Unreachable{Host: c.Shell.Name, Msg: "the shell did not run", Err: err}
	}
	plain, records := script.Split(stdout.Bytes(), mark)
	for _, r := range records {
		if cmd.OnRecord != nil {
			cmd.OnRecord(r)
		}
	}
	return script.Output{Stdout: plain, Stderr: stderr.Bytes(), Code: run.ProcessState.ExitCode(), Records: records}, nil
}

func (c *Conn) home() string {
	if c.Home == "" {
		return "/root"
	}
	return c.Home
}

func (c *Conn) path() string {
	if c.Shell.Path != "" {
		return c.Shell.Path
	}
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// has reports whether a program is in the shell's PATH.
func (c *Conn) has(program string) bool {
	for _, dir := range filepath.SplitList(c.path()) {
		if _, err := os.Stat(filepath.Join(dir, program)); err == nil {
			return true
		}
	}
	return false
}

// argv starts the shell, in a mount namespace where Root's folders cover the
// machine's if there is a Root.
func (c *Conn) argv() []string {
	binds := c.Binds
	if c.Root != "" {
		folders, _ := filepath.Glob(c.Root + "/*")
		for _, f := range folders {
			binds = append(binds, f, "/"+filepath.Base(f))
		}
	}
	if len(binds) == 0 {
		return append(inNetns(c.Netns), c.Shell.Argv...)
	}
	enter := script.New()
	for pair := range slices.Chunk(binds, 2) {
		enter.Call("mount", "--bind", pair[0], pair[1])
	}
	enter.Call("exec", c.Shell.Argv...)
	return append(inNetns(c.Netns), "unshare", "-m", "sh", "-ec", enter.Body())
}

// inNetns begins a command line that runs in the network namespace of a process.
func inNetns(pid int) []string {
	if pid == 0 {
		return nil
	}
	return []string{"nsenter", "-n", "-t", strconv.Itoa(pid)}
}

// newNetns starts a process that holds a network namespace until the test ends.
func newNetns(t testing.TB) int {
	t.Helper()
	cmd := exec.Command("unshare", "-n", "sh", "-c", "echo; exec sleep 600")
	ready, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		t.Fatalf("no network namespace: %v", err)
	}
	return cmd.Process.Pid
}

// Put implements tasks.Conn.
func (c *Conn) Put(_ context.Context, r io.Reader, dst string, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(dst), ".put")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), dst)
}

// Get implements tasks.Conn.
func (c *Conn) Get(_ context.Context, src string, w io.Writer) error {
	f, err := os.Open(src)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// DialContext implements tasks.Conn.
func (c *Conn) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// Close implements tasks.Conn.
func (c *Conn) Close() error { return nil }

// String names the shell.
func (c *Conn) String() string { return fmt.Sprintf("local %s", c.Shell.Name) }
