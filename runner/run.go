// Package runner says when and where things happen: it takes plays over the
// hosts of an inventory, concurrently where a task allows it and in order
// where it does not, and tells what happens as events.
package runner

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner/action"
	"github.com/etcdplay/etcdplay/tasks"
)

// Config is what a run needs. Zero values are usable where a field says so.
type Config struct {
	Plays     []*playbooks.Play
	Loader    *playbooks.Loader
	Inventory *inventory.Inventory
	Tasks     *tasks.Registry
	Actions   *action.Registry
	Connector Connector
	Reporter  Reporter

	Defaults    Settings      // what flags say of connections; variables win over it
	Forks       int           // hosts worked on at a time
	Timeout     time.Duration // of a task without `timeout:`; 0: none
	Check, Diff bool
	Verbosity   int
	Only, Skip  []string // tags
	Limit       string   // a host pattern, "" for all
	Extra       []playbooks.Var
	StartAt     string // the name of the first task to run, "" for the first
	CacheDir    string // for downloads

	// Step asks before each task; nil: does not ask.
	Step func(ctx context.Context, task string) (StepAnswer, error)
	// Prompt asks the user; nil: there is nobody to ask. The answer is false
	// when there is no terminal.
	Prompt func(ctx context.Context, text string, secret bool) (string, bool, error)
	// ReadFile reads a file of the controller, decrypted if it is vaulted.
	ReadFile func(name string) ([]byte, error)
	// Seal encrypts what a task keeps secret on the controller; nil: nothing
	// encrypts it.
	Seal func(text []byte) ([]byte, error)
	// OnChange is told of each change to a host before it is made; nil: nobody
	// asks. It may be called from several goroutines.
	OnChange func(what string)
	// Interrupted is closed at the first Ctrl-C: no new task starts.
	Interrupted <-chan struct{}
}

// StepAnswer is what a user says to --step.
type StepAnswer int

// The answers.
const (
	StepRun      StepAnswer = iota
	StepSkip                // not this one
	StepContinue            // run all from here
)

// Exit codes of a run, as Ansible has them.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitFailed      = 2  // a host failed
	ExitUnreachable = 4  // a host could not be reached
	ExitOptions     = 5  // the command line is wrong
	ExitInterrupted = 99 // Ctrl-C
	ExitKilled      = 130
)

// A Run is one run of playbooks.
type Run struct {
	cfg     Config
	hosts   map[string]*host
	secrets *secrets
	session tasks.Session
	content content
	mu      sync.Mutex // guards hosts and jobs
	jobs    map[string]*job

	events  chan Event
	drained chan struct{}

	started     time.Time
	ended       bool // a batch failed whole: nothing more runs
	interrupted bool
	startAt     string
	step        bool
	told        sync.Map // warnings
	rawVars     sync.Map // of inventory variables: compiled once
}

// New prepares a run.
func New(cfg Config) *Run {
	if cfg.Forks <= 0 {
		cfg.Forks = 50
	}
	return &Run{cfg: cfg, hosts: map[string]*host{}, secrets: newSecrets(), jobs: map[string]*job{},
		startAt: cfg.StartAt, step: cfg.Step != nil}
}

// Secret takes a text out of everything that the run tells from now on.
func (r *Run) Secret(text string) { r.secrets.add(text) }

// Run runs the plays and returns the exit code. The error is one that no
// event has told: the plays could not be begun.
func (r *Run) Run(ctx context.Context) (int, error) {
	if err := r.checkHosts(); err != nil {
		return ExitUnreachable, err
	}
	r.learnPasswords()
	r.started = time.Now()
	r.events, r.drained = make(chan Event, 256), make(chan struct{})
	go func() {
		defer close(r.drained)
		for e := range r.events {
			r.cfg.Reporter.Report(r.secrets.redact(e))
		}
	}()
	var err error
	for _, p := range r.cfg.Plays {
		if err = r.play(ctx, p); err != nil || r.ended || r.stopping(ctx) {
			break
		}
	}
	r.waitJobs(ctx)
	if err := r.session.Close(); err != nil {
		r.warn(source.Pos{}, "", err.Error())
	}
	if err == nil && r.startAt != "" && !r.interrupted {
		err = fmt.Errorf("--start-at-task: no task is named %q: nothing was done", r.startAt)
	}
	r.lostHandlers()
	r.emit(r.recap())
	close(r.events)
	<-r.drained
	return r.exitCode(ctx, err), err
}

// stopping reports whether no new task is to start.
func (r *Run) stopping(ctx context.Context) bool {
	if ctx.Err() != nil {
		r.setInterrupted()
		return true
	}
	select {
	case <-r.cfg.Interrupted:
		r.setInterrupted()
		return true
	default:
		return false
	}
}

func (r *Run) setInterrupted() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interrupted = true
}

func (r *Run) emit(e Event) { r.events <- e }

func (r *Run) warn(at source.Pos, host, text string) {
	r.emit(Warning{Pos: at, Host: host, Text: text})
}

// warnOnce warns of something at a place, once in a run.
func (r *Run) warnOnce(at source.Pos, text string) {
	if _, told := r.told.LoadOrStore(at.String()+text, true); !told {
		r.warn(at, "", text)
	}
}

// host returns the run's record of an inventory host.
func (r *Run) host(name string) *host {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.hosts[name]
	if h == nil {
		h = &host{name: name, facts: value.NewDict(), set: map[string]any{}, stats: HostStats{Host: name}}
		if ih := r.cfg.Inventory.Host(name); ih != nil {
			h.implicit = ih.Implicit
		}
		r.hosts[name] = h
	}
	return h
}

func (r *Run) recap() Recap {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := Recap{Elapsed: time.Since(r.started), Check: r.cfg.Check}
	for _, h := range r.hosts {
		if h.stats != (HostStats{Host: h.name}) {
			rec.Hosts = append(rec.Hosts, h.stats)
		}
	}
	sort.Slice(rec.Hosts, func(i, j int) bool { return rec.Hosts[i].Host < rec.Hosts[j].Host })
	return rec
}

func (r *Run) exitCode(ctx context.Context, err error) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	code := ExitOK
	for _, h := range r.hosts {
		switch {
		case h.stats.Unreachable > 0:
			code = ExitUnreachable
		case h.stats.Failed > 0 && code == ExitOK:
			code = ExitFailed
		}
	}
	switch {
	case ctx.Err() != nil:
		return ExitKilled
	case r.interrupted:
		return ExitInterrupted
	case err != nil && code == ExitOK:
		return ExitError
	}
	return code
}

func (r *Run) lostHandlers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range sortedNames(r.hosts) {
		h := r.hosts[name]
		if len(h.notified) == 0 {
			continue
		}
		var names []string
		for _, t := range h.notified {
			names = append(names, t.Label())
		}
		r.emit(HandlersLost{Host: name, Handlers: names})
	}
}

func sortedNames(m map[string]*host) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
