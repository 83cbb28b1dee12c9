package report

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/runner"
	"github.com/etcdplay/etcdplay/tasks"
)

func shows(t *testing.T, o Options, want string, events ...runner.Event) {
	t.Helper()
	var b strings.Builder
	term := NewTerminal(&b, o)
	for _, e := range events {
		term.Report(e)
	}
	term.Close()
	if diff := cmp.Diff(strings.TrimLeft(want, "\n"), strings.TrimLeft(b.String(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAFailureSaysWhatToDo(t *testing.T) {
	shows(t, Options{}, `
fatal: [peer1]: FAILED! => {"changed": false, "msg": "can't make the directory /x", "rc": 1}
  | mkdir: cannot create directory '/x': Read-only file system
  at site.yml:12:7
  hint: remount it
`, runner.HostResult{
		Host: "peer1", Status: runner.Failed, Pos: source.Pos{File: "site.yml", Line: 12, Col: 7},
		Stderr: "mkdir: cannot create directory '/x': Read-only file system", Hint: "remount it",
		Result: value.NewDict("changed", false, "failed", true, "rc", 1, "msg", "can't make the directory /x"),
	})
}

func TestWhatIsForAllHostsSaysSo(t *testing.T) {
	e := runner.HostResult{Host: "peer1", ForAll: true, Pos: source.Pos{File: "site.yml", Line: 12, Col: 7}, Status: runner.Failed, Result: value.NewDict("msg", "no quorum")}
	shows(t, Options{}, "fatal: [peer1]: FAILED! => {\"msg\": \"no quorum\"}\n  at site.yml:12:7, for all hosts, not only peer1\n", e)
	e.Status, e.Result = runner.OK, value.NewDict("warnings", []any{"peer4 is left out"})
	shows(t, Options{}, "ok: [peer1]\n[WARNING]: peer4 is left out\n", e)
}

func TestVerboseListsChanges(t *testing.T) {
	e := runner.HostResult{Host: "h", Status: runner.Changed, Changes: []string{"create directory /x"}, Result: value.NewDict("changed", true)}
	shows(t, Options{}, "changed: [h]\n", e)
	shows(t, Options{Verbosity: 1}, "changed: [h] => {\"changed\": true}\n  + create directory /x\n", e)
}

func TestNoLogShowsNothing(t *testing.T) {
	shows(t, Options{Verbosity: 3, Diff: true}, `
changed: [h] => {"censored": "hidden", "changed": true}
`, runner.HostResult{
		Host: "h", Status: runner.Changed, NoLog: true, Changes: []string{"secret"}, Text: "secret", Stderr: "secret",
		Diffs: []tasks.Diff{{Before: "secret", After: "secret2"}}, Result: value.NewDict("censored", "hidden", "changed", true),
	})
}

// Patches made of our diffs must turn the one text into the other, as patch(1) reads them.
func TestDiffsApply(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		t.Log("without patch(1) only our own reading is tested:", err)
	}
	line := rapid.SampledFrom([]string{"a", "b", "c", "", "  x"})
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(line, 0, 30).Draw(t, "a")
		b := rapid.SliceOfN(line, 0, 30).Draw(t, "b")
		if got := apply(t, a, unified(a, b)); !cmp.Equal(got, b) && len(got)+len(b) > 0 {
			t.Fatalf("%q and the diff %q give %q", a, unified(a, b), got)
		}
	})
}

// apply reads hunks the way patch does.
func apply(t *rapid.T, a, hunks []string) []string {
	var out []string
	at := 0
	for _, l := range hunks {
		if strings.HasPrefix(l, "@@ -") {
			var from int
			head := strings.TrimPrefix(strings.Fields(l)[1], "-")
			num, count, more := strings.Cut(head, ",")
			for _, c := range num {
				from = from*10 + int(c-'0')
			}
			if !more || count != "0" {
				from--
			}
			for at < from {
				out = append(out, a[at])
				at++
			}
			continue
		}
		switch l[0] {
		case '+':
			out = append(out, l[1:])
			continue
		case ' ':
			out = append(out, l[1:])
		}
		if at >= len(a) || a[at] != l[1:] {
			t.Fatalf("line %d of the old text is not %q", at+1, l[1:])
		}
		at++
	}
	return append(out, a[at:]...)
}

func TestPatchReadsOurDiffs(t *testing.T) {
	patch, err := exec.LookPath("patch")
	if err != nil {
		t.Skip("SKIPPED: there is no patch(1) on this machine")
	}
	before, after := "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n", "a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nk\n"
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "--- f\n+++ f\n" + strings.Join(unified(splitLines(before), splitLines(after)), "\n") + "\n"
	cmd := exec.Command(patch, file)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, text)
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != after {
		t.Errorf("%v: got %q", err, got)
	}
}
