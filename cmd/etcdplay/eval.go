package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner"
)

// evalOptions are the flags of `eval`.
type evalOptions struct {
	runOptions
	host string
}

func newEvalCmd() *cobra.Command {
	o := &evalOptions{}
	cmd := &cobra.Command{
		Use:   "eval -i INVENTORY --host H EXPRESSION",
		Short: "Print the value of an expression or template, as a host sees it, as JSON",
		Example: `  etcdplay eval -i hosts.ini --host peer1 'groups.etcd | map("extract", hostvars, "ansible_host") | list'
  etcdplay eval 'http://{{ "::1" | ipwrap }}:2379'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := o.run(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), value.JSON(v, value.JSONStyle{Indent: 4}))
			return nil
		},
	}
	f := cmd.Flags()
	o.inventoryFlags.register(f)
	o.vaultFlags.register(f)
	f.StringArrayVarP(&o.extra, "extra-vars", "e", nil, "set variables: `K=V`, a YAML or JSON mapping, or @FILE")
	f.StringVar(&o.host, "host", "localhost", "whose variables to use")
	return cmd
}

// run evaluates text: a template if it has {{ or {%, else an expression.
func (o *evalOptions) run(ctx context.Context, text string) (any, error) {
	const name = "eval"
	p, err := o.prepare(ctx, []string{name}, onlyFile(name, []byte("- hosts: localhost\n  tasks: []\n")))
	if err != nil {
		return nil, err
	}
	if p.inventory.Host(o.host) == nil {
		var names []string
		for _, h := range p.inventory.Hosts() {
			names = append(names, h.Name)
		}
		return nil, source.Errorf(source.Pos{}, "there is no host %q in the inventory", o.host).WithHint("%s", source.DidYouMean(o.host, names))
	}
	at := source.Pos{File: "EXPRESSION", Line: 1, Col: 1}
	compile := jinja.CompileExpr
	if jinja.IsTemplate(text) {
		compile = jinja.Compile
	}
	t, err := compile(text, at)
	if err != nil {
		return nil, err
	}
	run := runner.New(runner.Config{
		Plays: []*playbooks.Play{}, Loader: p.loader, Inventory: p.inventory, Tasks: p.catalog.tasks, Actions: p.catalog.actions,
		Extra: p.extra, ReadFile: p.vault.ReadFile,
	})
	return run.Eval(ctx, o.host, t)
}
