// Package plays runs playbooks whose output under ansible-core 2.14.18 is on
// record (testdata/NN-*.stdout, .rc) and compares. Where this program means to
// differ, deviations.go says why, and docs/ansible.md tells users.
package plays

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "etcdplay-plays-")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "etcdplay")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/etcdplay").CombinedOutput(); err != nil {
		fmt.Printf("build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// workdir copies the fixtures, with <DIR> put in.
func workdir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := filepath.WalkDir("testdata", func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel("testdata", name)
		to := filepath.Join(dir, rel)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(to, bytes.ReplaceAll(text, []byte("<DIR>"), []byte(dir)), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	// What the recorded runs left behind must not be there yet.
	os.Remove(filepath.Join(dir, "cnt"))
	return dir
}

func etcdplay(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "ANSIBLE_CONFIG=/dev/null", "NO_COLOR=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	timer := time.AfterFunc(5*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

func TestRecordedPlays(t *testing.T) {
	cmds, err := filepath.Glob("testdata/*.cmd")
	if err != nil || len(cmds) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, file := range cmds {
		name := strings.TrimSuffix(filepath.Base(file), ".cmd")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := workdir(t)
			line, err := os.ReadFile(filepath.Join(dir, name+".cmd"))
			if err != nil {
				t.Fatal(err)
			}
			args := strings.Fields(string(line))[1:]
			if _, err := os.Stat(filepath.Join(dir, name+".ours.yml")); err == nil {
				for i, a := range args {
					args[i] = strings.Replace(a, name+".yml", name+".ours.yml", 1)
				}
			}
			want, wantCode := recorded(t, dir, name)
			got, stderr, code := etcdplay(t, dir, append([]string{"run"}, args...)...)
			if code != wantCode {
				t.Errorf("exit code %d, want %d\n%s%s", code, wantCode, got, stderr)
			}
			if diff := cmp.Diff(sections(dir, want), sections(dir, got)); diff != "" {
				t.Errorf("output differs (-ansible +ours):\n%s\n%s", diff, stderr)
			}
		})
	}
}

// recorded is Ansible's answer, or ours where we mean to differ.
func recorded(t *testing.T, dir, name string) (string, int) {
	t.Helper()
	read := func(ending string) string {
		for _, n := range []string{name + ".ours" + ending, name + ending} {
			if text, err := os.ReadFile(filepath.Join(dir, n)); err == nil {
				if strings.Contains(n, ".ours") && deviations[name] == "" {
					t.Errorf("%s has an answer of its own and no reason in deviations.go", name)
				}
				return string(text)
			}
		}
		t.Fatalf("no %s%s", name, ending)
		return ""
	}
	code, err := strconv.Atoi(strings.TrimSpace(read(".rc")))
	if err != nil {
		t.Fatal(err)
	}
	return read(".stdout"), code
}

// A section is a heading and what stands below it, order aside.
type section struct {
	Heading string
	Entries []string
}

var (
	heading = regexp.MustCompile(`^(PLAY|TASK|RUNNING HANDLER|NO MORE HOSTS|PLAY RECAP)\b.*\*\*\*`)
	entry   = regexp.MustCompile(`^(ok|changed|skipping|fatal|failed|included|FAILED - RETRYING|ASYNC \w+ on|\S+\s+: ok=)`)
	jobID   = regexp.MustCompile(`j\d+\.\d+`)
)

// sections parses output so that two runs compare: hosts within a task in any
// order, times and temporary names taken out, stderr not inside the JSON.
func sections(dir, out string) []section {
	var all []section
	var cur []string
	flush := func() {
		if len(cur) > 0 && len(all) > 0 {
			s := &all[len(all)-1]
			s.Entries = append(s.Entries, normalise(dir, strings.Join(cur, "\n")))
		}
		cur = nil
	}
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, " \n")
		switch {
		case heading.MatchString(line):
			flush()
			all = append(all, section{Heading: line})
		case line == "" || strings.HasPrefix(line, "ASYNC POLL on"): // as many as the time brings
		case strings.HasPrefix(line, "  at ") || strings.HasPrefix(line, "  hint: ") || strings.HasPrefix(line, "  | ") || strings.HasPrefix(line, "[WARNING]"):
		case line == "...ignoring":
			cur = append(cur, line)
		case entry.MatchString(line) && !inDiff(cur):
			flush()
			cur = []string{line}
		default:
			cur = append(cur, line)
		}
	}
	flush()
	for i := range all {
		if !strings.HasPrefix(all[i].Heading, "PLAY RECAP") {
			sort.Strings(all[i].Entries)
		}
	}
	return all
}

func inDiff(cur []string) bool { return len(cur) > 0 && strings.HasPrefix(cur[0], "--- ") }

