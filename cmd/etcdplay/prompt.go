package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/etcdplay/etcdplay/runner"
)

// askTerminal asks the user; false when there is no terminal to ask at.
func askTerminal(ctx context.Context, text string, secret bool) (string, bool, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		if !term.IsTerminal(int(os.Stdin.Fd())) {
			return "", false, nil
		}
		tty = os.Stdin
	} else {
		defer tty.Close()
	}
	fmt.Fprint(os.Stderr, text)
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		if secret {
			b, err := term.ReadPassword(int(tty.Fd()))
			fmt.Fprintln(os.Stderr)
			got <- answer{string(b), err}
			return
		}
		line, err := bufio.NewReader(tty).ReadString('\n')
		got <- answer{strings.TrimRight(line, "\r\n"), err}
	}()
	select {
	case a := <-got:
		return a.line, true, a.err
	case <-interrupted(ctx):
		return "", false, context.Canceled
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
}

// askStep asks before a task (--step).
func askStep(ctx context.Context, task string) (runner.StepAnswer, error) {
	for {
		line, asked, err := askTerminal(ctx, fmt.Sprintf("Perform task: %s (N)o/(y)es/(c)ontinue: ", task), false)
		if err != nil || !asked {
			return runner.StepSkip, fmt.Errorf("--step needs a terminal: %w", err)
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return runner.StepRun, nil
		case "", "n", "no":
			return runner.StepSkip, nil
		case "c", "continue":
			return runner.StepContinue, nil
		}
	}
}
