package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/internal/source"
)

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "etcdplay",
		Short: "Take bare Linux hosts to a verified cluster, over SSH, with nothing installed on them",
		Long: `etcdplay runs playbooks against the hosts of an inventory: concurrently over SSH,
in order where order matters, and again without changing anything.

  etcdplay init mycluster          write an inventory to start from
  etcdplay plan site.yml -i hosts.ini
  etcdplay run site.yml -i hosts.ini
  etcdplay doc                     the playbooks that are shipped, and all tasks
  etcdplay doc launch              what a task does and takes`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError("%w", err) })
	root.AddCommand(newRunCmd(), newPlanCmd(), newExecCmd(), newEvalCmd(), newLintCmd(), newSchemaCmd(), newInventoryCmd(), newVaultCmd(), newDocCmd(), newInitCmd(), newVersionCmd())
	refuseArgs(root)
	return root
}

// knownCommand refuses what is no command, and names the one that was meant.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return usageErrorHint(source.DidYouMean(args[0], names), "there is no command %q; %s --help lists them", args[0], cmd.CommandPath())
}

// refuseArgs makes wrong arguments of any command a wrong command line.
func refuseArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			var code exitCode
			if err == nil || errors.As(err, &code) {
				return err
			}
			return usageErrorHint("usage: "+c.UseLine(), "%s: %w", c.CommandPath(), err)
		}
	}
	for _, c := range cmd.Commands() {
		refuseArgs(c)
	}
}
