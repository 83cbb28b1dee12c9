// Package tasktest runs tasks in tests: against local shells of every kind
// that hosts have, in throw-away folders, from case files.
package tasktest

import (
	"context"
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
	"sync"
	"syscall"
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

// A Conn is a local shell as a host's connection.
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
	// Before is a folder of programs that go before the shell's own, or "".
	Before string
	// Env are further variables, NAME=value.
	Env []string

	mu    sync.Mutex
	shell *script.Shell
}

var _ tasks.Conn = (*Conn)(nil)

// Exec implements tasks.Conn: as over SSH, all scripts of a Conn run in one
// shell, one after another.
func (c *Conn) Exec(ctx context.Context, cmd tasks.Command) (script.Output, error) {
	c.mu.Lock()
	if c.shell == nil || !c.shell.Alive() {
		p, err := c.start()
		if err != nil {
			c.mu.Unlock()
			return script.Output{}, &tasks.Unreachable{Host: c.Shell.Name, Msg: "the shell did not start", Err: err}
		}
		c.shell = script.NewShell(p, "")
	}
	shell := c.shell
	c.mu.Unlock()
	// the shell adds the usual folders to PATH: a userland must not leak in
	out, err := shell.Run(ctx, script.New().Set("PATH", c.path()).Body()+cmd.Script, cmd.OnRecord)
	var ended *script.Ended
	if errors.As(err, &ended) {
		return out, &tasks.Unreachable{Host: c.Shell.Name, Msg: "the shell is gone", Err: err}
	}
	return out, err
}

// start starts the shell.
func (c *Conn) start() (script.Process, error) {
	argv := c.argv()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append([]string{"LC_ALL=C", "HOME=" + c.home(), "PATH=" + c.path(), "TMPDIR=" + os.TempDir()}, c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // as sshd does
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return script.Process{}, err
	}
	// pipes of our own: Wait closes those of exec, read or not
	outR, outW, err := os.Pipe()
	if err != nil {
		return script.Process{}, err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return script.Process{}, errors.Join(err, outR.Close(), outW.Close())
	}
	cmd.Stdout, cmd.Stderr = outW, errW
	err = cmd.Start()
	outW.Close()
	errW.Close()
	if err != nil {
		return script.Process{}, errors.Join(err, outR.Close(), errR.Close())
	}
	return script.Process{
		Stdin: stdin, Stdout: outR, Stderr: errR,
		Wait: func() (int, error) {
			_ = cmd.Wait() // its exit code is what counts
			return cmd.ProcessState.ExitCode(), nil
		},
		Close: func() error {
			_ = cmd.Process.Kill()
			return errors.Join(outR.Close(), errR.Close())
		},
	}, nil
}

func (c *Conn) home() string {
	if c.Home == "" {
		return "/root"
	}
	return c.Home
}

func (c *Conn) path() string {
	path := c.Shell.Path
	if path == "" {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	if c.Before != "" {
		path = c.Before + ":" + path
	}
	return path
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
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shell == nil {
		return nil
	}
	return c.shell.Close()
}

// String names the shell.
func (c *Conn) String() string { return fmt.Sprintf("local %s", c.Shell.Name) }
