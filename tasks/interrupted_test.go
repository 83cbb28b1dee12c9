package tasks

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func interruptedTarget() (*Target, func()) {
	ch := make(chan struct{})
	return &Target{Interrupted: ch}, func() { close(ch) }
}

func TestNoStepAfterCtrlC(t *testing.T) {
	target, ctrlC := interruptedTarget()
	if err := nextStep(t.Context(), target, "promote peer4"); err != nil {
		t.Fatal(err)
	}
	ctrlC()
	err := nextStep(t.Context(), target, "promote peer4")
	var f *Failure
	if !errors.As(err, &f) || !strings.Contains(f.Msg, "Ctrl-C before this step: promote peer4") || !strings.Contains(f.Hint, "run this again") {
		t.Errorf("%v, %+v", err, f)
	}
	if err := nextStep(t.Context(), target.Fresh(), "another"); err == nil {
		t.Error("the same target, begun anew, does not know")
	}
	if err := nextStep(t.Context(), &Target{}, "alone"); err != nil {
		t.Errorf("nobody interrupts: %v", err)
	}
}

// A wait of an hour ends at once.
func TestWaitsEndAtCtrlC(t *testing.T) {
	for name, wait := range map[string]func(context.Context, *Target) error{
		"a pause": func(ctx context.Context, target *Target) error { return target.pause(ctx, time.Hour) },
		"work": func(ctx context.Context, target *Target) error {
			ctx, cancel := target.untilInterrupted(ctx)
			defer cancel()
			<-ctx.Done()
			return context.Cause(ctx)
		},
	} {
		target, ctrlC := interruptedTarget()
		ended := make(chan error, 1)
		go func() { ended <- wait(t.Context(), target) }()
		ctrlC()
		var f *Failure
		if err := <-ended; !errors.As(err, &f) || !strings.Contains(f.Msg, "Ctrl-C") {
			t.Errorf("%s: %v", name, err)
		}
		cut, cancel := context.WithCancel(t.Context())
		cancel()
		if err := wait(cut, &Target{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cut off: %v", name, err)
		}
	}
	if err := (&Target{}).pause(t.Context(), time.Nanosecond); err != nil {
		t.Errorf("nobody interrupts: %v", err)
	}
}
