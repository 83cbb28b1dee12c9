package script

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shells are those that the hosts' sh may be.
func shells(t testing.TB) map[string][]string {
	all := map[string][]string{"dash": {"dash"}, "bash": {"bash", "--posix"}, "busybox": {"busybox", "sh"}}
	for name, argv := range all {
		if _, err := exec.LookPath(argv[0]); err != nil {
			t.Logf("%s is not installed: not tested", name)
			delete(all, name)
		}
	}
	if len(all) == 0 {
		t.Fatal("no shell is installed")
	}
	return all
}

// start starts a local shell in a session of its own, as sshd does.
func start(t testing.TB, argv ...string) *Shell {
	t.Helper()
	s, _ := startCmd(t, argv...)
	return s
}

// inSession is a shell in a session of its own, as sshd starts it: in ours it would
// end the processes of other tests with its script.
func inSession(argv []string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

func startCmd(t testing.TB, argv ...string) (*Shell, *exec.Cmd) {
	t.Helper()
	cmd := inSession(argv)
	in, _ := cmd.StdinPipe()
	// Pipes of our own: Wait must not close what is still being read.
	outR, outW, _ := os.Pipe()
	errR, errW, _ := os.Pipe()
	cmd.Stdout, cmd.Stderr = outW, errW
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	outW.Close()
	errW.Close()
	s := NewShell(Process{
		Stdin: in, Stdout: outR, Stderr: errR,
		Wait: func() (int, error) {
			_ = cmd.Wait()
			ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if ws.Signaled() {
				return 128 + int(ws.Signal()), nil
			}
			return ws.ExitStatus(), nil
		},
		Close: func() error {
			_ = cmd.Process.Kill()
			return errors.Join(outR.Close(), errR.Close())
		},
	}, "")
	s.ask = 50 * time.Millisecond
	t.Cleanup(func() { s.Close() })
	return s, cmd
}

func forEachShell(t *testing.T, f func(t *testing.T, argv []string)) {
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) { t.Parallel(); f(t, argv) })
	}
}

func run1(t testing.TB, s *Shell, body string) Output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := s.Run(ctx, body, nil)
	if err != nil {
		t.Fatalf("%q: %v\nstdout %q\nstderr %q", body, err, out.Stdout, out.Stderr)
	}
	return out
}

func TestRun(t *testing.T) {
	cases := []struct {
		name, body     string
		stdout, stderr string
		code           int
		records        []Record
	}{
		{"nothing", "", "", "", 0, nil},
		{"both streams", "echo out; echo err >&2", "out\n", "err\n", 0, nil},
		{"no newline at the end", "printf a; printf b >&2", "a", "b", 0, nil},
		{"exit code", "exit 7", "", "", 7, nil},
		{"last command's code", "false", "", "", 1, nil},
		{"set -e", "set -e; false; echo no", "", "", 1, nil},
		{"signal", "sh -c 'kill -TERM $$'", "", "", 143, nil},
		{"return", "echo a; return 3; echo b", "a\n", "", 3, nil},
		{"standard input is empty", "cat; echo done", "done\n", "", 0, nil},
		{"a child can't eat the next script", "head -c 100000; sh -c 'read -r x; echo \"$x\"'", "\n", "", 0, nil},
		{"settings", "echo $LC_ALL $(umask); case $PATH in */usr/sbin*) echo sbin ;; esac", "C 0022\nsbin\n", "", 0, nil},
		{"no parameters", `echo $#`, "0\n", "", 0, nil},
		{"variables do not stay (1)", "x=1; cd /tmp; trap 'echo bye' EXIT", "bye\n", "", 0, nil},
		{"variables do not stay (2)", `echo "${x-unset}"; [ "$PWD" != /tmp ]`, "unset\n", "", 0, nil},
		{"closed streams", "exec >&- 2>&-; true", "", "", 0, nil},
		{"redirected streams", "exec >/dev/null 2>&1; echo a", "", "", 0, nil},
		{"all variables", "set >/dev/null", "", "", 0, nil},
		{"quotes", `printf '%s' "it's" '"' '\' '$x' '` + "`" + `' 'a
b'`, "it's\"\\$x`a\nb", "", 0, nil},
		{"records", "EP_CHECK=1; would 'create a'; echo text; fact k 'v w'; warn 'two\nlines'", "text\n", "", 0,
			[]Record{{Change, "create a"}, {Fact, "k=v w"}, {Warning, "two\nlines"}}},
		{"fail", "fail 'it broke' 'try again'", "", "", 1, []Record{{Fail, "it broke\ntry again"}}},
		{"an unfinished record is dropped", `printf '%schange half' "$EP_MARK"`, "", "", 0, nil},
		{"a mark alone on stderr is text", `printf '%s' "$EP_MARK" | wc -c >&2`, "", "28\n", 0, nil},
	}
	forEachShell(t, func(t *testing.T, argv []string) {
		s := start(t, argv...)
		for _, c := range cases {
			out := run1(t, s, c.body)
			got := Output{Stdout: out.Stdout, Stderr: out.Stderr, Code: out.Code, Records: out.Records}
			// A shell may say how its child was killed.
			if c.code > 128 {
				got.Stderr = nil
			}
			want := Output{Stdout: []byte(c.stdout), Stderr: []byte(c.stderr), Code: c.code, Records: c.records}
			if d := cmp.Diff(str(want), str(got)); d != "" {
				t.Errorf("%s: -want +got:\n%s", c.name, d)
			}
		}
	})
}

