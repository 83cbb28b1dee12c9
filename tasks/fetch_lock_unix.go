//go:build unix

package tasks

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockFile waits for a file to be this caller's alone, among goroutines and
// among processes, so that one host's download serves all.
func lockFile(ctx context.Context, name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil // closing unlocks
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(err, f.Close())
		}
		if err := pauseFor(ctx, 50*time.Millisecond); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}
