package tasks

import (
	"context"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// RunRaw runs a command line as it is.
type RunRaw struct {
	Cmd        string `arg:"cmd,required,freeform" alias:"_raw_params" doc:"The command line"`
	Executable string `arg:"executable" default:"/bin/sh" doc:"The shell; an absolute path"`
}

// Doc implements Module.
func (*RunRaw) Doc() Doc {
	return Doc{
		Summary: "Run a command line, with nothing around it",
		Text: `In Ansible this is for hosts without Python. No task needs Python here, so it is
shell with fewer arguments; playbooks that use it keep working.`,
		Examples: "- raw: test -e /usr/bin/python3 || apk add python3\n",
		Returns:  runReturns[1:6],
		Check:    "What a command would do can't be known, so it is skipped.",
	}
}

// Run implements Module.
func (c *RunRaw) Run(ctx context.Context, t *Target) (Result, error) {
	if strings.TrimSpace(c.Cmd) == "" {
		return Result{}, Failf("no command given")
	}
	r := run{cmd: c.Cmd, what: "run a shell command"}
	return r.on(ctx, t, func(s *script.Script) { s.Call("run_program", c.Executable, "-c", c.Cmd) })
}