func str(o Output) any {
	return struct {
		Stdout, Stderr string
		Code           int
		Records        []Record
	}{string(o.Stdout), string(o.Stderr), o.Code, o.Records}
}

func TestSyntaxErrorLeavesTheShellAlive(t *testing.T) {
	forEachShell(t, func(t *testing.T, argv []string) {
		s, cmd := startCmd(t, argv...)
		for _, body := range []string{"if", "echo 'open", "fi", "a() {", "cat <<X", ")", "${", "$((", "done; echo x"} {
			if out := run1(t, s, body); body != "cat <<X" && out.Code == 0 {
				t.Errorf("%q: exit code 0", body)
			}
		}
		if out := run1(t, s, "echo $$"); string(out.Stdout) != fmt.Sprintln(cmd.Process.Pid) {
			t.Errorf("another shell answers: %q", out.Stdout)
		}
	})
}

func TestBinaryOutputIsExact(t *testing.T) {
	data := make([]byte, 3<<20)
	src := rand.NewChaCha8([32]byte{1})
	_, _ = src.Read(data)
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	forEachShell(t, func(t *testing.T, argv []string) {
		out := run1(t, start(t, argv...), New().Call("cat", file).Call("cp", file, "/dev/stderr").Render(false, false))
		if !bytes.Equal(out.Stdout, data) || !bytes.Equal(out.Stderr, data) {
			t.Errorf("%d bytes of stdout and %d of stderr, not as sent", len(out.Stdout), len(out.Stderr))
		}
	})
}

func TestOutputIsBounded(t *testing.T) {
	forEachShell(t, func(t *testing.T, argv []string) {
		s := start(t, argv...)
		s.limit = 1000
		out := run1(t, s, "head -c 5000 /dev/zero; would x; echo e >&2; exit 3")
		if want := "\n[4000 further bytes were left out]\n"; !strings.HasSuffix(string(out.Stdout), want) || len(out.Stdout) != 1000+len(want) {
			t.Errorf("%d bytes, ends %q", len(out.Stdout), out.Stdout[max(0, len(out.Stdout)-60):])
		}
		if string(out.Stderr) != "e\n" || out.Code != 3 {
			t.Errorf("stderr %q, code %d", out.Stderr, out.Code)
		}
	})
}

func TestThousandScripts(t *testing.T) {
	forEachShell(t, func(t *testing.T, argv []string) {
		s := start(t, argv...)
		for i := range 1000 {
			if out := run1(t, s, "echo "+strconv.Itoa(i)); string(out.Stdout) != fmt.Sprintln(i) {
				t.Fatalf("script %d answered %q", i, out.Stdout)
			}
		}
	})
}

