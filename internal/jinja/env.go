package jinja

import (
	"context"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
)

// Vars are the variables that a template may use.
type Vars interface {
	// Var resolves a name; ok=false: there is no such variable. It is called
	// at most once a name in one Eval. An error that is an *UndefinedError
	// makes the variable undefined, so that `default` works on it; any other
	// error ends the Eval.
	Var(ctx context.Context, name string) (v any, ok bool, err error)
	// Names are the known names, for "did you mean".
	Names() []string
}

// A Mapping is a dictionary that is read lazily, such as hostvars.
type Mapping interface {
	Get(ctx context.Context, key any) (v any, ok bool, err error)
	Keys() []any
}

// Env is what a template meets when it is evaluated. The zero Env knows no
// variables and reads files from the working directory.
type Env struct {
	Vars Vars
	// Dirs is where lookups and include look for files, in this order. The
	// commands of pipe and lines run in the first of them.
	Dirs []string
	// ReadFile reads a file; nil is os.ReadFile.
	ReadFile func(name string) ([]byte, error)
	// Lookup is asked before the built-in lookups; it may be nil. handled is
	// false for a name that it leaves to them.
	Lookup func(ctx context.Context, name string, args []any, kwargs *value.Dict) (v any, handled bool, err error)
	// NoLookups refuses every lookup. Set it for text that did not come from
	// the user's own files.
	NoLookups bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Limits bound one Eval; zero fields take DefaultLimits.
	Limits Limits
}

// Limits bound what one Eval may use, so that no template hangs a run or
// takes its memory.
type Limits struct {
	Steps   int           // evaluated nodes and loop turns
	Memory  int           // bytes of everything built on the way, roughly
	Output  int           // bytes of text put out
	Depth   int           // calls and includes inside each other
	Command time.Duration // how long pipe, lines, url and a regular expression may take, each
}

// DefaultLimits are far above what any configuration file needs.
var DefaultLimits = Limits{
	Steps:   5_000_000,
	Memory:  256 << 20,
	Output:  10 << 20,
	Depth:   100,
	Command: time.Minute,
}

func (l Limits) filled() Limits {
	fill := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	d := &DefaultLimits
	fill(&l.Steps, d.Steps)
	fill(&l.Memory, d.Memory)
	fill(&l.Output, d.Output)
	fill(&l.Depth, d.Depth)
	if l.Command == 0 {
		l.Command = d.Command
	}
	return l
}
