package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner"
)

func newLintCmd() *cobra.Command {
	var asJSON bool
	var vault vaultFlags
	cmd := &cobra.Command{
		Use:   "lint PLAYBOOK…",
		Short: "Find what is wrong in playbooks, without any host",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return lint(cmd.Context(), cmd.OutOrStdout(), args, &vault, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	vault.register(cmd.Flags())
	return cmd
}

// lint checks playbooks; errors make exit code 4, warnings 0.
func lint(ctx context.Context, out io.Writer, names []string, vault *vaultFlags, asJSON bool) error {
	cfg, err := loadConfig()
	if err != nil {
		return err
	}
	passwords, err := vault.open(ctx)
	if err != nil {
		return err
	}
	s := &sealed{vault: passwords}
	loader := playbooks.NewLoader(playbooks.Options{Catalog: newCatalog(), Decrypt: s.Decrypt, RolesPath: cfg.rolesPath(), Shipped: playbooks.Shipped()})
	_, err = loader.Load(ctx, names)
	var errs source.Errors
	errs.Add(err)
	if asJSON {
		findings := []any{}
		for _, e := range loader.Warnings() {
			findings = append(findings, finding("warning", e))
		}
		for _, e := range errs {
			findings = append(findings, finding("error", e))
		}
		fmt.Fprintln(out, value.JSON(findings, value.JSONStyle{Indent: 2}))
	} else {
		for _, e := range loader.Warnings() {
			fmt.Fprintln(os.Stderr, "warning: "+e.Detail())
		}
	}
	switch {
	case len(errs) == 0:
		return nil
	case asJSON:
		return exitCode{code: runner.ExitUnreachable}
	}
	return exitCode{runner.ExitUnreachable, errors.Join(errs.Err())}
}

func finding(level string, e *source.Error) *value.Dict {
	return value.NewDict("level", level, "file", e.Pos.File, "line", e.Pos.Line, "column", e.Pos.Col, "message", e.Msg, "hint", e.Hint)
}
