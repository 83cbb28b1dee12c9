package tasks

import (
	"bytes"
	"context"
	"path"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// RunScript runs a script of the controller's on the host.
type RunScript struct {
	Cmd        string `arg:"cmd,required,freeform" alias:"_raw_params" doc:"The script's file on the controller, and its arguments"`
	Executable string `arg:"executable" doc:"What runs the script; without it its #! line, or /bin/sh"`
	RunArgs
}

// Doc implements Module.
func (*RunScript) Doc() Doc {
	return Doc{
		Summary: "Run a script of the controller's on the host",
		Text: `The script is looked for in files/ of the role, then beside the playbook. It is
put into a temporary folder on the host, run by its interpreter (so that /tmp may
be mounted noexec) and removed again. It must be a text file; a vaulted one is
decrypted.`,
		Examples: `- script: check.sh --quick "{{ inventory_hostname }}"
  args:
    creates: /var/lib/checked
`,
		Returns: runReturns[1:6],
		Check:   runCheck,
	}
}

// Validate implements Validator.
func (c *RunScript) Validate() error {
	_, err := c.words(c.Cmd, "cmd")
	if err == nil && c.Executable != "" {
		_, err = c.words(c.Executable, "executable")
	}
	return err
}

func (*RunScript) words(text, arg string) ([]string, error) {
	words, err := shellWords(text)
	if err != nil {
		return nil, &ArgError{Arg: arg, Msg: arg + " can't be split: " + err.Error()}
	}
	if len(words) == 0 {
		return nil, &ArgError{Arg: arg, Msg: arg + ": no script given"}
	}
	return words, nil
}

// Run implements Module.
func (c *RunScript) Run(ctx context.Context, t *Target) (Result, error) {
	words, err := c.words(c.Cmd, "cmd")
	if err != nil {
		return Result{}, err
	}
	name, err := t.Files.Find("files", words[0])
	if err != nil {
		return Result{}, err
	}
	text, err := t.Files.Read(name)
	if err != nil {
		return Result{}, err
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return Result{}, Failf("%s is no script: it holds NUL bytes", words[0]).WithHint("copy a program with the copy task and run it with command")
	}
	interpreter, err := c.interpreter(string(text))
	if err != nil {
		return Result{}, err
	}
	r := run{args: c.RunArgs, cmd: c.Cmd, what: "run the script " + path.Base(words[0])}
	return r.on(ctx, t, func(s *script.Script) {
		s.Text("scratch").Set("ep_file", path.Base(words[0])).Set("ep_text", string(text))
		s.Text(`printf '%s' "$ep_text" >"$ep_scratch/$ep_file" && chmod 700 "$ep_scratch/$ep_file"`)
		s.Text(`run_program ` + script.QuoteAll(interpreter...) + ` "$ep_scratch/$ep_file" ` + script.QuoteAll(words[1:]...))
	})
}

// interpreter is what runs the script: what the user says, or its #! line.
func (c *RunScript) interpreter(text string) ([]string, error) {
	if c.Executable != "" {
		return c.words(c.Executable, "executable")
	}
	first, _, _ := strings.Cut(text, "\n")
	line, ok := strings.CutPrefix(first, "#!")
	line = strings.TrimSpace(line)
	if !ok || line == "" {
		return []string{"/bin/sh"}, nil
	}
	// as the kernel does: all that follows is one argument
	program, arg, has := strings.Cut(line, " ")
	if !has {
		return []string{program}, nil
	}
	return []string{program, strings.TrimSpace(arg)}, nil
}
