package etcdproof

import (
	"os"
	"strings"
	"testing"
	"time"
)

// at makes an operation that began and ended at these times.
func at(began, ended time.Duration, op Op) Op {
	op.Key, op.Began, op.Ended = "r", began, ended
	return op
}

func noAnswer(op Op) Op {
	op.Unknown = true
	return op
}

// The checker must find what a cluster could do wrong, and nothing else.
func TestCheck(t *testing.T) {
	a, b := Op{Kind: put, Value: "a"}, Op{Kind: put, Value: "b"}
	reads := func(v string) Op { return Op{Kind: get, Got: v} }
	swaps := func(old, v string, did bool) Op { return Op{Kind: cas, Old: old, Value: v, Replaced: did} }
	for _, c := range []struct {
		name string
		h    History
		ok   bool
	}{
		{"nothing", nil, true},
		{"a write and a read", History{at(0, 1, a), at(2, 3, reads("a"))}, true},
		{"a lost write", History{at(0, 1, a), at(2, 3, reads(""))}, false},
		{"a lost write, seen before", History{at(0, 1, a), at(2, 3, reads("a")), at(4, 5, reads(""))}, false},
		{"a stale read", History{at(0, 1, a), at(2, 3, b), at(4, 5, reads("a"))}, false},
		{"a read beside the write, either way", History{at(0, 9, a), at(1, 2, reads("")), at(3, 4, reads("a"))}, true},
		{"back and forth beside the write", History{at(0, 9, a), at(1, 2, reads("a")), at(3, 4, reads(""))}, false},
		{"an unknown write that came late", History{at(0, 1, noAnswer(a)), at(2, 3, reads("")), at(4, 5, reads("a"))}, true},
		{"an unknown write that never came", History{at(0, 1, noAnswer(a)), at(2, 3, reads("")), at(4, 5, b), at(6, 7, reads("b"))}, true},
		{"an unknown write that came and went", History{at(0, 1, noAnswer(a)), at(2, 3, reads("a")), at(4, 5, reads(""))}, false},
		{"a value that nobody wrote", History{at(0, 1, noAnswer(a)), at(2, 3, reads("b"))}, false},
		{"two that swap one value", History{at(0, 1, a), at(2, 5, swaps("a", "b", true)), at(2, 5, swaps("a", "c", true))}, false},
		{"one of two that swap", History{at(0, 1, a), at(2, 5, swaps("a", "b", true)), at(2, 5, swaps("a", "c", false))}, true},
		{"a swap that refused without a reason", History{at(0, 1, a), at(2, 3, swaps("a", "b", false))}, false},
		{"an unknown swap, done", History{at(0, 1, a), at(2, 3, noAnswer(swaps("a", "b", false))), at(4, 5, reads("b"))}, true},
		{"an unknown swap, not done", History{at(0, 1, a), at(2, 3, noAnswer(swaps("x", "b", false))), at(4, 5, reads("a"))}, true},
		{"a read without an answer", History{at(0, 1, a), at(2, 3, noAnswer(reads("x")))}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.h.Check()
			if (err == nil) != c.ok {
				t.Errorf("Check said %v", err)
			}
			if err != nil {
				_, file, _ := strings.Cut(err.Error(), ": see ")
				if _, err := os.Stat(file); err != nil {
					t.Errorf("no picture: %v", err)
				}
				os.Remove(file)
			}
		})
	}
}

// One key's loss is not made good by another's.
func TestKeysAreSeparate(t *testing.T) {
	h := History{
		{Kind: put, Key: "r", Value: "a", Ended: 1},
		{Kind: get, Key: "s", Began: 2, Ended: 3},
		{Kind: get, Key: "r", Got: "a", Began: 2, Ended: 3},
	}
	if err := h.Check(); err != nil {
		t.Error(err)
	}
}
