package runner_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner"
	"github.com/etcdplay/etcdplay/runner/action"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// A trace is what modules did, in order.
type trace struct {
	mu    sync.Mutex
	lines []string
}

func (t *trace) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line)
}

// step is a module that tells what the runner asks of it.
type step struct {
	Fail   bool   `arg:"fail" doc:"Fail on this host"`
	Order_ string `arg:"order" default:"parallel" doc:"parallel, sequential or once"`
	trace  *trace
}

func (s *step) Doc() tasks.Doc { return tasks.Doc{Summary: "test"} }
func (s *step) Order() tasks.Order {
	return map[string]tasks.Order{"parallel": tasks.Parallel, "sequential": tasks.Sequential, "once": tasks.Once}[s.Order_]
}

func (s *step) Gather(_ context.Context, t *tasks.Target) (any, error) {
	s.trace.add("gather " + t.Host.Name)
	return "told by " + t.Host.Name, nil
}

func (s *step) Run(_ context.Context, t *tasks.Target) (tasks.Result, error) {
	var peers []string
	for _, p := range t.Peers {
		if p.Gathered != "told by "+p.Name || p.Conn == nil {
			return tasks.Result{}, tasks.Failf("%s is not known well: %v", p.Name, p.Gathered)
		}
		peers = append(peers, p.Name)
	}
	s.trace.add("run " + t.Host.Name + " with " + strings.Join(peers, ","))
	if s.Fail {
		return tasks.Result{}, tasks.Failf("as asked")
	}
	return tasks.Result{Changed: true}, nil
}

// sequential and once are step with another order before its arguments are known.
type sequential struct{ step }

func (*sequential) Order() tasks.Order { return tasks.Sequential }

// settler is sequential, and has nothing to do on the hosts that it names.
type settler struct {
	sequential
	Settled_ []string `arg:"settled" doc:"hosts"`
}

func (s *settler) Settled(t *tasks.Target) bool { return slices.Contains(s.Settled_, t.Host.Name) }

func (s *settler) Confirm(_ context.Context, t *tasks.Target) (tasks.Result, error) {
	s.trace.add("confirm " + t.Host.Name)
	return tasks.Result{}, nil
}

type once struct{ step }

func (*once) Order() tasks.Order { return tasks.Once }

// nowhere connects to hosts that do nothing; those named in down can't be reached.
type nowhere struct{ down []string }

func (n nowhere) Connect(_ context.Context, s runner.Settings) (tasks.Conn, error) {
	if slices.Contains(n.down, s.Host) {
		return nil, &tasks.Unreachable{Host: s.Host, Msg: "it is down"}
	}
	return idle{}, nil
}
func (nowhere) Reset(string) {}
func (nowhere) Close() error { return nil }

type idle struct{}

func (idle) Exec(context.Context, tasks.Command) (script.Output, error) { return script.Output{}, nil }
func (idle) Put(context.Context, io.Reader, string, fs.FileMode) error  { return errors.ErrUnsupported }
func (idle) Get(context.Context, string, io.Writer) error               { return errors.ErrUnsupported }
func (idle) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}
func (idle) Close() error { return nil }

// record keeps the events of a run.
type record struct{ events []runner.Event }

func (r *record) Report(e runner.Event) { r.events = append(r.events, e) }

// statuses lists HOST: STATUS of all results.
func (r *record) statuses() []string {
	var out []string
	for _, e := range r.events {
		if h, ok := e.(runner.HostResult); ok {
			out = append(out, h.Host+": "+[]string{"ok", "changed", "skipped", "failed", "unreachable"}[h.Status])
		}
	}
	slices.Sort(out)
	return out
}

type catalog struct{ *tasks.Registry }

func (c catalog) Lookup(name string) (playbooks.Spec, bool) {
	if _, ok := c.New(name); !ok {
		return playbooks.Spec{}, false
	}
	return playbooks.SpecOf(func() any { m, _ := c.New(name); return m }), true
}

// interrupting is an operation of two steps, with Ctrl-C in the first.
type interrupting struct {
	once
	ctrlC func()
}

func (m *interrupting) Run(_ context.Context, t *tasks.Target) (tasks.Result, error) {
	for _, step := range []string{"first", "second"} {
		select {
		case <-t.Interrupted:
			return tasks.Result{}, tasks.Failf("stopped")
		default:
			m.trace.add(step)
			m.ctrlC()
		}
	}
	return tasks.Result{}, nil
}

