package tasks

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sourcegraph/conc"
)

// Holds says on how many hosts a check must hold.
type Holds struct {
	Name  string `arg:"name" doc:"What is checked, for messages"`
	Holds string `arg:"holds" default:"all" doc:"On how many hosts it must hold: all, or exactly this number"`
}

func (h Holds) validate(arg string) error {
	if h.Holds == "all" {
		return nil
	}
	if n, err := strconv.Atoi(h.Holds); err != nil || n < 0 {
		return &ArgError{Arg: arg + ".holds", Msg: fmt.Sprintf(`%s.holds: must be "all" or a number, not %q`, arg, h.Holds)}
	}
	return nil
}

func validRegexp(arg, expr string) error {
	if _, err := compile(expr); err != nil {
		return &ArgError{Arg: arg, Msg: fmt.Sprintf("%s: %v", arg, err)}
	}
	return nil
}

// compile reads a regular expression whose ^ and $ match at every line: the
// outputs that it is to match end in a newline.
func compile(expr string) (*regexp.Regexp, error) { return regexp.Compile("(?m)" + expr) }

// pattern is compile for what was validated.
func pattern(expr string) *regexp.Regexp {
	re, err := compile(expr)
	if err != nil {
		panic("tasks: " + err.Error())
	}
	return re
}

// answerTimeout bounds one try of one check on one host.
const answerTimeout = 10 * time.Second

// A check is the same check on all hosts: on each with that host's arguments.
type check struct {
	Holds
	hosts []Peer
	try   func(ctx context.Context, host int) error
}

func newChecks(t *Target, hosts []subject) (all []probe) {
	if len(hosts) == 0 {
		return nil
	}
	peers := make([]Peer, len(hosts))
	for i, h := range hosts {
		peers[i] = h.Peer
	}
	add := func(h Holds, name string, try func(context.Context, int) error) {
		if h.Name == "" {
			h.Name = name
		}
		all = append(all, &check{h, peers, try})
	}
	first := hosts[0].args
	for n, c := range first.HTTP {
		add(c.Holds, "", func(ctx context.Context, i int) error {
			return tryIndexed(hosts[i].args.HTTP, n, func(c HTTPCheck) error { return c.try(ctx, peers[i].Conn, t.Files) })
		})
	}
	for n, c := range first.TCP {
		add(c.Holds, "", func(ctx context.Context, i int) error {
			return tryIndexed(hosts[i].args.TCP, n, func(c TCPCheck) error { return c.try(ctx, peers[i].Conn) })
		})
	}
	for n, c := range first.Command {
		add(c.Holds, strings.Join(c.Argv, " "), func(ctx context.Context, i int) error {
			return tryIndexed(hosts[i].args.Command, n, func(c CommandCheck) error { return c.try(ctx, peers[i].Conn) })
		})
	}
	return all
}

func tryIndexed[C any](list []C, n int, try func(C) error) error {
	if n >= len(list) {
		return errors.New("this host has fewer checks than the first one")
	}
	return try(list[n])
}

func (c *check) look(ctx context.Context) (wrong []finding, reached bool) {
	errs := make([]error, len(c.hosts))
	var wg conc.WaitGroup
	for i := range c.hosts {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, answerTimeout)
			defer cancel()
			errs[i] = c.try(ctx, i)
		})
	}
	wg.Wait()
	var good []string
	for i, err := range errs {
		if err == nil {
			good = append(good, c.hosts[i].Name)
		} else if c.Holds.Holds == "all" {
			wrong = append(wrong, finding{text: c.title(c.hosts[i].Name) + err.Error()})
		}
	}
	if want, err := strconv.Atoi(c.Holds.Holds); err == nil && len(good) != want {
		text := fmt.Sprintf("holds on %s, not on %d", count(len(good), "host"), want)
		if len(good) > 0 {
			text += " (" + strings.Join(good, ", ") + ")"
		}
		if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
			text += fmt.Sprintf("; %s: %v", c.hosts[i].Name, errs[i])
		}
		wrong = append(wrong, finding{text: c.title("") + text})
	}
	return wrong, len(good) > 0
}

// title is how a finding begins: "peer1: one leader: ".
func (c *check) title(host string) string {
	var b strings.Builder
	for _, part := range []string{host, c.Name} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	return b.String()
}

func (*check) prove(context.Context) []finding { return nil }
func (*check) tell(*Result)                    {}
func (*check) close()                          {}

// excerpt shows the beginning of what was received, on one line.
func excerpt(b []byte) string {
	const limit = 160
	s := strings.TrimSpace(string(b))
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strconv.Quote(s)
}
