package tasks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
)

// TCPCheck is a port that must accept a connection.
type TCPCheck struct {
	Holds
	Address string `arg:"address,required" doc:"HOST:PORT, dialled from the host itself"`
	Send    string `arg:"send" doc:"Text to send first"`
	Expect  string `arg:"expect" doc:"Regular expression that must match what comes back"`
}

func (c *TCPCheck) validate(arg string) error {
	errs := []error{c.Holds.validate(arg), validRegexp(arg+".expect", c.Expect)}
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		errs = append(errs, &ArgError{Arg: arg + ".address", Msg: fmt.Sprintf("%s.address: %v", arg, err), Hint: "write HOST:PORT, an IPv6 address in brackets"})
	}
	return errors.Join(errs...)
}

func (c TCPCheck) try(ctx context.Context, conn Conn) error {
	nc, err := conn.DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return err
	}
	defer nc.Close()
	// Connections through SSH know no deadlines: closing ends what waits.
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	if _, err := io.WriteString(nc, c.Send); err != nil {
		return fmt.Errorf("%s: %w", c.Address, err)
	}
	if c.Expect == "" {
		return nil
	}
	expr := pattern(c.Expect)
	const limit = 1 << 20
	var got []byte
	for buf := make([]byte, 4096); len(got) < limit; {
		n, err := nc.Read(buf)
		got = append(got, buf[:n]...)
		if expr.Match(got) {
			return nil
		}
		if err != nil {
			break
		}
	}
	return fmt.Errorf("what %s sends does not match %s: %s", c.Address, c.Expect, excerpt(got))
}
