package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/runner"
)

// JSON writes one event a line, for machines:
//
//	{"event":"result","host":"peer1","task":"…","status":"changed","result":{…}}
type JSON struct{ w io.Writer }

// NewJSON makes a JSON reporter.
func NewJSON(w io.Writer) *JSON { return &JSON{w} }

// Report writes an event (runner.Reporter).
func (j *JSON) Report(e runner.Event) {
	d := value.NewDict()
	set := func(pairs ...any) {
		for i := 0; i < len(pairs); i += 2 {
			d.Set(pairs[i], pairs[i+1])
		}
	}
	switch e := e.(type) {
	case runner.PlayStart:
		set("event", "play", "name", e.Name, "hosts", list(e.Hosts), "at", e.Pos.String(), "check", e.Check)
	case runner.NoHosts:
		set("event", "no_hosts", "pattern", e.Pattern)
	case runner.TaskStart:
		set("event", "task", "name", e.Name, "action", e.Action, "handler", e.Handler, "at", e.Pos.String())
	case runner.HostResult:
		set("event", "result", "host", e.Host, "task", e.Task, "action", e.Action, "at", e.Pos.String(), "status", statusName(e.Status),
			"ignored", e.Ignored, "item", e.Item, "label", e.Label, "delegate", e.Delegate, "for_all", e.ForAll, "seconds", e.Elapsed.Seconds(),
			"changes", list(e.Changes), "stderr", e.Stderr, "hint", e.Hint, "text", e.Text, "result", e.Result)
	case runner.Retry:
		set("event", "retry", "host", e.Host, "task", e.Task, "left", e.Left)
	case runner.Included:
		set("event", "included", "file", e.File, "hosts", list(e.Hosts))
	case runner.Warning:
		set("event", "warning", "host", e.Host, "at", e.Pos.String(), "text", e.Text)
	case runner.NoMoreHosts:
		set("event", "no_more_hosts")
	case runner.HandlersLost:
		set("event", "handlers_lost", "host", e.Host, "handlers", list(e.Handlers))
	case runner.Recap:
		hosts := value.NewDict()
		for _, h := range e.Hosts {
			hosts.Set(h.Host, value.NewDict("ok", h.OK, "changed", h.Changed, "unreachable", h.Unreachable, "failed", h.Failed,
				"skipped", h.Skipped, "rescued", h.Rescued, "ignored", h.Ignored))
		}
		set("event", "recap", "hosts", hosts, "seconds", e.Elapsed.Seconds())
	default:
		return
	}
	line, err := json.Marshal(d)
	if err != nil {
		line, _ = json.Marshal(map[string]string{"event": "error", "text": err.Error()})
	}
	fmt.Fprintln(j.w, string(line))
}

func list(in []string) []any {
	out := make([]any, len(in))
	for i, s := range in {
		out[i] = s
	}
	return out
}

func statusName(s runner.Status) string {
	return [...]string{"ok", "changed", "skipped", "failed", "unreachable"}[s]
}
