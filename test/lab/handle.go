package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// hostCommands are those that do one thing to hosts.
func hostCommands(name *string) []*cobra.Command {
	var commands []*cobra.Command
	for _, c := range []struct {
		use, short string
		do         func(*hosts.Lab, context.Context, ...string) error
	}{
		{"cut", "Take the hosts off the network", (*hosts.Lab).Cut},
		{"mend", "Bring the hosts back to the network", (*hosts.Lab).Mend},
		{"kill", "Cut the hosts' power", (*hosts.Lab).Kill},
		{"stop", "Shut the hosts down", (*hosts.Lab).Stop},
		{"boot", "Switch the hosts on and wait until they have booted", (*hosts.Lab).Boot},
		{"reset", "Give the hosts a new disk and boot them", (*hosts.Lab).Reset},
	} {
		var all bool
		cmd := &cobra.Command{
			Use:   c.use + " HOST…",
			Short: c.short,
			RunE: func(cmd *cobra.Command, args []string) error {
				if all != (len(args) == 0) {
					return errors.New("name the hosts, or say --all")
				}
				lab, err := hosts.Open(*name)
				if err != nil {
					return err
				}
				return c.do(lab, cmd.Context(), args...)
			},
		}
		cmd.Flags().BoolVar(&all, "all", false, "all hosts of the lab")
		commands = append(commands, cmd)
	}
	return commands
}

// pairCommands are those that do one thing to the connection of two hosts.
func pairCommands(name *string) []*cobra.Command {
	var commands []*cobra.Command
	for _, c := range []struct {
		use, short string
		do         func(*hosts.Lab, context.Context, string, string) error
	}{
		{"part", "Drop what two hosts send each other", (*hosts.Lab).Part},
		{"rejoin", "Undo part", (*hosts.Lab).Rejoin},
	} {
		commands = append(commands, &cobra.Command{
			Use:   c.use + " HOST HOST",
			Short: c.short,
			Args:  cobra.ExactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				lab, err := hosts.Open(*name)
				if err != nil {
					return err
				}
				return c.do(lab, cmd.Context(), args[0], args[1])
			},
		})
	}
	return commands
}

func execCommand(name *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec HOST COMMAND…",
		Short: "Run a shell command as root at a host's console, without the network",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			lab, err := hosts.Open(*name)
			if err != nil {
				return err
			}
			out, err := lab.Exec(cmd.Context(), args[0], strings.Join(args[1:], " "))
			fmt.Fprint(cmd.OutOrStdout(), out)
			var failed *hosts.CommandError
			if errors.As(err, &failed) {
				fmt.Fprint(cmd.ErrOrStderr(), failed.Stderr)
				os.Exit(failed.Code)
			}
			return err
		},
	}
	cmd.Flags().SetInterspersed(false) // the command may have flags of its own
	return cmd
}

func sshCommand(name *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ssh HOST [COMMAND…]",
		Short: "Log in to a host by OpenSSH",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lab, err := hosts.Open(*name)
			if err != nil {
				return err
			}
			return attached(cmd.Context(), lab, "ssh", append([]string{"-F", lab.SSHConfig()}, args...)...)
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

func runCommand(name *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run PROGRAM [ARGUMENT…]",
		Short: "Run a program in the lab's network, at the controller's place",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lab, err := hosts.Open(*name)
			if err != nil {
				return err
			}
			return attached(cmd.Context(), lab, args[0], args[1:]...)
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// attached runs a program in the lab's network with this one's input and output.
func attached(ctx context.Context, lab *hosts.Lab, program string, args ...string) error {
	cmd := lab.Command(ctx, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}
