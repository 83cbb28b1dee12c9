package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
)

// sudoers makes a folder with a stand-in for sudo, and puts it first in PATH.
func sudoers(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	text, err := os.ReadFile("testdata/sudo")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sudo"), text, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return dir
}

func TestSudo(t *testing.T) {
	const secret = `it's "a" $secret\`
	cases := []struct {
		name     string
		files    map[string]string
		password string
		flags    string
		fails    string // what the failure says; "": it works
		hint     string
		calls    int // of sudo, at most
	}{
		{name: "no password wanted", files: map[string]string{"nopasswd": ""}, calls: 1},
		{name: "no password wanted, but given", files: map[string]string{"nopasswd": ""}, password: secret, calls: 1},
		{name: "right password", files: map[string]string{"password": secret}, password: secret, calls: 3},
		{name: "right password, none is remembered", files: map[string]string{"password": secret, "nocache": ""}, password: secret, calls: 4},
		{name: "wrong password", files: map[string]string{"password": "other"}, password: secret,
			fails: "sudo does not accept the password", hint: "-K", calls: 2},
		{name: "no password given", files: map[string]string{"password": secret}, fails: "sudo wants the password", hint: "-K", calls: 1},
		{name: "not in sudoers", files: map[string]string{"password": secret, "denied": ""}, password: secret, fails: "may not become nobody", hint: "visudo", calls: 2},
		{name: "requiretty", files: map[string]string{"nopasswd": "", "requiretty": ""}, fails: "wants a terminal", hint: "!requiretty", calls: 1},
		{name: "flags", files: map[string]string{"nopasswd": ""}, flags: "-H -S -n -E", calls: 1},
		{name: "wrong flags", files: map[string]string{"nopasswd": ""}, flags: "--what", fails: "sudo does not let", hint: "become_flags", calls: 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := sudoers(t, c.files)
			p := newPool(t, Options{Config: "none"})
			conn := connect(t, p, Host{Name: "me", Local: true}, Become{User: "nobody", Password: c.password, Flags: c.flags})
			out, err := conn.Exec(testContext(t), tasks.Command{Script: `echo "$USER"; cat; env; exit 4`})
			if c.fails == "" {
				if err != nil {
					t.Fatal(explained(err))
				}
				if !strings.HasPrefix(string(out.Stdout), "nobody\n") || out.Code != 4 || len(out.Stderr) > 0 {
					t.Errorf("%q, %q, code %d", out.Stdout, out.Stderr, out.Code)
				}
				if bytes.Contains(out.Stdout, []byte(`"a"`)) {
					t.Errorf("the password is in the environment:\n%s", out.Stdout)
				}
				// Files go the same way.
				dst := filepath.Join(t.TempDir(), "f")
				if err := conn.Put(testContext(t), strings.NewReader("text"), dst, 0o644); err != nil {
					t.Error(explained(err))
				}
				var back bytes.Buffer
				if err := conn.Get(testContext(t), dst, &back); err != nil || back.String() != "text" {
					t.Errorf("%q, %s", &back, explained(err))
				}
				return
			}
			t.Log(explained(err))
			var f *tasks.Failure
			if !errors.As(err, &f) || !strings.Contains(f.Msg, c.fails) || !strings.Contains(f.Hint, c.hint) || f.Stderr == "" {
				t.Errorf("got %s", explained(err))
			}
			if strings.Contains(explained(err), "secret") {
				t.Error("it tells the password")
			}
			calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
			if n := bytes.Count(calls, []byte("\n")); n > c.calls {
				t.Errorf("sudo was called %d times:\n%s", n, calls)
			}
			if bytes.Contains(calls, []byte("secret")) {
				t.Errorf("the password is in an argument:\n%s", calls)
			}
			err = conn.Put(testContext(t), strings.NewReader("text"), filepath.Join(t.TempDir(), "f"), 0o644)
			if !errors.As(err, &f) || !strings.Contains(f.Msg, c.fails) {
				t.Errorf("Put: %s", explained(err))
			}
		})
	}
	t.Run("cancel kills", func(t *testing.T) {
		sudoers(t, map[string]string{"password": secret, "nocache": ""})
		c := connect(t, newPool(t, Options{Config: "none"}), Host{Name: "me", Local: true}, Become{User: "nobody", Password: secret})
		cancelKills(t, c)
	})
	t.Run("already that user", func(t *testing.T) {
		dir := sudoers(t, nil)
		c := connect(t, newPool(t, Options{Config: "none"}), Host{Name: "me", Local: true}, Become{User: loginName(t), Password: secret})
		mustExec(t, c, ":")
		if calls, _ := os.ReadFile(filepath.Join(dir, "calls")); len(calls) > 0 {
			t.Errorf("sudo was called: %s", calls)
		}
	})
}

func TestBecomeMissing(t *testing.T) {
	for _, m := range []string{"sudo", "doas"} {
		if _, err := exec.LookPath(m); err == nil {
			t.Logf("%s is installed: its absence is not tested", m)
			continue
		}
		c := connect(t, newPool(t, Options{Config: "none"}), Host{Name: "me", Local: true}, Become{Method: m, User: "nobody"})
		_, err := c.Exec(testContext(t), tasks.Command{Script: ":"})
		var f *tasks.Failure
		if !errors.As(err, &f) || !strings.Contains(f.Msg, m+" is not installed") {
			t.Errorf("got %s", explained(err))
		}
	}
	_, err := newPool(t, Options{Config: "none"}).Connect(testContext(t), Host{Name: "me", Local: true}, Become{Method: "runas", User: "nobody"})
	var f *tasks.Failure
	if !errors.As(err, &f) || !strings.Contains(f.Hint, "sudo, su, doas") {
		t.Errorf("got %s", explained(err))
	}
}

func TestSu(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root becomes another user without a password")
	}
	both(t, func(t *testing.T, c *Conn) {
		c = connect(t, c.pool, c.host, Become{Method: "su", User: "nobody"})
		if out := mustExec(t, c, "id -un; exit 5"); string(out.Stdout) != "nobody\n" || out.Code != 5 {
			t.Errorf("%q, %q, code %d", out.Stdout, out.Stderr, out.Code)
		}
		cancelKills(t, c)
		dir := t.TempDir()
		if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		dst := filepath.Join(dir, "f")
		if err := c.Put(testContext(t), strings.NewReader("text"), dst, 0o600); err != nil {
			t.Fatal(explained(err))
		}
		if out := mustExec(t, c, "stat -c '%U %a' "+dst); string(out.Stdout) != "nobody 600\n" {
			t.Errorf("%s", out.Stdout)
		}
	})
}

func TestDoas(t *testing.T) {
	dir := t.TempDir()
	stub := "#!/bin/sh\n[ \"$1 $2 $3\" = '-n -u nobody' ] || exit 1\n[ -e " + dir + "/ok ] || { echo 'doas: Authentication required' >&2; exit 1; }\nshift 3\nexec \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "doas"), []byte(stub), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	c := connect(t, newPool(t, Options{Config: "none"}), Host{Name: "me", Local: true}, Become{Method: "doas", User: "nobody"})
	_, err := c.Exec(testContext(t), tasks.Command{Script: ":"})
	var f *tasks.Failure
	if !errors.As(err, &f) || !strings.Contains(f.Hint, "permit nopass") {
		t.Errorf("got %s", explained(err))
	}
	write(t, filepath.Join(dir, "ok"), "")
	if out := mustExec(t, c, "exit 3"); out.Code != 3 {
		t.Errorf("code %d", out.Code)
	}
}

// cancelKills checks that a cancelled script leaves no process.
func cancelKills(t *testing.T, c *Conn) {
	t.Helper()
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	pid := 0
	began := time.Time{}
	_, err := c.Exec(ctx, tasks.Command{
		Script: `sh -c 'trap "" TERM; while :; do sleep 600; done' & fact pid $!; wait`,
		OnRecord: func(r scriptRecord) {
			fmt.Sscanf(r.Text, "pid=%d", &pid)
			began = time.Now()
			cancel()
		},
	})
	t.Logf("ended %s after the cancel", time.Since(began))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %s", explained(err))
	}
	waitGone(t, pid)
}

// The command line must mean the same to every login shell, and what these
// print of their own must not matter.
func TestLoginShells(t *testing.T) {
	for _, sh := range []string{"sh", "bash", "rbash", "dash", "busybox sh", "zsh", "ksh", "fish", "csh", "tcsh"} {
		t.Run(sh, func(t *testing.T) {
			argv := append(strings.Fields(sh), "-c", staged)
			if _, err := exec.LookPath(argv[0]); err != nil {
				t.Skip(sh + " is not installed")
			}
			text, err := opening(Become{Method: "su", User: loginName(t), Password: "p"}, "echo \"it's $HOME\"; exit 7")
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Stdin = strings.NewReader(text)
			out, err := cmd.CombinedOutput()
			if want := "it's " + os.Getenv("HOME") + "\n"; string(out) != want || cmd.ProcessState.ExitCode() != 7 {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}

// With the real sudo, where one is set up for it: ETCDPLAY_TEST_SUDO names the
// user to become, and ETCDPLAY_TEST_SUDO_PASSWORD holds our own password, or
// ETCDPLAY_TEST_SUDO_FAILS what the failure must say.
func TestRealSudo(t *testing.T) {
	user := os.Getenv("ETCDPLAY_TEST_SUDO")
	if user == "" {
		t.Skip("ETCDPLAY_TEST_SUDO names no user to become")
	}
	c := connect(t, newPool(t, Options{Config: "none"}), Host{Name: "me", Local: true},
		Become{User: user, Password: os.Getenv("ETCDPLAY_TEST_SUDO_PASSWORD")})
	out, err := c.Exec(testContext(t), tasks.Command{Script: `id -un; echo "$HOME"; exit 3`})
	if fails := os.Getenv("ETCDPLAY_TEST_SUDO_FAILS"); fails != "" {
		t.Log(explained(err))
		var f *tasks.Failure
		if !errors.As(err, &f) || !strings.Contains(f.Msg, fails) {
			t.Error("not as it should")
		}
		return
	}
	if err != nil {
		t.Fatal(explained(err))
	}
	if got := strings.Fields(string(out.Stdout)); len(got) != 2 || got[0] != user || out.Code != 3 {
		t.Errorf("%q, %q, code %d", out.Stdout, out.Stderr, out.Code)
	}
	cancelKills(t, c)
	dst := filepath.Join(t.TempDir(), "f")
	if user == "root" {
		if err := c.Put(testContext(t), strings.NewReader("text"), dst, 0o644); err != nil {
			t.Error(explained(err))
		}
	}
}
