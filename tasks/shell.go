package tasks

import (
	"context"
	"path"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// RunShell runs a command line in a shell.
type RunShell struct {
	Cmd        string `arg:"cmd,required,freeform" alias:"_raw_params" doc:"The command line, for the shell"`
	Executable string `arg:"executable" default:"/bin/sh" doc:"The shell; an absolute path"`
	RunArgs
	StdinArgs
}

// Doc implements Module.
func (*RunShell) Doc() Doc {
	return Doc{
		Summary: "Run a command line in a shell",
		Text: `Like command, but through a shell on the host: pipes, redirections, variables and
wildcards work. Quote what comes from variables with the quote filter. It always
counts as a change, unless creates or removes says that there is nothing to do, or
changed_when does.`,
		Examples: `- shell: dmesg | grep -c "{{ pattern | quote }}"
  register: hits
  changed_when: false
  failed_when: hits.rc > 1

- shell: set -o pipefail; zcat dump.gz | psql
  args:
    executable: /bin/bash
`,
		Returns: runReturns,
		Check:   runCheck,
	}
}

// Validate implements Validator.
func (c *RunShell) Validate() error {
	if strings.TrimSpace(c.Cmd) == "" {
		return &ArgError{Arg: "cmd", Msg: "no command given"}
	}
	if !path.IsAbs(c.Executable) {
		return &ArgError{Arg: "executable", Msg: "executable: " + c.Executable + " is no absolute path"}
	}
	return nil
}

// Run implements Module.
func (c *RunShell) Run(ctx context.Context, t *Target) (Result, error) {
	r := run{args: c.RunArgs, stdin: c.StdinArgs, cmd: c.Cmd, what: "run a shell command"}
	return r.on(ctx, t, func(s *script.Script) { s.Call("run_program", c.Executable, "-c", c.Cmd) })
}
