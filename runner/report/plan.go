package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/runner"
	"github.com/etcdplay/etcdplay/tasks"
)

// Plan shows what a run in check mode would do, as numbered steps:
//
//  1. peer1, peer2, peer3: unpack etcd-v3.7.3-linux-amd64
//  2. peer2: restart etcd: its command line has changed (3 of 3 voters healthy, 1 may fail; …)
//
// Hosts that a task would change in the same way share a step.
type Plan struct {
	w     io.Writer
	t     *Terminal
	order func(action string) tasks.Order
	task  runner.TaskStart
	steps []step // of the task that runs now
	n     int
}

type step struct {
	hosts []string
	what  string
}

// NewPlan makes a Plan reporter. order tells how a task goes over its hosts.
func NewPlan(w io.Writer, o Options, order func(action string) tasks.Order) *Plan {
	o.Live = false
	return &Plan{w: w, t: NewTerminal(w, o), order: order}
}

// Report shows an event (runner.Reporter).
func (p *Plan) Report(e runner.Event) {
	switch e := e.(type) {
	case runner.PlayStart:
		p.flush()
	case runner.TaskStart:
		p.flush()
		p.task = e
	case runner.HostResult:
		p.result(e)
	case runner.Recap:
		p.flush()
		p.end(e)
	case runner.Warning, runner.NoHosts:
		p.flush()
		p.t.Report(e)
	}
}

func (p *Plan) result(e runner.HostResult) {
	failed := e.Status == runner.Failed || e.Status == runner.UnreachableHost
	if failed && !e.Ignored && !e.Rescued {
		p.flush()
		p.t.Report(e)
		return
	}
	if e.Loop || e.Status != runner.Changed {
		return
	}
	changes := e.Changes
	if len(changes) == 0 || e.NoLog {
		changes = []string{p.task.Name}
	}
	for _, c := range changes {
		p.add(e.Host, c)
	}
}

// add puts a change where the same one is planned for another host, unless one
// host comes after another.
func (p *Plan) add(host, what string) {
	for i, s := range p.steps {
		if s.what == what && p.order(p.task.Action) == tasks.Parallel && !slices.Contains(s.hosts, host) {
			p.steps[i].hosts = append(s.hosts, host)
			return
		}
	}
	p.steps = append(p.steps, step{[]string{host}, what})
}

func (p *Plan) flush() {
	if len(p.steps) > 0 {
		fmt.Fprintf(p.w, "%s\n", p.t.cyan.Sprint(p.task.Name))
	}
	for i := range p.steps {
		slices.Sort(p.steps[i].hosts)
	}
	if p.order(p.task.Action) == tasks.Parallel { // they came as they were ready
		slices.SortStableFunc(p.steps, func(a, b step) int {
			return cmp.Or(cmp.Compare(len(b.hosts), len(a.hosts)), slices.Compare(a.hosts, b.hosts))
		})
	}
	for _, s := range p.steps {
		p.n++
		where := strings.Join(s.hosts, ", ") + ": "
		if p.order(p.task.Action) == tasks.Once { // for all hosts, wherever it happens to run
			where = ""
		}
		fmt.Fprintf(p.w, "%4d. %s%s\n", p.n, where, strings.ReplaceAll(s.what, "\n", "\n      "))
	}
	p.steps = nil
}

func (p *Plan) end(e runner.Recap) {
	for _, h := range e.Hosts {
		if h.Failed > 0 || h.Unreachable > 0 {
			fmt.Fprintln(p.w, p.t.red.Sprint("\nIt would be refused here; nothing was changed."))
			return
		}
	}
	switch p.n {
	case 0:
		fmt.Fprintln(p.w, p.t.green.Sprint("Nothing is to be done."))
	case 1:
		fmt.Fprintln(p.w, "\n1 step. Nothing was changed.")
	default:
		fmt.Fprintf(p.w, "\n%d steps. Nothing was changed.\n", p.n)
	}
}
