package tasks

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// RunArgs are the arguments that command, shell and script share.
type RunArgs struct {
	Chdir   string `arg:"chdir" doc:"Run in this folder"`
	Creates string `arg:"creates" doc:"Run only if nothing matches this path (which may have wildcards)"`
	Removes string `arg:"removes" doc:"Run only if something matches this path (which may have wildcards)"`
}

// StdinArgs are what command and shell have beyond those.
type StdinArgs struct {
	Stdin     *string `arg:"stdin" doc:"Text for the standard input"`
	Newline   bool    `arg:"stdin_add_newline" default:"true" doc:"End that text with a line break"`
	StripEnds bool    `arg:"strip_empty_ends" default:"true" doc:"Take line breaks off the end of stdout and stderr"`
	Warn      *bool   `arg:"warn" doc:"Accepted for old playbooks; has no effect"`
}

// RunCommand runs a program without a shell.
type RunCommand struct {
	Cmd  string   `arg:"cmd,freeform" alias:"_raw_params" doc:"The command line; split at white space, with quotes"`
	Argv []string `arg:"argv" doc:"The command as a list of words, instead of a line"`
	RunArgs
	StdinArgs
}

var runReturns = []Return{
	{"cmd", "what was run"}, {"rc", "exit code"}, {"stdout", "what it printed"}, {"stdout_lines", "the same as a list of lines"},
	{"stderr", "what it printed to standard error"}, {"stderr_lines", "the same as a list of lines"},
	{"start", "when it began, by the controller's clock"}, {"end", "when it ended"}, {"delta", "how long it took"},
}

const runCheck = "What a command would do can't be known, so it is skipped; with creates or removes it counts as a change if it would run."

// Doc implements Module.
func (*RunCommand) Doc() Doc {
	return Doc{
		Summary: "Run a program",
		Text: `Runs a program on the host, without a shell: pipes, redirections and wildcards mean
nothing. $NAME and a leading ~ are the host's. It always counts as a change, unless
creates or removes says that there is nothing to do, or changed_when does. An exit
code other than 0 is a failure.`,
		Examples: `- command: etcdctl endpoint health
  changed_when: false

- command: ./bootstrap.sh --name "{{ inventory_hostname }}"
  args:
    chdir: /opt/app
    creates: /opt/app/done

- command:
    argv: [rm, -rf, "/srv/{{ folder }}"]
    removes: "/srv/{{ folder }}"
`,
		Returns: runReturns,
		Check:   runCheck,
	}
}

// Validate implements Validator.
func (c *RunCommand) Validate() error {
	_, err := c.words()
	return err
}

func (c *RunCommand) words() ([]string, error) {
	switch {
	case c.Cmd != "" && c.Argv != nil:
		return nil, &ArgError{Arg: "argv", Msg: "cmd and argv exclude each other"}
	case c.Argv != nil:
		if len(c.Argv) == 0 || c.Argv[0] == "" {
			return nil, &ArgError{Arg: "argv", Msg: "argv: there is no program in it"}
		}
		return c.Argv, nil
	}
	words, err := shellWords(c.Cmd)
	if err != nil {
		return nil, &ArgError{Arg: "cmd", Msg: fmt.Sprintf("the command %q can't be split: %v", c.Cmd, err)}
	}
	if len(words) == 0 {
		return nil, &ArgError{Arg: "cmd", Msg: "no command given"}
	}
	return words, nil
}

// Run implements Module.
func (c *RunCommand) Run(ctx context.Context, t *Target) (Result, error) {
	words, err := c.words()
	if err != nil {
		return Result{}, err
	}
	cmd := make([]any, len(words))
	for i, w := range words {
		cmd[i] = w
	}
	r := run{args: c.RunArgs, stdin: c.StdinArgs, cmd: cmd, what: "run " + words[0]}
	return r.on(ctx, t, func(s *script.Script) { s.CallExpanded("run_program", words...) })
}

// A run is one command of the user's, however it was given.
type run struct {
	args  RunArgs
	stdin StdinArgs
	cmd   any    // as register sees it
	what  string // for the list of changes; no arguments: they may be secret
}

