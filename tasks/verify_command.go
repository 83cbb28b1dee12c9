package tasks

import (
	"context"
	"errors"
	"fmt"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// CommandCheck is a command that must succeed.
type CommandCheck struct {
	Holds
	Argv   []string `arg:"argv,required" split:" " doc:"Program and arguments, run without a shell; a string is split at spaces"`
	RC     int      `arg:"rc" default:"0" doc:"The good exit code"`
	Stdout string   `arg:"stdout" doc:"Regular expression that the output must match"`
}

func (c *CommandCheck) validate(arg string) error {
	errs := []error{c.Holds.validate(arg), validRegexp(arg+".stdout", c.Stdout)}
	if len(c.Argv) == 0 {
		errs = append(errs, &ArgError{Arg: arg + ".argv", Msg: arg + ".argv is empty"})
	}
	return errors.Join(errs...)
}

func (c CommandCheck) try(ctx context.Context, conn Conn) error {
	s := script.New().Call(c.Argv[0], c.Argv[1:]...)
	out, err := conn.Exec(ctx, Command{Script: s.Render(false, false)})
	if err != nil {
		return err
	}
	if out.Code != c.RC {
		return fmt.Errorf("ended with exit code %d: %s", out.Code, excerpt(append(out.Stderr, out.Stdout...)))
	}
	if !pattern(c.Stdout).Match(out.Stdout) {
		return fmt.Errorf("its output does not match %s: %s", c.Stdout, excerpt(out.Stdout))
	}
	return nil
}
