package playbooks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"gopkg.in/yaml.v3"
)

// playNames are what the parts of a play know of each other: the handlers
// that its tasks may notify, and the roles that it has used. Includes add to
// it while the play runs.
type playNames struct {
	mu       sync.Mutex
	roles    map[string]*Role // the first use of each, by identity
	names    map[string]source.Pos
	topics   map[string]bool
	patterns []*regexp.Regexp // of names with templates
	open     bool             // some are known at run time only
}

// A notification is a name that a task notifies.
type notification struct {
	play *Play
	at   source.Pos
	name string
}

// notify reads the names to notify.
func (s *scope) notify(e entry) []*Value {
	n := resolve(e.node)
	if isNull(n) {
		return nil
	}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var out []*Value
	for _, it := range items {
		v := s.value(it)
		if v == nil {
			continue
		}
		if p := text.check(v.raw); p != "" {
			if !bareTemplate(it) {
				s.errorf(v.Pos, "notify must name a handler, or be a list of names, not %s", kindOf(it))
			}
			continue
		}
		if name, ok := v.raw.(string); ok && !v.dynamic {
			s.notified = append(s.notified, notification{s.play, v.Pos, name})
		}
		out = append(out, v)
	}
	return out
}

// addHandler makes a handler known to its play.
func (s *scope) addHandler(t *Task) {
	set := s.play.known
	set.mu.Lock()
	defer set.mu.Unlock()
	for _, topic := range t.Listen {
		set.topics[topic] = true
	}
	if t.Action == "include_tasks" || t.Action == "include_role" {
		set.open = set.open || t.Args.Dynamic() || t.FreeForm.Dynamic()
	}
	if t.Name == nil {
		if len(t.Listen) == 0 {
			s.warnf(t.Pos, "give it a name, or something to listen to", "nothing can notify this handler")
		}
		return
	}
	name, _ := t.Name.raw.(string)
	if name == "" {
		name = fmt.Sprint(t.Name.raw)
	}
	if t.Name.dynamic {
		set.patterns = append(set.patterns, pattern(name))
		return
	}
	if first, twice := set.names[name]; twice && first != t.Name.Pos {
		s.errorf(t.Name.Pos, "there are two handlers %q", name).
			WithHint("the other stands at %s: rename one, or let both listen to a name", first)
		return
	}
	set.names[name] = t.Name.Pos
	if s.role != nil {
		set.topics[s.role.RoleName+" : "+name] = true
	}
}

// leaveOpen says that there may be handlers that are not known yet.
func (k *playNames) leaveOpen() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open = true
}

var templateParts = regexp.MustCompile(`(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}`)

// pattern matches what a name with templates may become.
func pattern(name string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	for i, part := range templateParts.Split(name, -1) {
		if i > 0 {
			b.WriteString(`.*`)
		}
		b.WriteString(regexp.QuoteMeta(part))
	}
	b.WriteString(`$`)
	return regexp.MustCompile(b.String())
}

func (k *playNames) has(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.names[name]; ok || k.topics[name] || k.open {
		return true
	}
	return slices.ContainsFunc(k.patterns, func(p *regexp.Regexp) bool { return p.MatchString(name) })
}

func (k *playNames) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var names []string
	for n := range k.names {
		names = append(names, n)
	}
	for n := range k.topics {
		if !strings.Contains(n, " : ") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// firstUse returns the earlier use of the same role, or nil for the first one.
func (k *playNames) firstUse(r *Role) *Role {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := r.identity()
	if first := k.roles[id]; first != nil {
		return first
	}
	k.roles[id] = r
	return nil
}

// checkNotified refuses names that no handler has.
func (p *parse) checkNotified() {
	for _, n := range p.notified {
		if n.play == nil || n.play.known.has(n.name) {
			continue
		}
		e := p.errorf(n.at, "there is no handler %q", n.name)
		all := n.play.known.all()
		switch e.Hint = source.DidYouMean(n.name, all); {
		case e.Hint != "":
		case len(all) == 0:
			e.Hint = "this play has no handlers: add one below handlers:"
		case len(all) <= 8:
			e.Hint = "this play has " + strings.Join(all, ", ")
		}
	}
}

// isStatic reports whether a text is known before the run.
func isStatic(v *Value) (string, bool) {
	if v == nil || v.dynamic {
		return "", false
	}
	t, ok := v.raw.(string)
	return t, ok && !jinja.IsTemplate(t)
}
