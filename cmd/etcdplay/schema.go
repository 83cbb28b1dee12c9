package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
)

func newSchemaCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of playbooks, for editors",
		Long: `Print the JSON schema of playbooks, for editors. With the YAML language server:

  etcdplay schema > .etcdplay-schema.json
  # yaml-language-server: $schema=.etcdplay-schema.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.OutOrStdout(), value.JSON(playbooks.Schema(newCatalog()), value.JSONStyle{Indent: 2}))
			return nil
		},
	}
}
