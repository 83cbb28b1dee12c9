package tasks_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/etcdplay/etcdplay/tasks"
)

type closing func() error

func (c closing) Close() error { return c() }

func TestSession(t *testing.T) {
	var closed []string
	thing := func(name string, err error) closing {
		return func() error { closed = append(closed, name); return err }
	}
	var s tasks.Session
	broken := errors.New("broken")
	for _, name := range []string{"a", "b", "c"} {
		if err := s.Keep(name, thing(name, nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Keep("b", thing("b2", broken)); err != nil || !slices.Equal(closed, []string{"b"}) {
		t.Errorf("what was kept under a name before must be closed: %v, %v", closed, err)
	}
	if s.Kept("a") == nil || s.Kept("z") != nil {
		t.Error("kept is wrong")
	}
	if err := s.Close(); !errors.Is(err, broken) || !slices.Equal(closed, []string{"b", "b2", "c", "a"}) {
		t.Errorf("closed %v, %v", closed, err)
	}
	if err := s.Close(); err != nil || s.Kept("a") != nil {
		t.Errorf("closed twice: %v", err)
	}
}
