package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/playbooks"
)

func newInitCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "init DIR",
		Short: "Write hosts.ini and group_vars to start from",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			written, err := playbooks.Init(args[0])
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			for _, f := range written {
				fmt.Fprintln(out, "wrote", f)
			}
			fmt.Fprintf(out, "\nname your hosts in %s, then:\n  cd %s && etcdplay run site.yml -i hosts.ini\n", filepath.Join(args[0], "hosts.ini"), args[0])
			return nil
		},
	}
}
