package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
)

// WaitFor waits until a port or a file is as wanted, or for some time.
type WaitFor struct {
	Host           string        `arg:"host" default:"127.0.0.1" doc:"Whose port, as seen from the host"`
	Port           int           `arg:"port" doc:"The TCP port to ask"`
	Path           string        `arg:"path" doc:"The file on the host to look at"`
	State          string        `arg:"state" default:"started" choices:"started,present,stopped,absent,drained" doc:"started and present: the port is open, the file is there; stopped and absent: not; drained: the port has no active connections"`
	Search         string        `arg:"search_regex" doc:"A regular expression that must match in the file, or in what the port sends; ^ and $ match at every line"`
	Timeout        time.Duration `arg:"timeout" default:"300" doc:"How long to wait at most; without port and path, how long to sleep"`
	ConnectTimeout time.Duration `arg:"connect_timeout" default:"5" doc:"How long one try may take"`
	Delay          time.Duration `arg:"delay" default:"0" doc:"How long to wait before the first look"`
	Sleep          time.Duration `arg:"sleep" default:"1" doc:"How long to wait between looks"`
	Message        string        `arg:"msg" doc:"What to say when the time is over"`
	ExcludeHosts   []string      `arg:"exclude_hosts" split:"," doc:"For drained: addresses whose connections don't count"`
	ActiveStates   []string      `arg:"active_connection_states" split:"," default:"ESTABLISHED,FIN_WAIT1,FIN_WAIT2,SYN_RECV,SYN_SENT,TIME_WAIT" doc:"For drained: what counts as an active connection"`
}

// Doc implements Module.
func (*WaitFor) Doc() Doc {
	return Doc{
		Summary: "Wait for a port, a file, or some time",
		Text: `Ports are tried from the host itself, through the connection to it: nothing need be
installed there. Where the host's sshd forbids forwarding that fails at once. Files
are looked at every sleep seconds and read again only when they have changed; of
what a port sends the first MiB is looked at, of a file the first 64 MiB.

For a condition on the answer of an HTTP server or of several hosts together, use
verify.`,
		Examples: `- wait_for:
    port: 2379
    timeout: 60

- wait_for:
    path: /var/log/app.log
    search_regex: "listening on (?P<port>[0-9]+)"
  register: log

- wait_for:
    port: 443
    state: drained
`,
		Returns: []Return{
			{"elapsed", "the whole seconds that it took"}, {"state", "as given"}, {"port", "as given"}, {"path", "as given"},
			{"search_regex", "as given"}, {"match_groups", "what the groups of search_regex matched"},
			{"match_groupdict", "the same of named groups"},
		},
		Check: "Does not wait: the task is skipped.",
	}
}

// Validate implements Validator.
func (w *WaitFor) Validate() error {
	if err := validRegexp("search_regex", w.Search); err != nil {
		return err
	}
	switch {
	case w.Port != 0 && w.Path != "":
		return &ArgError{Arg: "path", Msg: "port and path exclude each other"}
	case w.Port < 0 || w.Port > 65535:
		return &ArgError{Arg: "port", Msg: fmt.Sprintf("port: %d is no port", w.Port)}
	case w.State == "drained" && w.Port == 0:
		return &ArgError{Arg: "state", Msg: "state: drained wants a port"}
	case w.Search != "" && (w.gone() || w.State == "drained"):
		return &ArgError{Arg: "search_regex", Msg: "search_regex has no meaning with state: " + w.State}
	case w.Sleep <= 0:
		return &ArgError{Arg: "sleep", Msg: "sleep: must be more than 0"}
	}
	for _, s := range w.ActiveStates {
		if !slices.Contains(tcpStates, s) {
			return &ArgError{Arg: "active_connection_states", Msg: fmt.Sprintf("active_connection_states: %q is no state of a connection", s)}
		}
	}
	if w.Path != "" {
		return absolute("path", w.Path)
	}
	return nil
}

func (w *WaitFor) gone() bool { return w.State == "stopped" || w.State == "absent" }

// found is what a look saw: whether the condition holds, and what the regular
// expression matched.
type found struct {
	ok    bool
	match [][]byte
	last  error // why not
}

// Run implements Module.
func (w *WaitFor) Run(ctx context.Context, t *Target) (Result, error) {
	res := t.Result()
	if t.Check {
		res.Skipped, res.Msg = true, "wait_for does not wait in check mode"
		return res, nil
	}
	begin := time.Now()
	look := w.looker(t)
	if look == nil {
		err := pause(ctx, w.Delay+w.Timeout)
		w.tell(&res, begin, nil)
		return res, err
	}
	if err := pause(ctx, w.Delay); err != nil {
		return res, err
	}
	var last error
	for {
		f, err := look(ctx)
		if err != nil {
			return res, err
		}
		if f.last != nil {
			last = f.last
		}
		if f.ok {
			w.tell(&res, begin, f.match)
			return res, nil
		}
		if time.Since(begin)+w.Sleep > w.Delay+w.Timeout {
			w.tell(&res, begin, nil)
			return res, w.late(last)
		}
		t.Status("waiting for " + w.what())
		if err := pause(ctx, w.Sleep); err != nil {
			return res, err
		}
	}
}

// looker chooses what to look at: nil for nothing but the time.
func (w *WaitFor) looker(t *Target) func(context.Context) (found, error) {
	switch {
	case w.State == "drained":
		return func(ctx context.Context) (found, error) { return w.drained(ctx, t) }
	case w.Port != 0:
		return func(ctx context.Context) (found, error) { return w.port(ctx, t.Conn) }
	case w.Path != "":
		f := &watchedFile{}
		return func(ctx context.Context) (found, error) { return w.file(ctx, t, f) }
	}
	return nil
}

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *WaitFor) tell(res *Result, begin time.Time, match [][]byte) {
	res.Set("elapsed", int(time.Since(begin).Seconds()))
	res.Set("state", w.State)
	res.Set("port", orNone(w.Port))
	res.Set("path", orNone(w.Path))
	res.Set("search_regex", orNone(w.Search))
	groups, named := []any{}, value.NewDict()
	if len(match) > 0 {
		names := pattern(w.Search).SubexpNames()
		for i, m := range match[1:] {
			var v any
			if m != nil {
				v = string(m)
			}
			groups = append(groups, v)
			if name := names[i+1]; name != "" {
				named.Set(name, v)
			}
		}
	}
	res.Set("match_groups", groups)
	res.Set("match_groupdict", named)
}

// orNone is nil for what was not given.
func orNone[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func (w *WaitFor) what() string {
	what := w.Path
	if w.Port != 0 {
		what = fmt.Sprintf("%s:%d", w.Host, w.Port)
	}
	switch {
	case w.Search != "":
		return fmt.Sprintf("search string %s in %s", w.Search, what)
	case w.gone():
		return what + " to stop"
	case w.State == "drained":
		return what + " to drain"
	}
	return what
}

func (w *WaitFor) late(last error) error {
	msg := w.Message
	if msg == "" {
		msg = "Timeout when waiting for " + w.what()
	}
	f := &Failure{Msg: msg, Err: last}
	if last != nil {
		f.Hint = "at last: " + last.Error()
	}
	return f
}

// never reports whether an error of a connection will stay, whatever is waited
// for.
func never(ctx context.Context, err error) bool {
	var gone *Unreachable
	var failure *Failure
	return ctx.Err() != nil || errors.As(err, &gone) || errors.As(err, &failure) && failure.Hint != ""
}
