// Package tasks says how one host reaches a declared state: the Module
// interface, the registry, and one file for each built-in task.
package tasks

import "context"

// A Module is one built-in task with its arguments filled in: a struct whose
// fields carry `arg` and `doc` tags (see Args). A new one is made for every
// host and loop item, so Run may keep state in it.
type Module interface {
	// Run brings the host to the declared state, or in check mode only says
	// what it would change. An error means that the task failed (*Failure) or
	// that the host could not be reached (*Unreachable); the Result counts
	// in both cases.
	Run(ctx context.Context, t *Target) (Result, error)
	// Doc describes the task to its users.
	Doc() Doc
}

// A Validator checks its arguments before anything connects. It sees only
// what needs no host: arguments that hold templates are checked once they are
// filled in.
type Validator interface{ Validate() error }

// A Gatherer collects what the peers must know of this host. Gather runs on
// every host before Run does on any; it must not change the host. The result
// reaches everyone as Peer.Gathered.
type Gatherer interface {
	Gather(ctx context.Context, t *Target) (any, error)
}

// A Preparer has work that must be done on every host before Run begins on any
// (a key pair whose public half the peers then authorise). It may change the
// host; what it did counts with what Run does. Its value takes the place of
// what Gather returned.
type Preparer interface {
	Prepare(ctx context.Context, t *Target) (gathered any, did Result, err error)
}

// An Orderer runs otherwise than everywhere at once.
type Orderer interface{ Order() Order }

// A Sequencer is a Sequential module that wants another order than the
// inventory's, seen what was gathered. It returns the indices of peers.
type Sequencer interface{ Sequence(peers []Peer) []int }

// A Settler is a Sequential module that can tell from what was gathered that
// nothing is to be done on a host. When that is so on all hosts none of them has
// to wait for its turn: each is confirmed, all at once.
type Settler interface {
	// Settled reports whether Run would change nothing on this host.
	Settled(t *Target) bool
	// Confirm is run in place of Run, with the same result.
	Confirm(ctx context.Context, t *Target) (Result, error)
}

// Order is how a task goes over the hosts of a play.
type Order int

// The orders a task can ask for.
const (
	// Parallel runs on all hosts at once, bounded by --forks.
	Parallel Order = iota
	// Sequential runs on one host after another, and on none after a failure.
	Sequential
	// Once runs on the first host only, for all of them; the result is everybody's.
	Once
)

// Documented is what describes itself to users: every module and action.
type Documented interface{ Doc() Doc }

// Doc is the documentation of a task, without its arguments: those come from
// the struct's tags.
type Doc struct {
	Summary  string   // one line, no full stop
	Text     string   // paragraphs: what it does, when it reports a change, its limits
	Examples string   // YAML
	Returns  []Return // what register sees beside changed, failed, msg
	Check    string   // what check mode can't foresee, or ""
}

// Return documents one value that a task returns.
type Return struct{ Name, Doc string }
