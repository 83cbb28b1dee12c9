package main

import (
	"github.com/spf13/cobra"
)

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "etcdplay",
		Short: "Take bare Linux hosts to a verified cluster, over SSH, with nothing installed on them",
		Long: `etcdplay runs playbooks against the hosts of an inventory: concurrently over SSH,
in order where order matters, and again without changing anything.

  etcdplay init mycluster          write an inventory and a playbook to start from
  etcdplay run site.yml -i hosts.ini
  etcdplay doc launch              what a task does and takes`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError("%w", err) })
	root.AddCommand(newRunCmd(), newInventoryCmd(), newVaultCmd(), newDocCmd(), newInitCmd(), newVersionCmd())
	return root
}
