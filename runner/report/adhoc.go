package report

import (
	"io"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/runner"
)

// AdHoc shows the results of a single task the way `ansible` does:
//
//	peer1 | CHANGED | rc=0 >>
//	what the command printed
type AdHoc struct {
	w io.Writer
	t *Terminal
}

// NewAdHoc makes an AdHoc reporter.
func NewAdHoc(w io.Writer, o Options) *AdHoc {
	o.Live = false
	return &AdHoc{w, NewTerminal(w, o)}
}

// Report shows an event (runner.Reporter).
func (a *AdHoc) Report(e runner.Event) {
	switch e := e.(type) {
	case runner.HostResult:
		a.result(e)
	case runner.Warning, runner.NoHosts, runner.Retry, runner.AsyncPoll:
		a.t.Report(e)
	}
}

func (a *AdHoc) result(e runner.HostResult) {
	word, paint := "SUCCESS", a.t.green
	switch e.Status {
	case runner.Changed:
		word, paint = "CHANGED", a.t.yellow
	case runner.Failed:
		word, paint = "FAILED", a.t.red
	case runner.UnreachableHost:
		word, paint = "UNREACHABLE!", a.t.red
	case runner.Skipped:
		word, paint = "SKIPPED", a.t.cyan
	}
	var b strings.Builder
	if a.t.o.Diff {
		for _, d := range e.Diffs {
			b.WriteString(a.t.diff(d))
		}
	}
	rc, isCommand := e.Result.Get("rc")
	out, _ := e.Result.Get("stdout")
	if _, printed := e.Result.Get("stdout"); isCommand && printed {
		b.WriteString(paint.Sprint(e.Host+" | "+word+" | rc="+value.Str(rc)+" >>") + "\n")
		for _, s := range []any{out, stderrOf(e)} {
			if s := strings.TrimRight(value.Str(s), "\n"); s != "" {
				b.WriteString(s + "\n")
			}
		}
		if e.Status == runner.Failed {
			b.WriteString(message(e))
		}
	} else {
		b.WriteString(paint.Sprint(e.Host+" | "+word+" => "+prettyJSON(a.t.shown(e))) + "\n")
		if e.Status == runner.Failed || e.Status == runner.UnreachableHost {
			b.WriteString(a.t.detail(e))
		}
	}
	if e.Text != "" {
		b.WriteString(strings.TrimRight(e.Text, "\n") + "\n")
	}
	io.WriteString(a.w, b.String())
}

func stderrOf(e runner.HostResult) any {
	s, ok := e.Result.Get("stderr")
	if !ok {
		return ""
	}
	return s
}

func message(e runner.HostResult) string {
	if m, ok := e.Result.Get("msg"); ok && value.Str(m) != "" {
		return value.Str(m) + "\n"
	}
	return ""
}
