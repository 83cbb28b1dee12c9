// Command bench tells how fast etcdplay is, against others that do the same
// work on the same hosts in the same run: `make bench`.
//
// Every contender runs once a round, in turn, so that what else the machine
// does falls on all of them; ratios are taken within a round. What is measured
// is the whole program, from its start to its end. Times differ from machine to
// machine and from hour to hour, so nothing here fails because of one.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	runs     int
	only     string
	out      string
	lab      string
	keep     bool
	mitogen  string
	etcdplay string
	peers    string
	verbose  bool
}

func run(ctx context.Context, args []string) error {
	// The bench starts itself for what must run in a lab's network.
	if len(args) > 0 {
		switch args[0] {
		case "client":
			return client(ctx, args[1:])
		case "delay":
			return delay(ctx, args[1:])
		}
	}
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.runs, "runs", 5, "how many rounds")
	f.StringVar(&o.only, "only", "", "only these `cases`, separated by commas: "+strings.Join(letters(), ", "))
	f.StringVar(&o.out, "json", "bench.json", "where to write the figures; empty: nowhere")
	f.StringVar(&o.lab, "lab", "bench", "what to call the labs")
	f.BoolVar(&o.keep, "keep", false, "leave the labs up, and use those that are")
	f.StringVar(&o.mitogen, "mitogen", "", "a `folder` with a checkout of Mitogen, which speeds Ansible up")
	f.StringVar(&o.etcdplay, "etcdplay", "", "the `program` to measure; empty: build it")
	f.StringVar(&o.peers, "peers", "", "only these peers, by the first word of their names, separated by commas; 'none' for none")
	f.BoolVar(&o.verbose, "v", false, "show what the contenders print")
	if err := f.Parse(args); err != nil {
		return err
	}
	chosen := letters()
	if o.only != "" {
		chosen = strings.Split(o.only, ",")
	}
	for _, c := range chosen {
		if !slices.Contains(letters(), c) {
			return fmt.Errorf("there is no case %q: choose from %s", c, strings.Join(letters(), ", "))
		}
	}
	if o.runs < 1 {
		return fmt.Errorf("-runs %d: at least one, please", o.runs)
	}
	dir, err := os.MkdirTemp("", "etcdplay-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "ansible.cfg"), []byte("[defaults]\n"), 0o644); err != nil {
		return err
	}
	b := &bench{options: o, dir: dir}
	if err := b.programs(ctx); err != nil {
		return err
	}
	return b.cases(ctx, chosen)
}

// A bench has what all cases need.
type bench struct {
	options
	dir  string // for files of this run
	self string // this program
}

// programs finds or builds what is measured.
func (b *bench) programs(ctx context.Context) (err error) {
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.etcdplay != "" {
		b.etcdplay, err = filepath.Abs(b.etcdplay)
		return err
	}
	b.etcdplay = filepath.Join(b.dir, "etcdplay")
	build := exec.CommandContext(ctx, "go", "build", "-o", b.etcdplay, "github.com/etcdplay/etcdplay/cmd/etcdplay")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build etcdplay: %w", err)
	}
	return nil
}

// A benchCase is one kind of work.
type benchCase struct {
	letter string
	run    func(*bench, context.Context) ([]Case, error)
}

func allCases() []benchCase {
	return []benchCase{
		{"a", (*bench).fresh},
		{"b", (*bench).unchanged},
		{"c", (*bench).fleet},
		{"d", (*bench).distant},
		{"e", (*bench).thousand},
	}
}

func letters() []string {
	var l []string
	for _, c := range allCases() {
		l = append(l, c.letter)
	}
	return l
}

// cases runs the chosen cases, and writes the figures after each, so that an
// interrupted bench has not been for nothing.
func (b *bench) cases(ctx context.Context, chosen []string) error {
	report := &Report{Machine: machine(ctx), Runs: b.runs}
	fmt.Println(report.Machine)
	for _, c := range allCases() {
		if !slices.Contains(chosen, c.letter) {
			continue
		}
		done, err := c.run(b, ctx)
		for _, d := range done {
			fmt.Println()
			fmt.Print(d.Table())
		}
		report.Cases = append(report.Cases, done...)
		if b.out != "" {
			if werr := report.Write(b.out); werr != nil {
				return werr
			}
		}
		if err != nil {
			return fmt.Errorf("case %s: %w", c.letter, err)
		}
	}
	return nil
}
