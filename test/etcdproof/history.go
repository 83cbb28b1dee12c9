// Package etcdproof is for tests that do something to an etcd cluster: clients
// that use it meanwhile, and the proof that what they saw could have been one
// register a key, each operation taking effect at one moment between its
// request and its answer (linearizability).
package etcdproof

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

// A kind is what an operation does with its key.
type kind int

const (
	get kind = iota
	put      // Value
	cas      // Value, if the key's was Old
)

// An Op is one operation of a client on a key. Keys without a value have "".
type Op struct {
	Client   int
	Kind     kind
	Key      string
	Old      string // cas
	Value    string // put, cas
	Began    time.Duration
	Ended    time.Duration
	Unknown  bool   // there was no answer: it may take effect at any time, or never
	Got      string // get: the answer
	Replaced bool   // cas: the answer
}

// A History is what all clients did.
type History []Op

// checkTimeout is how long the search for an order may take. With a few
// hundred operations a key it takes milliseconds.
const checkTimeout = 2 * time.Minute

// Check returns nil if the history is linearizable. Otherwise, or if that could
// not be found out, it says so, and where a picture of the history is.
func (h History) Check() error {
	ops := h.operations()
	result, info := porcupine.CheckOperationsVerbose(register, ops, checkTimeout)
	if result == porcupine.Ok {
		return nil
	}
	text := "the history is not linearizable: a write was lost, or a read was stale"
	if result == porcupine.Unknown {
		text = "it could not be found out whether the history is linearizable"
	}
	f, err := os.CreateTemp("", "etcdproof-*.html")
	if err == nil {
		err = errors.Join(porcupine.Visualize(register, info, f), f.Close())
	}
	if err != nil {
		return fmt.Errorf("%s (no picture of it: %w)", text, err)
	}
	return fmt.Errorf("%s: see %s", text, f.Name())
}

// operations are the history as the checker takes it. Reads without an answer
// say nothing and are left out.
func (h History) operations() (all []porcupine.Operation) {
	for _, op := range h {
		ended := int64(op.Ended)
		if op.Unknown {
			if op.Kind == get {
				continue
			}
			ended = math.MaxInt64
		}
		all = append(all, porcupine.Operation{ClientId: op.Client, Input: op, Call: int64(op.Began), Output: op, Return: ended})
	}
	return all
}

// register is the model: a value for each key, "" at first.
var register = porcupine.Model{
	Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		byKey := map[string]int{}
		for _, o := range all {
			key := o.Input.(Op).Key
			i, ok := byKey[key]
			if !ok {
				i = len(parts)
				byKey[key] = i
				parts = append(parts, nil)
			}
			parts[i] = append(parts[i], o)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, in, _ any) (bool, any) {
		op := in.(Op)
		switch op.Kind {
		case get:
			return op.Got == state, state
		case put:
			return true, op.Value
		}
		if fits := op.Old == state; op.Unknown || op.Replaced == fits {
			if fits {
				return true, op.Value
			}
			return true, state
		}
		return false, state
	},
	DescribeOperation: func(in, _ any) string { return in.(Op).String() },
}

// String is "put r1 a" or, without an answer, "put r1 a ?".
func (op Op) String() string {
	unknown := ""
	if op.Unknown {
		unknown = " ?"
	}
	switch op.Kind {
	case get:
		return fmt.Sprintf("get %s: %q%s", op.Key, op.Got, unknown)
	case put:
		return fmt.Sprintf("put %s %q%s", op.Key, op.Value, unknown)
	}
	return fmt.Sprintf("cas %s %q %q: %v%s", op.Key, op.Old, op.Value, op.Replaced, unknown)
}