var (
	volatile = []string{"delta", "start", "end", "stderr", "stderr_lines", "invocation", "warnings", "changes", "results_file", "ansible_job_id"}
	tmpName  = regexp.MustCompile(`^(\+\+\+|---) (before|after).*`)
)

func normalise(dir, text string) string {
	text = jobID.ReplaceAllString(strings.ReplaceAll(text, dir, "<DIR>"), "JOB")
	var lines []string
	for _, l := range strings.Split(text, "\n") {
		lines = append(lines, tmpName.ReplaceAllString(l, "$1 $2"))
	}
	text = strings.Join(lines, "\n")
	i := strings.Index(text, " => {")
	if i < 0 {
		return text
	}
	dec := json.NewDecoder(strings.NewReader(text[i+4:]))
	var v map[string]any
	if dec.Decode(&v) != nil {
		return text
	}
	rest := text[i+4:][dec.InputOffset():]
	for _, k := range volatile {
		delete(v, k)
	}
	if r, ok := v["async_result"].(map[string]any); ok {
		for _, k := range volatile {
			delete(r, k)
		}
	}
	clean, _ := json.Marshal(v)
	return text[:i] + " => " + string(clean) + rest
}

// The table lists which tasks run for combinations of --tags and --skip-tags.
func TestRecordedTags(t *testing.T) {
	table, err := os.ReadFile("testdata/24-tags.table")
	if err != nil {
		t.Fatal(err)
	}
	dir := workdir(t)
	task := regexp.MustCompile(`(?m)^TASK \[([^\]]*)\]`)
	for line := range strings.Lines(string(table)) {
		flags, want, ok := strings.Cut(strings.TrimSpace(line), "] -> ")
		if !ok {
			t.Fatalf("the table has a line %q", line)
		}
		flags = strings.TrimPrefix(flags, "[")
		args := append([]string{"run", "-i", "inv.ini", "24-tags.yml"}, strings.Fields(flags)...)
		out, stderr, code := etcdplay(t, dir, args...)
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s", flags, code, stderr)
		}
		var got []string
		for _, m := range task.FindAllStringSubmatch(out, -1) {
			got = append(got, m[1])
		}
		if diff := cmp.Diff(strings.Fields(want), got); diff != "" {
			t.Errorf("%q (-ansible +ours):\n%s", flags, diff)
		}
	}
}

// Every faulty playbook is refused with the place of the fault and without
// any task having run; those that only a run can find fail in their task.
func TestFaultyPlaybooks(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	atRun := map[string]bool{"e10": true} // an undefined variable
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".yml")
		t.Run(name, func(t *testing.T) {
			dir := workdir(t)
			out, stderr, code := etcdplay(t, dir, "run", "-i", "inv.ini", "errors/"+name+".yml")
			if code == 0 {
				t.Fatalf("it was taken\n%s%s", out, stderr)
			}
			place := regexp.MustCompile(`(?m)^(ERROR! |  at |fatal: .*)?.*errors/` + name + `\.yml:\d+(:\d+)?`)
			if !place.MatchString(out + stderr) {
				t.Errorf("no file:line in\n%s%s", out, stderr)
			}
			if !atRun[name] && strings.Contains(out, "TASK [") {
				t.Errorf("a task ran before the fault was found:\n%s%s", out, stderr)
			}
			t.Logf("%s%s", out, stderr)
		})
	}
}

// What a host answers must run nothing on the controller, also where a
// playbook takes it for a condition.
func TestHostsTextRunsNothingHere(t *testing.T) {
	dir := t.TempDir()
	mark := filepath.Join(dir, "mark")
	text := strings.ReplaceAll(`- hosts: localhost
  gather_facts: false
  tasks:
    - command: echo "lookup('pipe', 'touch MARK')"
      register: r
    - {assert: {that: "{{ r.stdout }}"}, ignore_errors: true}
    - {debug: {var: "{{ r.stdout }}"}, ignore_errors: true}
    - {debug: {msg: x}, when: "{{ r.stdout }}", ignore_errors: true}
    - name: what the playbook itself says may look up
      assert: {that: ["lookup('pipe', 'echo ours') == 'ours'"]}
`, "MARK", mark)
	if err := os.WriteFile(filepath.Join(dir, "play.yml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, stderr, code := etcdplay(t, dir, "run", "play.yml")
	if _, err := os.Stat(mark); err == nil {
		t.Errorf("a host's text ran a command on the controller:\n%s", out)
	}
	if code != 0 || strings.Count(out, "...ignoring") != 3 {
		t.Errorf("exit code %d; each use of the host's text should be refused\n%s%s", code, out, stderr)
	}
}
