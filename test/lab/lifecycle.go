package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
	"github.com/etcdplay/etcdplay/test/lab/releases"
)

func upCommand(name *string) *cobra.Command {
	var (
		count         int
		kinds, behind string
		asJSON        bool
		options       hosts.Options
	)
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Make a lab, and return when all its hosts have booted",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if options.Kinds, err = chooseKinds(count, kinds); err != nil {
				return err
			}
			if behind != "" {
				if options.Behind, err = hosts.ParseKinds(behind); err != nil {
					return err
				}
			}
			options.Name, options.Log = *name, cmd.ErrOrStderr()
			lab, err := hosts.Up(cmd.Context(), options)
			if err != nil {
				return err
			}
			return printStatus(cmd.Context(), cmd.OutOrStdout(), lab, asJSON)
		},
	}
	f := cmd.Flags()
	f.IntVar(&count, "hosts", 0, "how many hosts (default 3, or as many as --kinds names)")
	f.StringVar(&kinds, "kinds", "", fmt.Sprintf("the hosts' kinds, separated by commas, or one for all (default firewalld): %v", hosts.Kinds()))
	f.StringVar(&behind, "behind", "", "the kinds of more hosts that only peer1 reaches")
	f.StringSliceVar(&options.Etcd, "etcd", []string{"3.6.16"}, "versions of etcd for the mirror")
	f.StringSliceVar(&options.NATS, "nats", nil, `versions of the NATS server for the mirror, or "latest"`)
	f.BoolVar(&options.Fresh, "fresh", false, "remove a lab of the same name first")
	f.DurationVar(&options.BootTimeout, "boot-timeout", 0, "how long a host may take to boot (default 2m)")
	f.BoolVar(&asJSON, "json", false, "print the lab as JSON")
	return cmd
}

// chooseKinds makes a list of kinds from a number of hosts and a list that
// names each one's kind, or one for all. Either may be missing.
func chooseKinds(count int, list string) ([]hosts.Kind, error) {
	const usual = 3
	kinds := []hosts.Kind{hosts.Firewalld}
	if list != "" {
		var err error
		if kinds, err = hosts.ParseKinds(list); err != nil {
			return nil, err
		}
		if count == 0 {
			count = len(kinds)
		}
	}
	switch {
	case count < 0:
		return nil, fmt.Errorf("--hosts=%d: at least one host, please", count)
	case count == 0:
		count = usual
	}
	if len(kinds) == 1 {
		return slices.Repeat(kinds, count), nil
	}
	if len(kinds) != count {
		return nil, fmt.Errorf("--hosts=%d, but --kinds names %d", count, len(kinds))
	}
	return kinds, nil
}

func downCommand(name *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "End a lab's hosts and remove all of it but the caches",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names := []string{*name}
			if all {
				var err error
				if names, err = hosts.Names(); err != nil {
					return err
				}
			}
			for _, name := range names {
				if err := hosts.Down(cmd.Context(), name); err != nil {
					return fmt.Errorf("take down %s: %w", name, err)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "take down all labs of this machine")
	return cmd
}

func statusCommand(name *string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how the hosts are and how to reach them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lab, err := hosts.Open(*name)
			if err != nil {
				return err
			}
			return printStatus(cmd.Context(), cmd.OutOrStdout(), lab, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

func printStatus(ctx context.Context, w io.Writer, lab *hosts.Lab, asJSON bool) error {
	status := lab.Status(ctx)
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{
			"name": lab.Name, "hosts": status,
			"netns": lab.Netns(), "inventory": lab.Inventory(), "key": lab.Key(), "home": lab.Home(),
			"known_hosts": lab.KnownHosts(), "ssh_config": lab.SSHConfig(), "mirror": lab.MirrorURL(),
		})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "HOST\tADDRESS\tKIND\tUSER\tSSH")
	for _, h := range status {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", h.Name, h.Address, h.Kind, h.User, h.SSH)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\ninventory  %s\nreleases   %s\nnetwork    nsenter --net=%s COMMAND…\n",
		lab.Inventory(), lab.MirrorURL(), lab.Netns())
	return err
}

func mirrorCommand(name *string) *cobra.Command {
	var etcd, nats []string
	cmd := &cobra.Command{
		Use:   "mirror",
		Short: "Add releases to the mirror that all labs of this machine share",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			mirror := hosts.Mirror(cmd.ErrOrStderr())
			add := func(p releases.Project, versions []string) error {
				for _, v := range versions {
					version, err := mirror.Add(cmd.Context(), p, v)
					if err != nil {
						return err
					}
					fmt.Fprintln(cmd.OutOrStdout(), p.Name, version)
				}
				return nil
			}
			if err := add(releases.Etcd(), etcd); err != nil {
				return err
			}
			return add(releases.NATS(), nats)
		},
	}
	cmd.Flags().StringSliceVar(&etcd, "etcd", nil, "versions of etcd")
	cmd.Flags().StringSliceVar(&nats, "nats", nil, `versions of the NATS server, or "latest"`)
	return cmd
}
