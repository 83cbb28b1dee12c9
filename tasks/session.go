package tasks

import (
	"crypto/rand"
	"errors"
	"io"
	"sync"
)

// A Session holds what outlives a single task of a run: a lock that is kept
// alive, a load that goes on while others work. The zero value is ready to use.
type Session struct {
	id    string
	mu    sync.Mutex
	kept  map[string]io.Closer
	order []string
}

// ID tells this run from all others.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id == "" {
		s.id = rand.Text()
	}
	return s.id
}

// Keep holds something under a name until the run ends, then closes it: the last
// that was kept first. What was kept under that name before is closed now.
func (s *Session) Keep(name string, c io.Closer) error {
	err := s.Drop(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]io.Closer{}
	}
	s.kept[name] = c
	s.order = append(s.order, name)
	return err
}

// Kept is what is held under a name, or nil.
func (s *Session) Kept(name string) io.Closer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[name]
}

// Drop closes what is held under a name, if anything is, and lets it go.
func (s *Session) Drop(name string) error {
	s.mu.Lock()
	c := s.kept[name]
	delete(s.kept, name)
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	return c.Close()
}

// Close closes all that is still held.
func (s *Session) Close() error {
	s.mu.Lock()
	order := s.order
	s.order = nil
	s.mu.Unlock()
	var errs []error
	for i := len(order) - 1; i >= 0; i-- {
		errs = append(errs, s.Drop(order[i]))
	}
	return errors.Join(errs...)
}
