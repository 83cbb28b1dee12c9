package main

import (
	"context"
	"io/fs"
	"os"
	"testing/fstest"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/runner/report"
)

// execOptions are the flags of `exec`.
type execOptions struct {
	runOptions
	module string
	args   string
}

func newExecCmd() *cobra.Command {
	o := &execOptions{}
	cmd := &cobra.Command{
		Use:   "exec PATTERN -i INVENTORY -a ARGS",
		Short: "Run one task on hosts, without a playbook",
		Example: `  etcdplay exec etcd -i hosts.ini -a uptime
  etcdplay exec 'etcd:!peer3' -i hosts.ini -m mkdir -a 'path=/srv/data mode=0750' -b`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	o.register(f)
	f.StringVarP(&o.module, "module-name", "m", "command", "the `TASK`")
	f.StringVarP(&o.args, "args", "a", "", "its `ARGS`: K=V words, or the command")
	return cmd
}

// run makes a play of one task and runs it.
func (o *execOptions) run(ctx context.Context, pattern string) error {
	const name = "exec"
	var args any
	if o.args != "" {
		args = o.args
	}
	text := value.JSON([]any{value.NewDict(
		"hosts", pattern, "gather_facts", false, "tasks", []any{value.NewDict(o.module, args)},
	)}, value.JSONStyle{})
	p, err := o.prepare(ctx, []string{name}, onlyFile(name, []byte(text)))
	if err != nil {
		return err
	}
	return o.execute(ctx, p, report.NewAdHoc(os.Stdout, report.Options{Verbosity: o.verbosity, Diff: o.diff, Color: !color.NoColor}))
}

// onlyFile is a file system with one file.
func onlyFile(name string, text []byte) fs.FS {
	return fstest.MapFS{name: &fstest.MapFile{Data: text}}
}
