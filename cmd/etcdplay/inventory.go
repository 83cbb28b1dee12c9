package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/runner"
)

type inventoryOptions struct {
	inventoryFlags
	vaultFlags
	playbookDir string

	list    bool
	graph   bool
	host    string
	explain string

	export bool
	yaml   bool
	vars   bool
}

func newInventoryCmd() *cobra.Command {
	var o inventoryOptions
	cmd := &cobra.Command{
		Use:   "inventory -i SOURCE [--graph [GROUP] | --list | --host NAME | --explain HOST [VAR]]",
		Short: "Show hosts, groups and where variables come from",
		Long: `Show what an inventory means: its groups as a tree (--graph, the default), as
Ansible's JSON or YAML (--list, --host), or, for one host, where each variable
comes from and which values it beat (--explain). Values marked !vault stay
encrypted.`,
		Example: `  etcdplay inventory -i hosts.ini
  etcdplay inventory -i hosts.ini --explain etcd1 etcd_port
  etcdplay inventory -i hosts.ini --list --yaml --export > hosts.yml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	o.inventoryFlags.register(f)
	o.vaultFlags.register(f)
	f.StringVar(&o.playbookDir, "playbook-dir", "", "count the group_vars and host_vars of this `FOLDER` too")
	f.BoolVar(&o.list, "list", false, "print all groups and the variables of all hosts")
	f.BoolVar(&o.graph, "graph", false, "draw the groups as a tree, from GROUP on")
	f.StringVar(&o.host, "host", "", "print the variables of one `HOST`")
	f.StringVar(&o.explain, "explain", "", "tell where the variables of a `HOST` come from")
	f.BoolVar(&o.export, "export", false, "with --list: leave variables with the groups that give them")
	f.BoolVarP(&o.yaml, "yaml", "y", false, "with --list and --host: YAML instead of JSON")
	f.BoolVar(&o.vars, "vars", false, "with --graph: show variables")
	cmd.MarkFlagsMutuallyExclusive("list", "graph", "host", "explain")
	return cmd
}

func (o *inventoryOptions) run(ctx context.Context, args []string, out, warn io.Writer) error {
	if len(args) > 0 && o.explain == "" && (o.list || o.host != "") {
		return usageError("%q is one argument too many: a group follows --graph, a variable --explain HOST", args[0])
	}
	inv, err := o.read(ctx)
	if err != nil {
		return err
	}
	for _, w := range inv.Warnings() {
		fmt.Fprintln(warn, "warning: "+w.Detail())
	}
	switch {
	case o.list && o.yaml:
		return o.print(out, inv.Tree(o.export))
	case o.list:
		return o.print(out, inv.List(o.export))
	case o.host != "":
		return o.printHost(inv, out)
	case o.explain != "":
		return o.printOrigins(inv, args, out)
	}
	group := inventory.All
	if len(args) > 0 {
		group = args[0]
	}
	g, err := inv.FindGroup(group)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, g.Graph(o.vars))
	return err
}

func (o *inventoryOptions) read(ctx context.Context) (*inventory.Inventory, error) {
	cfg, err := loadConfig()
	if err != nil {
		return nil, err
	}
	passwords, err := o.vaultFlags.open(ctx)
	if err != nil {
		return nil, err
	}
	open := &sealed{vault: passwords}
	inv, err := o.inventoryFlags.load(ctx, cfg, inventory.Options{Decrypt: open.Decrypt, KeepVault: true})
	if err == nil && o.playbookDir != "" {
		err = inv.AddPlaybookDir(o.playbookDir)
	}
	if err != nil {
		return nil, exitCode{runner.ExitUnreachable, err} // what Ansible ends with on a parse error
	}
	return inv, nil
}

func (o *inventoryOptions) print(out io.Writer, d *value.Dict) error {
	text := value.JSON(d, value.JSONStyle{Indent: 4}) + "\n"
	if o.yaml {
		text = value.YAML(d)
	}
	_, err := io.WriteString(out, text)
	return err
}

func (o *inventoryOptions) printHost(inv *inventory.Inventory, out io.Writer) error {
	h, err := inv.FindHost(o.host)
	if err != nil {
		return err
	}
	return o.print(out, inv.Vars(h).Dict())
}

func (o *inventoryOptions) printOrigins(inv *inventory.Inventory, args []string, out io.Writer) error {
	h, err := inv.FindHost(o.explain)
	if err != nil {
		return err
	}
	vars := inv.Vars(h)
	names := vars.Names()
	if len(args) > 0 {
		if _, err := vars.Find(args[0]); err != nil {
			return err
		}
		names = args
	}
	_, err = io.WriteString(out, vars.Explanation(names...))
	return err
}
