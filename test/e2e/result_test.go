package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// result is what a run of the program came to.
type result struct {
	t      *testing.T
	code   int
	out    string // stdout
	err    string // stderr
	recap  map[string]stats
	events []event
}

type stats struct {
	OK, Changed, Unreachable, Failed, Skipped, Rescued, Ignored int
}

// event is a line of --output json.
type event struct {
	Event   string
	Host    string
	Task    string
	Name    string
	Status  string
	At      string
	Changes []string
	Hint    string
	Stderr  string
	Text    string
	Result  map[string]any
	Hosts   json.RawMessage
}

// want fails the test unless the run ended with the code.
func (r result) want(code int) result {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("exit code %d, want %d\n%s", r.code, code, r.dump())
	}
	return r
}

// dump is the run for a failed test's log.
func (r result) dump() string {
	var b strings.Builder
	for _, e := range r.events {
		switch e.Event {
		case "task":
			b.WriteString("TASK " + e.Name + "\n")
		case "warning":
			b.WriteString("  WARNING " + e.Host + " " + e.Text + "\n")
		case "result":
			b.WriteString("  " + e.Host + " " + e.Status)
			if e.Status == "failed" || e.Status == "unreachable" {
				msg, _ := json.Marshal(e.Result)
				b.WriteString(" " + string(msg) + "\n    " + e.Stderr + "\n    hint: " + e.Hint)
			}
			for _, c := range e.Changes {
				b.WriteString("\n      + " + c)
			}
			b.WriteString("\n")
		}
	}
	return b.String() + r.err
}

// changed lists "HOST TASK" of all that changed.
func (r result) changed() []string {
	var all []string
	for _, e := range r.events {
		if e.Event == "result" && e.Status == "changed" {
			all = append(all, e.Host+" "+e.Task)
		}
	}
	n := 0
	for _, s := range r.recap {
		n += s.Changed
	}
	if n != len(all) {
		r.t.Errorf("the recap counts %d changes, and %d were told", n, len(all))
	}
	return all
}

// wantUnchanged fails the test if the run changed anything.
func (r result) wantUnchanged() result {
	r.t.Helper()
	if all := r.changed(); len(all) > 0 {
		r.t.Errorf("this should have changed nothing:\n  %s\n%s", strings.Join(all, "\n  "), r.dump())
	}
	return r
}

// changes lists what the tasks said that they changed, in order for each host.
func (r result) changes() map[string][]string {
	all := map[string][]string{}
	for _, e := range r.events {
		if e.Event != "result" {
			continue
		}
		for _, c := range e.Changes {
			all[e.Host] = append(all[e.Host], e.Task+": "+c)
		}
	}
	return all
}

// ran lists the tasks that came to a result on a host.
func (r result) ran(host string) (names []string) {
	for _, e := range r.events {
		if e.Event == "result" && e.Host == host {
			names = append(names, e.Task)
		}
	}
	return names
}

// text joins what tasks showed as it is.
func (r result) text() string {
	var b strings.Builder
	for _, e := range r.events {
		b.WriteString(e.Text)
	}
	return b.String()
}

// said is all that the run told of what is wrong: the messages of failed
// results, warnings, and the program's errors.
func (r result) said() string {
	var b strings.Builder
	for _, e := range r.events {
		if list, ok := e.Result["warnings"].([]any); ok {
			fmt.Fprintf(&b, "%s: warning: %v\n", e.Host, list)
		}
		switch {
		case e.Event == "result" && (e.Status == "failed" || e.Status == "unreachable"):
			msg, _ := e.Result["msg"].(string)
			fmt.Fprintf(&b, "%s: %s\n%s\n%s\n", e.Host, msg, e.Stderr, e.Hint)
		case e.Event == "warning":
			b.WriteString(e.Text + "\n")
		}
	}
	return b.String() + r.err
}

// says fails the test unless each of the texts was told.
func (r result) says(texts ...string) result {
	r.t.Helper()
	said := r.said()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			r.t.Errorf("it does not say %q:\n%s", text, said)
		}
	}
	return r
}

// showsCluster wants both tables: each member started, and one leader.
func (r result) showsCluster(members ...string) result {
	r.t.Helper()
	text := r.text()
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, line)
	}
	for _, m := range members {
		if !slices.ContainsFunc(lines, func(l string) bool {
			return strings.Contains(l, " "+m+" ") && strings.Contains(l, "started")
		}) {
			r.t.Errorf("%s is not shown as started:\n%s", m, text)
		}
	}
	if n := strings.Count(text, " started "); n != len(members) {
		r.t.Errorf("%d members are started, want %d:\n%s", n, len(members), text)
	}
	if n := strings.Count(text, "|      true |"); n != 1 {
		r.t.Errorf("%d leaders in the tables:\n%s", n, text)
	}
	if r.t.Failed() {
		r.t.Log(r.dump())
	}
	return r
}