func TestRecordsComeAtOnce(t *testing.T) {
	forEachShell(t, func(t *testing.T, argv []string) {
		s := start(t, argv...)
		fifo := filepath.Join(t.TempDir(), "go")
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		// The script goes on only once its record was seen.
		_, err := s.Run(t.Context(), New().Text("progress half").Call("cat", fifo).Render(false, false), func(r Record) {
			if r != (Record{Progress, "half"}) {
				t.Errorf("got %v", r)
			}
			if err := os.WriteFile(fifo, nil, 0o600); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// A tree of processes as a task may start it: each writes its PID.
const tree = `
note() { echo "$1" >>"$pids"; }
sh -c 'trap "" TERM; echo $$ >>"$1"; sleep 600; sleep 600' x "$pids" &
note $!
( sleep 600 & note $!; wait ) &
note $!
timeout 600 sleep 600 & note $!
: >"$pids.ready"
sleep 600
`

func TestEndLeavesNoProcess(t *testing.T) {
	ends := map[string]func(s *Shell, cmd *exec.Cmd, cancel func()){
		"cancel":              func(_ *Shell, _ *exec.Cmd, cancel func()) { cancel() },
		"close":               func(s *Shell, _ *exec.Cmd, _ func()) { s.Close() },
		"standard input lost": func(s *Shell, _ *exec.Cmd, _ func()) { s.p.Stdin.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			forEachShell(t, func(t *testing.T, argv []string) {
				dir := t.TempDir()
				pids, kept := filepath.Join(dir, "pids"), filepath.Join(dir, "kept")
				s, cmd := startCmd(t, argv...)
				// What an earlier script left, and what detaches itself, stays.
				run1(t, s, "sleep 600 >/dev/null 2>&1 & echo $! >"+Quote(kept))
				time.Sleep(20 * time.Millisecond) // another clock tick
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					for !exists(pids+".ready") || len(readPIDs(t, pids)) < 5 {
						if ctx.Err() != nil {
							return
						}
						time.Sleep(5 * time.Millisecond)
					}
					end(s, cmd, cancel)
				}()
				_, err := s.Run(ctx, "setsid sleep 600 >/dev/null 2>&1 & echo $! >>"+Quote(kept)+
					"\npids="+Quote(pids)+"\n"+tree, nil)
				if err == nil {
					t.Error("no error")
				}
				var ended *Ended
				if name == "cancel" && !errors.Is(err, context.Canceled) || name != "cancel" && (!errors.As(err, &ended) || !ended.Began) {
					t.Errorf("error %v", err)
				}
				for _, pid := range readPIDs(t, pids) {
					waitGone(t, pid)
				}
				for _, pid := range readPIDs(t, kept) {
					if !alive(pid) {
						t.Errorf("process %d, which should stay, is gone", pid)
					}
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
				if s.Alive() {
					t.Error("the shell still counts as alive")
				}
			})
		})
	}
}

func exists(file string) bool { _, err := os.Stat(file); return err == nil }

func readPIDs(t testing.TB, file string) (pids []int) {
	b, _ := os.ReadFile(file)
	for _, f := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(b, []byte(") Z "))
}

func waitGone(t testing.TB, pid int) {
	for end := time.Now().Add(20 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			t.Errorf("process %d (%q) still runs", pid, b)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return
		}
	}
}

// The number of a script that has ended may be another process's by the time the shell
// asks for it, or ends: that one stays, and is not taken for the script.
func TestNumberOfAStranger(t *testing.T) {
	strangers := map[string]func(t *testing.T, s *Shell) int{
		"of another session": func(t *testing.T, _ *Shell) int {
			cmd := exec.Command("sleep", "600")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			return cmd.Process.Pid
		},
		"left by an earlier script": func(t *testing.T, s *Shell) int {
			out := run1(t, s, "sleep 600 >/dev/null 2>&1 & echo $!")
			pid, err := strconv.Atoi(strings.TrimSpace(string(out.Stdout)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
			return pid
		},
	}
	for name, stranger := range strangers {
		t.Run(name, func(t *testing.T) {
			forEachShell(t, func(t *testing.T, argv []string) {
				s := start(t, argv...)
				run1(t, s, ":")
				pid := stranger(t, s)
				fmt.Fprintf(s.p.Stdin, "wait; ep_script=%d; ep_edge=asked; ep_ask .\n", pid)
				for end := time.Now().Add(20 * time.Second); !strings.Contains(s.said(0), "asked}127"); time.Sleep(5 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("asked, it says %q", s.said(0))
					}
				}
				fmt.Fprintf(s.p.Stdin, "ep_script=%d\n", pid)
				s.Close()
				<-s.ended
				if !alive(pid) {
					t.Error("the stranger was ended")
				}
			})
		})
	}
}

// A script that can't tell its own end any more: the shell is asked.
func TestScriptThatIsKilled(t *testing.T) {
	forEachShell(t, func(t *testing.T, argv []string) {
		s := start(t, argv...)
		for body, code := range map[string]int{
			"echo a; sh -c 'kill -9 $PPID'; sleep 1": 137,
			"echo a; exec >&- 2>&-; exit 4":          4,
			"echo a; trap - EXIT; exit 3":            3,
			"f() { exit 5; }; echo a; f >/dev/null":  5,
			"echo a; sleep 0.3; exit 6":              6, // asked in vain
		} {
			out := run1(t, s, body)
			if out.Code != code || string(out.Stdout) != "a\n" {
				t.Errorf("%q: exit code %d, want %d, stdout %q", body, out.Code, code, out.Stdout)
			}
		}
		if out := run1(t, s, "echo well"); string(out.Stdout) != "well\n" {
			t.Errorf("after that: %q", out.Stdout)
		}
	})
}

// What a script makes for the time being goes with it, also a subshell's own; what
// the environment calls so does not.
func TestScriptCleansUp(t *testing.T) {
	forEachShell(t, func(t *testing.T, argv []string) {
		mine, tmp := t.TempDir(), t.TempDir()
		s := start(t, append([]string{"env", "ep_scratch=" + mine, "TMPDIR=" + tmp}, argv...)...)
		for _, body := range []string{"scratch; : >$ep_scratch/a", "scratch; fail no", "(scratch; : >$ep_scratch/a; exit 3); true", "true", "scratch; sh -c 'kill -TERM $PPID'; sleep 1"} {
			run1(t, s, body)
			left, err := os.ReadDir(tmp)
			if err != nil || len(left) > 0 {
				t.Errorf("%q left %v %v", body, left, err)
			}
		}
		if _, err := os.Stat(mine); err != nil {
			t.Error(err)
		}
	})
}

func TestScriptThatKillsItsShell(t *testing.T) {
	for body, code := range map[string]int{"kill -9 $$; sleep 2": 137, "kill $$; sleep 2": 143, "kill 0; sleep 2": 143} {
		forEachShell(t, func(t *testing.T, argv []string) {
			_, err := start(t, argv...).Run(t.Context(), body, nil)
			var ended *Ended
			if !errors.As(err, &ended) || ended.Code != code || ended.Err != nil {
				t.Errorf("%q: %v", body, err)
			}
		})
	}
}

func TestDeadlineAndTurns(t *testing.T) {
	s := start(t, "sh")
	first := make(chan struct{})
	go func() {
		_, _ = s.Run(t.Context(), "would x; sleep 600", func(Record) { close(first) })
	}()
	<-first
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Run(ctx, "echo a", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for its turn: %v", err)
	}
	if !s.Alive() {
		t.Error("a script that never had its turn ended the shell")
	}
}

// A line that a lost connection cut must not run what it holds.
func TestCutLineRunsNothing(t *testing.T) {
	forEachShell(t, func(t *testing.T, argv []string) {
		file := filepath.Join(t.TempDir(), "made")
		whole := withoutComments(shellText) + Prelude() + "EP_BODY=" + Quote(Quote("touch")+" "+Quote(file)) + "\nep_run mark edge ."
		for cut := 1; cut < 40; cut++ {
			cmd := inSession(argv)
			cmd.Stdin = strings.NewReader(whole[:len(whole)-cut])
			_ = cmd.Run()
		}
		if exists(file) {
			t.Error("it ran")
		}
		cmd := inSession(argv)
		in, _ := cmd.StdinPipe()
		out, _ := cmd.StdoutPipe()
		_ = cmd.Start()
		_, _ = io.WriteString(in, whole+"\n")
		buf := make([]byte, 100)
		for all := ""; !strings.Contains(all, "edge}"); {
			n, err := out.Read(buf)
			if all += string(buf[:n]); err != nil {
				t.Fatal(err)
			}
		}
		in.Close()
		_ = cmd.Wait()
		if !exists(file) {
			t.Error("the whole line did not run")
		}
	})
}

func TestPreludeIsClean(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	files, _ := filepath.Glob("prelude/*.sh")
	var all []byte // as one text: verbs of one file use those of another
	for _, f := range append(files, "shell.sh") {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	cmd := exec.Command("shellcheck", "-s", "sh", "-S", "warning", "-f", "gcc", "-")
	cmd.Stdin = bytes.NewReader(all)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func FuzzBody(f *testing.F) {
	for _, s := range []string{"", "a", "it's", "a\nb\n", "\\", "$x`id`\"", "\xff\xfe", "'\\''", "\r\n", "é 日本", "-n", "!", "\n'\n"} {
		f.Add(s)
	}
	all := map[string]*Shell{}
	for name, argv := range shells(f) {
		all[name] = start(f, argv...)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.IndexByte(text, 0) >= 0 {
			t.Skip("no shell holds a NUL byte")
		}
		for name, s := range all {
			out := run1(t, s, New().Set("x", text).Call("printf", "%s", text).Text(`[ "$x" = `+Quote(text)+` ]`).Render(false, false))
			if string(out.Stdout) != text || out.Code != 0 {
				t.Errorf("%s: %q came back as %q, code %d, stderr %q", name, text, out.Stdout, out.Code, out.Stderr)
			}
		}
	})
}

func TestShellThatNeverAnswers(t *testing.T) {
	s := start(t, "sh", "-c", "echo motd >&2; exec sleep 2")
	s.answer = 50 * time.Millisecond
	_, err := s.Run(t.Context(), "echo a", nil)
	var ended *Ended
	if !errors.As(err, &ended) || ended.Began || ended.Stderr != "motd" || !strings.Contains(err.Error(), "not answered within 50ms") {
		t.Errorf("%+v", err)
	}
}

// Whoever loses a connection must know whether a script may have run of which nothing
// was heard.
func TestWhetherItWasSent(t *testing.T) {
	for name, k := range map[string]struct {
		takes int64 // so many bytes come through, then the connection is lost
		want  bool
	}{"all of it": {1 << 20, true}, "half a line": {100, false}, "nothing": {0, false}} {
		t.Run(name, func(t *testing.T) {
			in, stdin := io.Pipe()
			lost := make(chan struct{})
			s := NewShell(Process{
				Stdin: stdin, Stdout: strings.NewReader(""), Stderr: strings.NewReader(""),
				Wait:  func() (int, error) { <-lost; return 0, errors.New("lost") },
				Close: func() error { return in.Close() },
			}, "")
			go func() {
				for took := int64(0); took < k.takes; {
					buf := make([]byte, min(k.takes-took, 32<<10))
					n, err := in.Read(buf)
					took += int64(n)
					if err != nil || bytes.HasSuffix(buf[:n], []byte(" .\n")) {
						break
					}
				}
				close(lost)
			}()
			_, err := s.Run(t.Context(), "echo a", nil)
			var ended *Ended
			if !errors.As(err, &ended) || ended.Began || ended.Err == nil || ended.Sent != k.want {
				t.Errorf("got %+v", err)
			}
			<-s.ended
			if _, err := s.Run(t.Context(), "echo a", nil); !errors.As(err, &ended) || ended.Sent {
				t.Errorf("once it is known to be lost: %+v", err)
			}
		})
	}
}

// The shell tells the end of a script when it exits: nothing may take that away. What
// is to be removed then is named to clean_at_exit.
func TestPreludeTrapsNoExit(t *testing.T) {
	for i, u := range preludeUnits() {
		if n := strings.Count(u.text, "EXIT"); n > 0 && !strings.Contains(u.text, "\nclean_at_exit()") || n > 1 {
			t.Errorf("unit %d traps EXIT", i)
		}
	}
}