// on runs it; call adds the call itself to the script.
func (r run) on(ctx context.Context, t *Target, call func(*script.Script)) (Result, error) {
	s := script.New()
	if r.stdin.Stdin != nil {
		text := *r.stdin.Stdin
		if r.stdin.Newline {
			text += "\n"
		}
		s.Set("RUN_STDIN", text)
	}
	s.Call("run_in", r.args.Chdir, r.args.Creates, r.args.Removes, r.what)
	call(s)
	start := time.Now()
	out, err := t.Exec(ctx, s)
	end := time.Now()
	if err != nil {
		return t.Result(), err
	}
	var res Result
	failed := res.read(script.Output{Code: 0, Records: out.Records})
	guard, _ := res.Data.Get("guard")
	missing, isMissing := res.Data.Get("missing")
	res.Data = nil
	if failed != nil {
		return res, failed
	}
	res.Set("changed", res.Changed)
	if guard != nil {
		r.unneeded(&res, t.Check, value.Str(guard))
		return res, nil
	}
	if t.Check {
		r.foreseen(&res)
		return res, nil
	}
	stdout, stderr := string(out.Stdout), string(out.Stderr)
	if r.stdin.StripEnds {
		stdout, stderr = strings.TrimRight(stdout, "\r\n"), strings.TrimRight(stderr, "\r\n")
	}
	r.outcome(&res, stdout, stderr, out.Code)
	res.Set("start", start.Format(pythonTime))
	res.Set("end", end.Format(pythonTime))
	res.Set("delta", delta(end.Sub(start)))
	switch {
	case isMissing:
		f := Failf("there is no program %s on the host", value.Str(missing))
		f.Code = 2
		res.Set("msg", f.Msg)
		return res, f
	case out.Code != 0:
		res.Set("msg", "non-zero return code")
		return res, &Failure{Msg: "non-zero return code", Code: out.Code, Stderr: stderr}
	}
	res.Set("msg", "")
	return res, nil
}

func (r run) outcome(res *Result, stdout, stderr string, code int) {
	res.Set("stdout", stdout)
	res.Set("stderr", stderr)
	res.Set("rc", code)
	res.Set("cmd", r.cmd)
	res.Set("stdout_lines", splitLines(stdout))
	res.Set("stderr_lines", splitLines(stderr))
}

// unneeded is the result where creates or removes said that there is nothing to do.
func (r run) unneeded(res *Result, check bool, guard string) {
	did, since := "Did not", fmt.Sprintf("'%s' exists", r.args.Creates)
	if check {
		did = "Would not"
	}
	said := "skipped, since " + r.args.Creates + " exists"
	if guard == "removes" {
		since = fmt.Sprintf("'%s' does not exist", r.args.Removes)
		said = "skipped, since " + r.args.Removes + " does not exist"
	}
	r.outcome(res, said, "", 0)
	res.Set("start", nil)
	res.Set("end", nil)
	res.Set("delta", nil)
	res.Set("msg", did+" run command since "+since)
}

// foreseen is the result of check mode.
func (r run) foreseen(res *Result) {
	if r.args.Creates == "" && r.args.Removes == "" {
		res.Changed, res.Changes, res.Skipped = false, nil, true
		res.Set("changed", false)
	}
	r.outcome(res, "", "", 0)
	res.Set("start", nil)
	res.Set("end", nil)
	res.Set("delta", nil)
	res.Set("msg", "Command would have run if not in check mode")
}

// pythonTime is str(datetime) with microseconds.
const pythonTime = "2006-01-02 15:04:05.000000"

// delta is Python's str(timedelta).
func delta(d time.Duration) string {
	us := d.Microseconds()
	return fmt.Sprintf("%d:%02d:%02d.%06d", us/3_600_000_000, us/60_000_000%60, us/1_000_000%60, us%1_000_000)
}

// splitLines is Python's splitlines for what programs print.
func splitLines(s string) []any {
	lines := []any{}
	for line := range strings.Lines(strings.ReplaceAll(s, "\r\n", "\n")) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines
}
