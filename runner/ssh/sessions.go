package ssh

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// sessions counts the open sessions of a connection: sshd allows so many
// (MaxSessions, 10) and refuses further ones.
type sessions struct {
	places   chan struct{} // one entry for each session, and for each place that is lost
	waiting  atomic.Int32  // how many wait for a place
	makeRoom func()        // closes a shell that nobody uses

	mu    sync.Mutex
	lost  int // places that the server does not grant after all
	doubt int // so many refusals may be for a session that has just ended
}

func newSessions(n int, makeRoom func()) *sessions {
	return &sessions{places: make(chan struct{}, n), makeRoom: makeRoom}
}

// enter waits for a place. Idle shells make room, now or as soon as they
// become idle (Conn.use).
func (s *sessions) enter(ctx context.Context, gone <-chan struct{}) error {
	select {
	case s.places <- struct{}{}:
		return nil
	default:
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	s.makeRoom()
	select {
	case s.places <- struct{}{}:
		return nil
	case <-gone:
		return errNoExit
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave gives a place back.
func (s *sessions) leave() {
	s.mu.Lock()
	s.doubt = 5
	s.mu.Unlock()
	<-s.places
}

// refused is told that the server has refused a session, and says whether to
// try again. sshd may count for a moment a session that has just ended; else
// it allows no more than are open, and the free places are given up, together
// with this one.
func (s *sessions) refused(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doubt > 0 {
		s.doubt--
		pause := time.NewTimer(80 * time.Millisecond >> s.doubt)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		<-s.places
		return true
	}
	if len(s.places)-s.lost <= 1 {
		return false // no session but the refused one: waiting would not help
	}
	for s.lost++; ; s.lost++ {
		select {
		case s.places <- struct{}{}:
		default:
			return true
		}
	}
}
