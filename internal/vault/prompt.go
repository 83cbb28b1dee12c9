package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"
)

// ErrNoTerminal means that nobody can be asked. Give the password by a file.
var ErrNoTerminal = errors.New("there is no terminal to ask for a password on")

// AskTerminal is a Prompt on the controlling terminal, whatever standard input
// is. Its settings are restored when ctx ends before the answer comes.
func AskTerminal(ctx context.Context, question string) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrNoTerminal, question)
	}
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		tty.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	fmt.Fprint(tty, question)
	type answer struct {
		text []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		defer tty.Close()
		fmt.Fprintln(tty)
		return bytes.TrimSpace(a.text), a.err
	case <-ctx.Done(): // the read goes on: tty stays open for it
		term.Restore(fd, before)
		fmt.Fprintln(tty)
		return nil, ctx.Err()
	}
}
