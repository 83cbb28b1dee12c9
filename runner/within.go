package runner

import (
	"context"
	"errors"

	"github.com/etcdplay/etcdplay/tasks"
)

var errTimeout = errors.New("the task's time is over")

// within is the context of the call's work: it ends with the task's time.
func (c *call) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, c.timeout, errTimeout)
}

// timedOut says so where a failure comes from the end of the task's time.
func (c *call) timedOut(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), context.Canceled) && errors.Is(err, context.Canceled) {
		return tasks.Failf("the %s task was stopped by Ctrl-C, and may be done in part", c.t.Action).
			WithHint("run again: what is done already stays")
	}
	if err == nil || !errors.Is(context.Cause(ctx), errTimeout) {
		return err
	}
	return tasks.Failf("the %s task did not end in the time it has (%s) and was stopped", c.t.Action, c.timeout).
		WithHint("give it more with timeout: SECONDS")
}