// play runs a playbook on h1, h2 and h3 with the modules of this file.
func play(t *testing.T, text, limit string, down ...string) (*trace, *record, int) {
	t.Helper()
	ctrlC := make(chan struct{})
	file := filepath.Join(t.TempDir(), "play.yml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	tr, rec := &trace{}, &record{}
	reg := tasks.NewRegistry(map[string]func() tasks.Module{
		"step":       func() tasks.Module { return &step{trace: tr} },
		"sequential": func() tasks.Module { return &sequential{step{trace: tr}} },
		"settler":    func() tasks.Module { return &settler{sequential: sequential{step{trace: tr}}} },
		"once":       func() tasks.Module { return &once{step{trace: tr}} },
		"interrupting": func() tasks.Module {
			return &interrupting{once: once{step{trace: tr}}, ctrlC: sync.OnceFunc(func() { close(ctrlC) })}
		},
	})
	loader := playbooks.NewLoader(playbooks.Options{Catalog: catalog{reg}})
	plays, err := loader.Load(t.Context(), []string{file})
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(t.Context(), []string{"h1,h2,h3"}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	code, err := runner.New(runner.Config{
		Plays: plays, Loader: loader, Inventory: inv, Tasks: reg, Actions: action.Builtin(),
		Connector: nowhere{down}, Reporter: rec, Limit: limit, Interrupted: ctrlC,
	}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tr, rec, code
}

func head(task string) string {
	return "- hosts: all\n  gather_facts: false\n  tasks:\n    - " + task + "\n"
}

func TestEverybodyIsAskedBeforeAnybodyRuns(t *testing.T) {
	tr, _, code := play(t, head("step: {}"), "")
	if code != 0 || len(tr.lines) != 6 {
		t.Fatalf("code %d, %q", code, tr.lines)
	}
	for _, l := range tr.lines[:3] {
		if !strings.HasPrefix(l, "gather ") {
			t.Errorf("%q came before everybody was asked: %q", l, tr.lines)
		}
	}
}

func TestSequentialStopsAtTheFirstFailure(t *testing.T) {
	tr, rec, code := play(t, head(`sequential: {fail: "{{ inventory_hostname == 'h2' }}"}`), "")
	if diff := cmp.Diff([]string{"run h1 with h1,h2,h3", "run h2 with h1,h2,h3"}, tr.lines[3:]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"h1: changed", "h2: failed", "h3: failed"}, rec.statuses()); diff != "" || code != 2 {
		t.Errorf("code %d (-want +got):\n%s", code, diff)
	}
}

// An operation is told of Ctrl-C while it runs, and nothing comes after it.
func TestOnceHearsOfCtrlC(t *testing.T) {
	tr, rec, code := play(t, head("interrupting: {}\n    - step: {}"), "")
	if diff := cmp.Diff([]string{"first"}, tr.lines[3:]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"h1: failed"}, rec.statuses()); diff != "" || code != 99 {
		t.Errorf("code %d (-want +got):\n%s", code, diff)
	}
}

func TestOnceRunsOnTheFirstHost(t *testing.T) {
	tr, rec, code := play(t, head("once: {}"), "")
	if diff := cmp.Diff([]string{"run h1 with h1,h2,h3"}, tr.lines[3:]); diff != "" || code != 0 {
		t.Errorf("code %d (-want +got):\n%s", code, diff)
	}
	if diff := cmp.Diff([]string{"h1: changed"}, rec.statuses()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHostsLeftOutByLimitAreAskedAndNotChanged(t *testing.T) {
	tr, rec, code := play(t, head("sequential: {}"), "h2")
	asked := slices.Clone(tr.lines[:3])
	slices.Sort(asked)
	if diff := cmp.Diff([]string{"gather h1", "gather h2", "gather h3"}, asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"run h2 with h1,h2,h3"}, tr.lines[3:]); diff != "" || code != 0 {
		t.Errorf("code %d (-want +got):\n%s", code, diff)
	}
	if diff := cmp.Diff([]string{"h2: changed"}, rec.statuses()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What vars_files say counts for them, too.
func TestHostsLeftOutByLimitHaveVarsFiles(t *testing.T) {
	vars := filepath.Join(t.TempDir(), "vars.yml")
	if err := os.WriteFile(vars, []byte("order: sequential\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tr, _, code := play(t, "- hosts: all\n  gather_facts: false\n  vars_files: "+vars+"\n  tasks:\n    - sequential: {order: \"{{ order }}\"}\n", "h2")
	if want := "run h2 with h1,h2,h3"; code != 0 || !slices.Contains(tr.lines, want) {
		t.Errorf("code %d, %q, want %s", code, tr.lines, want)
	}
}

func TestAHostThatIsDownIsNoPeer(t *testing.T) {
	tr, rec, code := play(t, head("step: {}"), "", "h2")
	for _, l := range tr.lines {
		if strings.Contains(l, "h2") {
			t.Errorf("h2 is down: %q", l)
		}
	}
	if diff := cmp.Diff([]string{"h1: changed", "h2: unreachable", "h3: changed"}, rec.statuses()); diff != "" || code != 4 {
		t.Errorf("code %d (-want +got):\n%s", code, diff)
	}
}

// Hosts need no turn where none has anything to do; one that has brings all
// their turns back.
func TestSettledHostsAreConfirmed(t *testing.T) {
	for settled, want := range map[string][]string{
		"[h1, h2, h3]": {"confirm h1", "confirm h2", "confirm h3"},
		"[h1, h3]":     {"run h1 with h1,h2,h3", "run h2 with h1,h2,h3", "run h3 with h1,h2,h3"},
	} {
		tr, _, code := play(t, head("settler: {settled: "+settled+"}"), "")
		got := slices.DeleteFunc(slices.Clone(tr.lines), func(l string) bool { return strings.HasPrefix(l, "gather ") })
		slices.Sort(got)
		if code != 0 || !slices.Equal(got, want) {
			t.Errorf("settled %s: code %d, %q", settled, code, got)
		}
	}
	tr, _, code := play(t, head("settler: {settled: [h1, h2, h3]}"), "", "h3")
	if code == 0 || slices.ContainsFunc(tr.lines, func(l string) bool { return strings.HasPrefix(l, "confirm ") }) {
		t.Errorf("h3 is down, but: code %d, %q", code, tr.lines)
	}
}

// A host that is down before a sequential task stops it: launching the others
// could leave a cluster that nobody asked for.
func TestSequentialDoesNotBeginWithoutEverybody(t *testing.T) {
	tr, rec, code := play(t, head("sequential: {}"), "", "h3")
	if len(tr.lines) != 2 {
		t.Errorf("it began: %q", tr.lines)
	}
	if diff := cmp.Diff([]string{"h1: failed", "h2: failed", "h3: unreachable"}, rec.statuses()); diff != "" || code != 4 {
		t.Errorf("code %d (-want +got):\n%s", code, diff)
	}
}

// An empty address would dial this machine.
func TestAnEmptyAddressIsRefused(t *testing.T) {
	text := "- hosts: all\n  gather_facts: false\n  vars: {ansible_host: ''}\n  tasks:\n    - step: {}\n"
	tr, rec, code := play(t, text, "")
	if code == 0 || len(tr.lines) != 0 {
		t.Errorf("code %d, did %q", code, tr.lines)
	}
	for _, s := range rec.statuses() {
		if !strings.HasSuffix(s, ": failed") {
			t.Error(s)
		}
	}
}

func TestFreeRefusesWhatNeedsAllHosts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "play.yml")
	text := "- hosts: all\n  strategy: free\n  gather_facts: false\n  tasks:\n    - block:\n        - sequential: {}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	reg := tasks.NewRegistry(map[string]func() tasks.Module{
		"sequential": func() tasks.Module { return &sequential{step{trace: &trace{}}} },
	})
	loader := playbooks.NewLoader(playbooks.Options{Catalog: catalog{reg}})
	plays, err := loader.Load(t.Context(), []string{file})
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(t.Context(), []string{"h1,h2"}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = runner.New(runner.Config{
		Plays: plays, Loader: loader, Inventory: inv, Tasks: reg, Actions: action.Builtin(), Connector: nowhere{}, Reporter: &record{},
	}).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "play.yml:6:11") {
		t.Errorf("got %v", err)
	}
}
