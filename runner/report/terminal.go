// Package report shows a run: to people on a terminal or in a log, and to
// machines.
package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fatih/color"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/runner"
)

// Options say how much a Terminal shows.
type Options struct {
	Verbosity int
	Diff      bool
	Color     bool
	Live      bool // the writer is a terminal: draw a status line below the output
	Width     int  // columns of a live terminal; 0: 80
	Timing    bool // end with the slowest tasks and hosts
}

// A Terminal writes what Ansible's default output writes, and below a failure
// where it happened, the command's own words, and what to do.
type Terminal struct {
	w    io.Writer
	o    Options
	line *statusLine
	time timing
	free bool   // headings come with results
	head string // the heading that stands last

	green, yellow, cyan, red, magenta, faint *color.Color
}

// NewTerminal makes a Terminal; Close must be called at the end.
func NewTerminal(w io.Writer, o Options) *Terminal {
	paint := func(a ...color.Attribute) *color.Color {
		c := color.New(a...)
		if o.Color {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	t := &Terminal{
		w: w, o: o, time: newTiming(),
		green: paint(color.FgGreen), yellow: paint(color.FgYellow), cyan: paint(color.FgCyan),
		red: paint(color.FgRed), magenta: paint(color.FgMagenta), faint: paint(color.Faint),
	}
	if o.Live {
		t.line = newStatusLine(w, o.Width)
	}
	return t
}

// Close takes the status line away.
func (t *Terminal) Close() { t.line.close() }

// columns is the width of a banner: what Ansible uses when its output is no
// terminal, so that logs look the same everywhere.
const columns = 79

func banner(text string) string {
	return "\n" + text + " " + strings.Repeat("*", max(3, columns-width(text))) + "\n"
}

// Report shows an event (runner.Reporter).
func (t *Terminal) Report(e runner.Event) {
	t.time.note(e)
	switch e := e.(type) {
	case runner.PlayStart:
		t.free, t.head = e.Free, ""
		t.print(banner("PLAY [" + e.Name + "]"))
	case runner.NoHosts:
		t.print(t.cyan.Sprint("skipping: no hosts matched") + "\n")
		t.line.show("", "", "")
	case runner.TaskStart:
		t.taskStart(e)
	case runner.HostResult:
		t.line.done(e.Host, !e.Item)
		t.hostResult(e)
	case runner.Retry:
		t.print(t.cyan.Sprintf("FAILED - RETRYING: [%s]: %s (%d retries left).", e.Host, e.Task, e.Left) + "\n")
	case runner.Included:
		item := ""
		if e.Label != "" {
			item = " => (item=" + e.Label + ")"
		}
		t.print(t.cyan.Sprintf("included: %s for %s%s", e.File, strings.Join(e.Hosts, ", "), item) + "\n")
	case runner.Progress:
		t.line.show(e.Task, e.Host, e.Text)
	case runner.Warning:
		t.warning(e)
	case runner.NoMoreHosts:
		t.print(banner("NO MORE HOSTS LEFT"))
	case runner.HandlersLost:
		t.print(t.magenta.Sprintf("[WARNING]: %s: notified but not run, because the host failed: %s", e.Host, strings.Join(e.Handlers, ", ")) + "\n")
	case runner.AsyncPoll:
		t.asyncPoll(e)
	case runner.Recap:
		t.recap(e)
	}
}

func (t *Terminal) print(s string) {
	t.line.clear()
	io.WriteString(t.w, s)
	t.line.draw()
}

func (t *Terminal) taskStart(e runner.TaskStart) {
	t.line.begin(e.Name, e.Hosts)
	if !t.free {
		t.heading(e.Name, e.Handler, e.Pos)
	}
}

func (t *Terminal) heading(name string, handler bool, at source.Pos) {
	kind := "TASK"
	if handler {
		kind = "RUNNING HANDLER"
	}
	t.head = name
	s := banner(kind + " [" + name + "]")
	if t.o.Verbosity >= 2 {
		s += t.faint.Sprint("task path: "+at.String()) + "\n"
	}
	t.print(s)
}

func (t *Terminal) hostResult(e runner.HostResult) {
	if t.free && t.head != e.Task {
		t.heading(e.Task, e.Handler, e.Pos)
	}
	if e.Loop && e.Status != runner.Skipped && !e.NoLog {
		if e.Ignored { // its items have told the rest
			t.print(t.ignoring())
		}
		return
	}
	host := "[" + e.Host
	if e.Delegate != "" {
		host += " -> " + e.Delegate
	}
	host += "]"
	item := ""
	if e.Item {
		item = " => (item=" + e.Label + ")"
	}
	var b strings.Builder
	if t.o.Diff && !e.NoLog && !e.Loop {
		for _, d := range e.Diffs {
			b.WriteString(t.diff(d))
		}
	}
	switch e.Status {
	case runner.OK, runner.Changed:
		word, paint := "ok", t.green
		if e.Status == runner.Changed {
			word, paint = "changed", t.yellow
		}
		line := word + ": " + host + item
		if e.Verbose && !e.NoLog {
			line += " => " + prettyJSON(t.shown(e))
		} else if t.o.Verbosity >= 1 {
			line += " => " + compactJSON(t.shown(e))
		}
		b.WriteString(paint.Sprint(line) + "\n")
		b.WriteString(t.changes(e, paint))
	case runner.Skipped:
		line := "skipping: " + host + item
		if e.Item {
			line += " "
		}
		if t.o.Verbosity >= 1 {
			line += " => " + compactJSON(t.shown(e))
		}
		b.WriteString(t.cyan.Sprint(line) + "\n")
	case runner.Failed:
		if e.Item {
			b.WriteString(t.red.Sprint("failed: "+host+" (item="+e.Label+") => "+compactJSON(t.shown(e))) + "\n")
		} else {
			b.WriteString(t.red.Sprint("fatal: "+host+": FAILED! => "+compactJSON(t.shown(e))) + "\n")
		}
		b.WriteString(t.detail(e))
	case runner.UnreachableHost:
		b.WriteString(t.red.Sprint("fatal: "+host+": UNREACHABLE! => "+compactJSON(t.shown(e))) + "\n")
		b.WriteString(t.detail(e))
	}
	if e.Text != "" && !e.NoLog {
		b.WriteString(strings.TrimRight(e.Text, "\n") + "\n")
	}
	if e.Ignored && !e.Item {
		b.WriteString(t.ignoring())
	}
	if w, ok := e.Result.Get("warnings"); ok && !e.NoLog {
		if list, ok := w.([]any); ok {
			about := e.Host + ": "
			if e.ForAll {
				about = ""
			}
			for _, x := range list {
				b.WriteString(t.magenta.Sprint("[WARNING]: "+about+value.Str(x)) + "\n")
			}
		}
	}
	t.print(b.String())
}

func (t *Terminal) ignoring() string { return t.cyan.Sprint("...ignoring") + "\n" }

// changes lists with -v what was done, or in check mode would be.
func (t *Terminal) changes(e runner.HostResult, paint *color.Color) string {
	if e.NoLog || e.Status != runner.Changed || t.o.Verbosity < 1 {
		return ""
	}
	var b strings.Builder
	for _, c := range e.Changes {
		b.WriteString(paint.Sprint("  + "+c) + "\n")
	}
	return b.String()
}

// detail is what helps to mend a failure: the command's own words, the place,
// the hint.
func (t *Terminal) detail(e runner.HostResult) string {
	if e.NoLog || e.Loop {
		return ""
	}
	var b strings.Builder
	if s := strings.TrimSpace(e.Stderr); s != "" {
		for l := range strings.SplitSeq(s, "\n") {
			b.WriteString(t.red.Sprint("  | "+l) + "\n")
		}
	}
	if e.Pos.Line > 0 && !e.Ignored {
		at := "  at " + e.Pos.String()
		if e.ForAll { // the first line names one all the same: it is Ansible's
			at += ", for all hosts, not only " + e.Host
		}
		b.WriteString(t.faint.Sprint(at) + "\n")
	}
	for l := range strings.SplitSeq(e.Hint, "\n") {
		if l != "" {
			b.WriteString(t.yellow.Sprint("  hint: "+l) + "\n")
		}
	}
	return b.String()
}

// shown is the part of a result that goes into its line.
func (t *Terminal) shown(e runner.HostResult) *value.Dict {
	d := value.NewDict()
	for k, v := range e.Result.All() {
		if e.Text != "" && t.o.Verbosity == 0 && k != "changed" && k != "msg" {
			continue // the text tells it in a way to be read
		}
		switch k {
		case "failed", "warnings":
			continue
		case "changed":
			if e.Verbose && t.o.Verbosity == 0 {
				continue
			}
		case "stderr", "stderr_lines":
			if e.Stderr != "" {
				continue // it stands below, as it is
			}
		case "stdout_lines":
			if s, _ := e.Result.Get("stdout"); s == "" {
				break
			}
		case "results":
			if e.Loop && e.Status != runner.Skipped {
				continue
			}
		}
		if e.Verbose && (k == "ansible_loop_var" || k == "ansible_index_var") {
			continue
		}
		d.Set(k, v)
	}
	if e.Item && e.Verbose {
		for _, k := range []string{"ansible_loop_var", "ansible_index_var"} {
			if name, ok := e.Result.Get(k); ok {
				d.Delete(name)
			}
		}
	}
	return d
}

func (t *Terminal) warning(e runner.Warning) {
	text := e.Text
	if e.Host != "" {
		text = e.Host + ": " + text
	}
	if e.Pos.Line > 0 {
		text = e.Pos.String() + ": " + text
	}
	t.print(t.magenta.Sprint("[WARNING]: "+text) + "\n")
}

func (t *Terminal) asyncPoll(e runner.AsyncPoll) {
	switch {
	case e.Failed:
		t.print(t.red.Sprintf("ASYNC FAILED on %s: jid=%s", e.Host, e.Job) + "\n")
	case e.Finished:
		t.print(t.green.Sprintf("ASYNC OK on %s: jid=%s", e.Host, e.Job) + "\n")
	default:
		t.print(t.cyan.Sprintf("ASYNC POLL on %s: jid=%s started=1 finished=0", e.Host, e.Job) + "\n")
	}
}

func (t *Terminal) recap(e runner.Recap) {
	var b strings.Builder
	b.WriteString(banner("PLAY RECAP"))
	for _, h := range e.Hosts {
		name := t.green
		switch {
		case h.Failed > 0 || h.Unreachable > 0:
			name = t.red
		case h.Changed > 0:
			name = t.yellow
		}
		count := func(c *color.Color, key string, n int) string {
			s := fmt.Sprintf("%s=%-4d", key, n)
			if n > 0 && c != nil {
				return c.Sprint(s)
			}
			return s
		}
		pad := strings.Repeat(" ", max(0, 26-width(h.Host)))
		b.WriteString(name.Sprint(h.Host) + pad + " : " + strings.Join([]string{
			count(t.green, "ok", h.OK), count(t.yellow, "changed", h.Changed), count(t.red, "unreachable", h.Unreachable),
			count(t.red, "failed", h.Failed), count(t.cyan, "skipped", h.Skipped), count(nil, "rescued", h.Rescued),
			count(t.cyan, "ignored", h.Ignored),
		}, " ") + "\n")
	}
	b.WriteString("\n")
	if t.o.Live || t.o.Timing {
		b.WriteString(t.faint.Sprint("took "+e.Elapsed.Round(10*time.Millisecond).String()) + "\n")
	}
	if t.o.Timing {
		b.WriteString(t.time.summary())
	}
	t.line.close()
	t.print(b.String())
}
