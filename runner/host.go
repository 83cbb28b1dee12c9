package runner

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
)

// A host is what the run knows of one inventory host.
type host struct {
	name     string
	implicit bool // localhost that stands in no inventory

	mu       sync.Mutex
	facts    *value.Dict    // ansible_facts, names without "ansible_"
	set      map[string]any // set_fact and register
	included written
	notified []*playbooks.Task // handlers to run, in the order of notification
	stats    HostStats

	failure  atomic.Pointer[failure]             // it failed in this play and nothing has rescued it
	rescuing atomic.Pointer[failure]             // what the rescue section that it is in is about
	out      atomic.Bool                         // it takes no more part in this play (end_host, end_play)
	gone     atomic.Bool                         // unreachable: no more part in the run
	inPlay   bool                                // it takes part in the present play: --limit and earlier failures heeded
	failed   bool                                // it failed in an earlier play: no more part in later ones
	ranRole  map[*playbooks.Role]*playbooks.Role // by the first of its uses, the use of a role that ran
}

// failure is what a rescue section may ask about.
type failure struct {
	task   *playbooks.Task
	result *value.Dict
	quiet  bool // it failed only because another host did: not counted
}

// active hosts go on to the next task.
func (h *host) active() bool { return h.failing() == nil && !h.out.Load() && !h.gone.Load() }

// failing is the host's failure in this play, or nil.
func (h *host) failing() *failure { return h.failure.Load() }

func (h *host) fail(f *failure) { h.failure.Store(f) }

// takeFailure clears the failure and returns it.
func (h *host) takeFailure() *failure { return h.failure.Swap(nil) }

func (h *host) getVar(name string) (any, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.set[name]
	return v, ok
}

func (h *host) notify(t *playbooks.Task) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.notified, t) {
		h.notified = append(h.notified, t)
	}
}

// takeNotified reports whether a handler waits on the host, and takes it off.
func (h *host) takeNotified(t *playbooks.Task) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.Index(h.notified, t)
	if i < 0 {
		return false
	}
	h.notified = slices.Delete(h.notified, i, i+1)
	return true
}

// ran remembers which use of a role a task has run in.
func (h *host) ran(t *playbooks.Task) {
	if t.Role == nil || t.Handler {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ranRole == nil {
		h.ranRole = map[*playbooks.Role]*playbooks.Role{}
	}
	if first := t.Role.First(); h.ranRole[first] == nil {
		h.ranRole[first] = t.Role
	}
}

// repeats reports whether a task's role has run already, in another use.
func (h *host) repeats(t *playbooks.Task) bool {
	if t.Role == nil || t.Role.AllowDuplicates || t.Handler {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	use := h.ranRole[t.Role.First()]
	return use != nil && use != t.Role
}

func (h *host) setVar(name string, v any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.set[name] = v
}

func (h *host) setFact(name string, v any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	// Copy: templates on other goroutines may be reading the old one.
	facts := h.facts.Clone()
	facts.Set(name, v)
	h.facts = facts
}

func (h *host) vars() (set finals, facts *value.Dict, included written) {
	h.mu.Lock()
	defer h.mu.Unlock()
	set = make(finals, len(h.set))
	for k, v := range h.set {
		set[k] = v
	}
	return set, h.facts, h.included
}

func (h *host) count(f func(*HostStats)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.stats)
}

func activeOf(hosts []*host) []*host {
	var on []*host
	for _, h := range hosts {
		if h.active() {
			on = append(on, h)
		}
	}
	return on
}

func hostNames(hosts []*host) []string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.name
	}
	return names
}

// enter makes the host ready for a play.
func (h *host) enter() {
	h.failure.Store(nil)
	h.rescuing.Store(nil)
	h.out.Store(false)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notified = nil
}

// addFacts takes facts in, whose names may or may not begin with "ansible_".
func (h *host) addFacts(facts *value.Dict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.facts.Clone()
	for k, v := range facts.All() {
		if s, ok := k.(string); ok {
			k = strings.TrimPrefix(s, "ansible_")
		}
		all.Set(k, v)
	}
	h.facts = all
}

func (h *host) clearFacts() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.facts = value.NewDict()
}
