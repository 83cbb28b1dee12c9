package report

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/runner"
)

// timing adds up where the time went.
type timing struct {
	tasks map[string]*spent
	hosts map[string]*spent
	order []string
	open  string
	since time.Time
}

type spent struct {
	name string
	took time.Duration
}

func newTiming() timing {
	return timing{tasks: map[string]*spent{}, hosts: map[string]*spent{}}
}

// note reads an event.
func (t *timing) note(e runner.Event) {
	switch e := e.(type) {
	case runner.TaskStart:
		t.end()
		t.open, t.since = e.Name, time.Now()
	case runner.Recap:
		t.end()
	case runner.HostResult:
		if !e.Loop {
			add(t.hosts, e.Host, e.Elapsed)
		}
	}
}

func (t *timing) end() {
	if t.open != "" {
		add(t.tasks, t.open, time.Since(t.since))
	}
	t.open = ""
}

func add(to map[string]*spent, name string, d time.Duration) {
	if to[name] == nil {
		to[name] = &spent{name: name}
	}
	to[name].took += d
}

// shown is how many tasks and hosts the summary names.
const shown = 10

func (t *timing) summary() string {
	var b strings.Builder
	for _, part := range []struct {
		title string
		of    map[string]*spent
	}{{"slowest tasks", t.tasks}, {"slowest hosts (time in tasks)", t.hosts}} {
		var all []*spent
		for _, s := range part.of {
			all = append(all, s)
		}
		sort.Slice(all, func(i, j int) bool { return all[i].took > all[j].took })
		fmt.Fprintf(&b, "%s\n", part.title)
		for _, s := range all[:min(shown, len(all))] {
			fmt.Fprintf(&b, "  %8s  %s\n", s.took.Round(time.Millisecond), s.name)
		}
	}
	return b.String()
}
