package runner

import (
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// secrets are the texts that must not be told.
type secrets struct {
	mu       sync.Mutex
	texts    map[string]bool
	replacer *strings.Replacer // nil: none
}

// shortest is the length from which a secret is searched for: a shorter one
// would blot out half of every line and hide nothing.
const shortest = 4

func newSecrets() *secrets { return &secrets{texts: map[string]bool{}} }

func (s *secrets) add(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range texts {
		if len(t) >= shortest && !s.texts[t] {
			s.texts[t] = true
			s.replacer = nil
		}
	}
}

func (s *secrets) current() *strings.Replacer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.replacer == nil && len(s.texts) > 0 {
		var all []string
		for t := range s.texts {
			all = append(all, t)
		}
		// The longest first, so that no part of one is left over.
		sort.Slice(all, func(i, j int) bool { return len(all[i]) > len(all[j]) })
		var pairs []string
		for _, t := range all {
			pairs = append(pairs, t, "********")
		}
		s.replacer = strings.NewReplacer(pairs...)
	}
	return s.replacer
}

// learnPasswords makes secrets of the passwords that the inventory and the
// command line give as they are, before anything is told. Those that templates
// give are learned when they are filled in.
func (r *Run) learnPasswords() {
	names := slices.Concat(passwordVars, becomePass)
	for _, h := range r.cfg.Inventory.Hosts() {
		vars := r.cfg.Inventory.Vars(h)
		for _, n := range names {
			if v, ok := vars.Get(n); ok && !mayHoldTemplate(v.Value) {
				r.secrets.add(value.Str(v.Value))
			}
		}
	}
	for _, v := range r.cfg.Extra {
		if slices.Contains(names, v.Name) && !v.Value.Dynamic() {
			r.secrets.add(value.Str(v.Value.Raw()))
		}
	}
}

// redact takes the secrets out of an event.
func (s *secrets) redact(e Event) Event {
	rep := s.current()
	if rep == nil {
		return e
	}
	clean := rep.Replace
	switch x := e.(type) {
	case HostResult:
		x.Result = redactDict(x.Result, clean)
		x.Text, x.Stderr, x.Hint, x.Label = clean(x.Text), clean(x.Stderr), clean(x.Hint), clean(x.Label)
		x.Task = clean(x.Task)
		x.Changes = redactAll(x.Changes, clean)
		diffs := make([]tasks.Diff, len(x.Diffs))
		for i, d := range x.Diffs {
			d.Before, d.After = clean(d.Before), clean(d.After)
			d.BeforeHeader, d.AfterHeader = clean(d.BeforeHeader), clean(d.AfterHeader)
			diffs[i] = d
		}
		x.Diffs = diffs
		return x
	case Retry:
		x.Result = redactDict(x.Result, clean)
		x.Task = clean(x.Task)
		return x
	case TaskStart:
		x.Name = clean(x.Name)
		return x
	case PlayStart:
		x.Name = clean(x.Name)
		return x
	case Progress:
		x.Text, x.Task = clean(x.Text), clean(x.Task)
		return x
	case Warning:
		x.Text = clean(x.Text)
		return x
	case Included:
		x.File, x.Label = clean(x.File), clean(x.Label)
		return x
	}
	return e
}

func redactAll(in []string, clean func(string) string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = clean(s)
	}
	return out
}

func redactDict(d *value.Dict, clean func(string) string) *value.Dict {
	if d == nil {
		return nil
	}
	out := value.NewDict()
	for k, v := range d.All() {
		if s, ok := k.(string); ok {
			k = clean(s)
		}
		out.Set(k, redactValue(v, clean))
	}
	return out
}

func redactValue(v any, clean func(string) string) any {
	switch x := v.(type) {
	case string:
		return clean(x)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = redactValue(e, clean)
		}
		return out
	case *value.Dict:
		return redactDict(x, clean)
	}
	return v
}
