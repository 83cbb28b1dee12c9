package main

import (
	"os"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner/report"
	"github.com/etcdplay/etcdplay/tasks"
)

func newPlanCmd() *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "plan PLAYBOOK… -i INVENTORY…",
		Short: "Show the steps that a run would take, and change nothing",
		Long: `Show the steps that a run would take, and change nothing. Steps that touch a
member of an etcd cluster tell how far the cluster is from losing its quorum
before, meanwhile and after. What would be refused is refused here.`,
		Example: "  etcdplay plan upgrade.yml -i hosts.ini -e etcd_version=3.7.3",
		Args:    somePlaybook,
		RunE: func(cmd *cobra.Command, names []string) error {
			o.check = true
			p, err := o.prepare(cmd.Context(), names, playbooks.Shipped())
			if err != nil {
				return err
			}
			order := func(action string) tasks.Order {
				m, _ := p.catalog.tasks.New(action)
				if o, ok := m.(tasks.Orderer); ok {
					return o.Order()
				}
				return tasks.Parallel
			}
			return o.execute(cmd.Context(), p, report.NewPlan(os.Stdout, report.Options{Verbosity: o.verbosity, Color: !color.NoColor}, order))
		},
	}
	f := cmd.Flags()
	o.register(f)
	f.StringSliceVarP(&o.tags, "tags", "t", nil, "only tasks with these `TAGS`")
	f.StringSliceVar(&o.skip, "skip-tags", nil, "no tasks with these `TAGS`")
	f.MarkHidden("check")
	return cmd
}
