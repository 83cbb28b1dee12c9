// The command lab makes and handles a lab of real hosts on this machine; see
// docs/lab.md and package hosts.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.Exited(): // the program that was run has said what it has to say
		os.Exit(exit.ExitCode())
	default:
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "lab",
		Short:         "Real Linux hosts on this machine, for tests and for trying things out",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	name := root.PersistentFlags().String("name", "dev", "the lab's name; labs don't see each other")
	root.AddCommand(upCommand(name), downCommand(name), statusCommand(name), mirrorCommand(name))
	root.AddCommand(execCommand(name), sshCommand(name), runCommand(name))
	root.AddCommand(hostCommands(name)...)
	root.AddCommand(pairCommands(name)...)
	return root
}
