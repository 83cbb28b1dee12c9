package playbooks

import (
	"cmp"
	"context"
	"io/fs"
	"slices"
	"sync"

	"github.com/etcdplay/etcdplay/internal/source"
	"gopkg.in/yaml.v3"
)

// Options say how playbooks are read.
type Options struct {
	// Catalog knows the tasks and their arguments.
	Catalog Catalog
	// Decrypt opens vault text ("$ANSIBLE_VAULT;…"); at is where it stands.
	// nil: there is no password, and vault text is an error.
	Decrypt func(text []byte, at source.Pos) ([]byte, error)
	// RolesPath lists folders to look for roles in, behind the roles/ folder
	// beside the playbook.
	RolesPath []string
	// Shipped holds the playbooks that are found by their name when there is
	// no such file; nil for none. See Shipped.
	Shipped fs.FS
}

// A Loader reads playbooks, roles and files of variables and tasks. Each file
// is read once. It may be used by any number of goroutines at once.
type Loader struct {
	opts Options

	mu       sync.Mutex
	docs     map[string]*document
	values   map[*yaml.Node]*Value
	checked  map[lookedInto]bool
	warnings []*source.Error
	warned   map[string]bool
}

// NewLoader makes a Loader.
func NewLoader(o Options) *Loader {
	return &Loader{
		opts: o, docs: map[string]*document{}, values: map[*yaml.Node]*Value{},
		checked: map[lookedInto]bool{}, warned: map[string]bool{},
	}
}

// Load reads playbooks, with everything that they import, and checks them. A
// name that is no file is looked for among the shipped playbooks. The error is
// a source.Errors with all that is wrong in all of them.
func (l *Loader) Load(ctx context.Context, names []string) ([]*Play, error) {
	p := l.parse(ctx)
	var plays []*Play
	for _, name := range names {
		plays = append(plays, p.playbook(name)...)
	}
	p.checkNotified()
	if err := p.finish(); err != nil {
		return nil, err
	}
	return plays, nil
}

// Warnings are what the user should know of what has been read so far, sorted
// by place.
func (l *Loader) Warnings() []*source.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.warnings)
	slices.SortStableFunc(all, func(a, b *source.Error) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return all
}

// Line is the text of the line that a place names, for snippets; "" when the
// loader has not read that file.
func (l *Loader) Line(at source.Pos) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.docs[at.File]; d != nil {
		return d.line(at.Line)
	}
	return ""
}

func (l *Loader) warn(e *source.Error) {
	if e.Text == "" {
		e.Text = l.Line(e.Pos)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := e.Error(); !l.warned[key] {
		l.warned[key] = true
		l.warnings = append(l.warnings, e)
	}
}

// lookedInto is a file or role that was looked into ahead of its include.
type lookedInto struct {
	play *Play
	what string
}

// first reports whether an include is looked into for the first time.
func (l *Loader) first(key lookedInto) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.checked[key]
	l.checked[key] = true
	return !seen
}

// A parse is one call of the Loader: what it has found to be wrong so far.
type parse struct {
	ctx      context.Context
	l        *Loader
	errs     []*source.Error
	notified []notification
}

func (l *Loader) parse(ctx context.Context) *parse { return &parse{ctx: ctx, l: l} }

// errorf records a mistake; the caller may add a hint.
func (p *parse) errorf(at source.Pos, format string, args ...any) *source.Error {
	e := source.Errorf(at, format, args...)
	p.errs = append(p.errs, e)
	return e
}

func (p *parse) warnf(at source.Pos, hint, format string, args ...any) {
	e := source.Errorf(at, format, args...)
	e.Hint = hint
	p.l.warn(e)
}

// add records an error from elsewhere at a place, unless it has one.
func (p *parse) add(at source.Pos, err error) {
	var all source.Errors
	all.Add(err)
	for _, e := range all {
		if e.Pos.IsZero() {
			e = &source.Error{Pos: at, Msg: e.Msg, Hint: e.Hint, Err: err}
		}
		p.errs = append(p.errs, e)
	}
}

// finish returns the mistakes, each once, with the lines they stand in.
func (p *parse) finish() error {
	var all source.Errors
	seen := map[string]bool{}
	for _, e := range p.errs {
		if key := e.Error(); !seen[key] {
			seen[key] = true
			if e.Text == "" {
				e.Text = p.l.Line(e.Pos)
			}
			all = append(all, e)
		}
	}
	return all.Err()
}
