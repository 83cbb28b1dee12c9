// Command etcdplay takes bare Linux hosts to a verified cluster over SSH.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/fatih/color"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/runner"
	"github.com/etcdplay/etcdplay/tasks"
)

func main() { os.Exit(Main()) }

// Main runs the program and returns its exit code.
func Main() int {
	ctx, stop := signals()
	defer stop()
	root := newRootCmd()
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return runner.ExitOK
	case errors.As(err, &code):
		if code.err != nil {
			printError(code.err)
		}
		return code.code
	default:
		printError(err)
		return runner.ExitError
	}
}

// exitCode ends the program with a code; err is printed first if there is one.
type exitCode struct {
	code int
	err  error
}

func (e exitCode) Error() string {
	if e.err != nil {
		return e.err.Error()
	}
	return fmt.Sprintf("exit code %d", e.code)
}

func (e exitCode) Unwrap() error { return e.err }

// usageError is a wrong command line.
func usageError(format string, args ...any) error {
	return exitCode{runner.ExitOptions, fmt.Errorf(format, args...)}
}

// printError prints an error once, with every place, snippet and hint it has.
func printError(err error) {
	red := color.New(color.FgRed, color.Bold).SprintFunc()
	var many source.Errors
	var one *source.Error
	switch {
	case errors.As(err, &many):
		for _, e := range many {
			fmt.Fprintln(os.Stderr, red("ERROR!"), e.Detail())
		}
		if len(many) > 1 {
			fmt.Fprintf(os.Stderr, "%d errors; nothing was done\n", len(many))
		}
	case errors.As(err, &one):
		fmt.Fprintln(os.Stderr, red("ERROR!"), one.Detail())
	default:
		fmt.Fprintln(os.Stderr, red("ERROR!"), strings.TrimSpace(err.Error()))
		if h := hintOf(err); h != "" {
			fmt.Fprintln(os.Stderr, "  hint: "+h)
		}
	}
}

func hintOf(err error) string {
	var f *tasks.Failure
	if errors.As(err, &f) {
		return f.Hint
	}
	var u *tasks.Unreachable
	if errors.As(err, &u) {
		return u.Hint
	}
	return ""
}

// interruptKey finds the channel that the first Ctrl-C closes.
type interruptKey struct{}

// interrupted is closed at the first Ctrl-C.
func interrupted(ctx context.Context) <-chan struct{} {
	ch, _ := ctx.Value(interruptKey{}).(chan struct{})
	return ch
}

// signals makes the context of the program. The first Ctrl-C (or SIGTERM) lets
// what runs come to its end; the second cancels it.
func signals() (context.Context, context.CancelFunc) {
	first := make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), interruptKey{}, first))
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-ch
		fmt.Fprintln(os.Stderr, "\ninterrupted: waiting for the running tasks to end; press Ctrl-C again to stop them at once")
		close(first)
		<-ch
		cancel()
	}()
	return ctx, cancel
}
