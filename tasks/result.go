package tasks

import (
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// A Result is what a task did, or in check mode would do.
type Result struct {
	Changed  bool
	Skipped  bool     // nothing to do by the task's own reckoning (`creates` exists)
	Msg      string   // one line for people
	Changes  []string // each change in words, in order
	Diffs    []Diff   // only when the target asked for them
	Warnings []string
	Data     *value.Dict // further values for register; may be nil
	Facts    *value.Dict // ansible_facts to set on the host; may be nil
	Text     string      // tables and the like to show people as they are
}

// Diff is the change of one file, or of a state shown as text.
type Diff struct {
	Before, After             string
	BeforeHeader, AfterHeader string // file names, or ""
}

// Set adds a value for register.
func (r *Result) Set(key string, v any) {
	if r.Data == nil {
		r.Data = value.NewDict()
	}
	r.Data.Set(key, v)
}

// A Failure is a task that ran and failed.
type Failure struct {
	Msg    string // what failed, one line
	Stderr string // the command's own words, or ""
	Code   int    // the exit code, 0 if none
	Hint   string // what to do next, or ""
	Err    error  // the cause, or nil
}

// Failf makes a Failure; a %w cause is kept.
func Failf(format string, args ...any) *Failure {
	err := fmt.Errorf(format, args...)
	f := &Failure{Msg: err.Error()}
	if u, ok := err.(interface{ Unwrap() error }); ok {
		f.Err = u.Unwrap()
	}
	return f
}

// WithHint sets what to do next and returns f.
func (f *Failure) WithHint(format string, args ...any) *Failure {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

// Error is the message and the first line of stderr.
func (f *Failure) Error() string {
	if line, _, _ := strings.Cut(strings.TrimSpace(f.Stderr), "\n"); line != "" && !strings.Contains(f.Msg, line) {
		return f.Msg + ": " + line
	}
	return f.Msg
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Unreachable is a host that can't be spoken to: it refused, dropped, timed
// out, or its key or our credentials were not accepted. The task may have run
// in part.
type Unreachable struct {
	Host string
	Msg  string
	Hint string
	Err  error
}

// Error is the message with its cause.
func (u *Unreachable) Error() string {
	if u.Err != nil && !strings.Contains(u.Msg, u.Err.Error()) {
		return u.Msg + ": " + u.Err.Error()
	}
	return u.Msg
}

// Unwrap returns the cause.
func (u *Unreachable) Unwrap() error { return u.Err }

// read takes a script's output into r and returns its failure, if it failed.
func (r *Result) read(out script.Output) error {
	var failure *Failure
	for _, rec := range out.Records {
		switch rec.Kind {
		case script.Change:
			r.Changed = true
			r.Changes = append(r.Changes, rec.Text)
		case script.Warning:
			r.Warnings = append(r.Warnings, rec.Text)
		case script.Fact:
			key, val, _ := strings.Cut(rec.Text, "=")
			r.Set(key, val)
		case script.DiffBefore:
			name, text, _ := strings.Cut(rec.Text, "\n")
			r.Diffs = append(r.Diffs, Diff{BeforeHeader: name, Before: text})
		case script.DiffAfter:
			name, text, _ := strings.Cut(rec.Text, "\n")
			if n := len(r.Diffs); n > 0 {
				r.Diffs[n-1].AfterHeader, r.Diffs[n-1].After = name, text
			}
		case script.Skip:
			r.Skipped, r.Msg = true, rec.Text
		case script.Fail:
			msg, hint, _ := strings.Cut(rec.Text, "\n")
			failure = &Failure{Msg: msg, Hint: hint}
		}
	}
	if out.Code == 0 && failure == nil {
		return nil
	}
	if failure == nil {
		failure = &Failure{Msg: fmt.Sprintf("the task's script ended with exit code %d", out.Code)}
	}
	failure.Code = out.Code
	failure.Stderr = strings.TrimSpace(string(out.Stderr))
	return failure
}
