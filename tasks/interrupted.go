package tasks

import (
	"context"
	"time"
)

// The first Ctrl-C lets what was begun come to its end. An operation of many steps
// asks before each, and stops where it can be gone on with.

// interrupted reports whether nothing new is to be begun.
func (t *Target) interrupted() bool {
	select {
	case <-t.Interrupted:
		return true
	default:
		return false
	}
}

// mayBegin is an error if nothing new is to be begun, and so not this step either.
func (t *Target) mayBegin(step string) error {
	if !t.interrupted() {
		return nil
	}
	return stopped("stopped by Ctrl-C before this step: " + step)
}

// pause waits between two looks; there is nothing under way that Ctrl-C would cut.
func (t *Target) pause(ctx context.Context, d time.Duration) error {
	ctx, cancel := t.untilInterrupted(ctx)
	defer cancel()
	return pauseFor(ctx, d)
}

// untilInterrupted is for work that may end at any moment: it ends at the first
// Ctrl-C, which is then the context's cause.
func (t *Target) untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if t.Interrupted != nil {
		go func() {
			select {
			case <-t.Interrupted:
				cancel(stopped("stopped by Ctrl-C"))
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

func stopped(msg string) *Failure {
	return Failf("%s", msg).WithHint("what was done stays: run this again, and it goes on from there")
}
