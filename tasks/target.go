package tasks

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// A Peer is one host of the play, as the other hosts see it.
type Peer struct {
	Name     string // inventory_hostname
	Address  string // ansible_host, or the name
	Gathered any    // what Gather returned for it; nil if the module is no Gatherer
	Conn     Conn   // the connection to it
	// Outside: --limit leaves it out. It is asked (Gather) and not changed.
	Outside bool
}

// A Target is the host that a module runs against, and all it may know.
type Target struct {
	Host  Peer
	Peers []Peer // the play's reachable hosts in inventory order, Host among them
	// Everyone are all hosts that the play's pattern names, in inventory order,
	// also those that --limit leaves out or that can't be reached, without
	// Gathered and Conn. Nil means the same as Peers.
	Everyone []Peer
	Conn     Conn     // the connection as the user that the task becomes; the same as Host.Conn
	Check    bool     // change nothing, only say what would change
	Diff     bool     // report what changes within files
	Files    Files    // the controller's files
	Env      []EnvVar // what `environment:` gives to all that runs on the host

	// Status says what is being waited for, for the live status line: short,
	// without the host's name. Never nil.
	Status func(text string)
	// OnChange is told of each change before it is made; nil: nobody asks. Tests
	// end the controller there.
	OnChange func(what string)
	// Interrupted is closed at the first Ctrl-C: what was begun comes to its end,
	// nothing new is begun. Nil: nobody interrupts.
	Interrupted <-chan struct{}
	// Session is the run's, for what outlives this task.
	Session *Session

	changes []string
}

// Files gives modules what lies on the controller.
type Files interface {
	// Find resolves a relative name: the role's KIND folder ("files",
	// "templates"), the task file's folder, the playbook's; an absolute name
	// stays. The error lists where it looked.
	Find(kind, name string) (string, error)
	// Read reads a file, decrypted if it is vaulted. The bytes may be shared: they
	// must not be changed.
	Read(name string) ([]byte, error)
	// Write puts a file in place in one step, with the folders that it lacks
	// (0700). A secret one is vaulted if a vault password is given.
	Write(name string, text []byte, mode fs.FileMode, secret bool) error
	// Render renders a template file with the variables of this task and host.
	Render(ctx context.Context, name string, opts RenderOptions) (string, error)
	// Cache is a folder for downloads that outlive the run.
	Cache() (string, error)
}

// RenderOptions are the `template` task's switches.
type RenderOptions struct {
	TrimBlocks, LstripBlocks   bool
	BlockStart, BlockEnd       string // "{%", "%}" when empty
	VariableStart, VariableEnd string // "{{", "}}" when empty
	NewlineSequence            string // "\n" when empty
}

// A Conn is a connection to a host as one user. Its methods may be called
// from several goroutines; Exec calls on one Conn run one after another.
type Conn interface {
	// Exec runs a script in the host's long-lived shell, with the prelude's
	// verbs at hand: one round trip. The error is the transport's
	// (*Unreachable, or the context's, after the script was killed); the
	// script's own failure is in Output.Code.
	Exec(ctx context.Context, c Command) (script.Output, error)
	// Put writes a file as this user: into a temporary file beside dst, checked,
	// then renamed. The owner is this user.
	Put(ctx context.Context, r io.Reader, dst string, mode fs.FileMode) error
	// Get reads a file as this user. A missing one is fs.ErrNotExist.
	Get(ctx context.Context, src string, w io.Writer) error
	// DialContext connects from the host to an address that it can reach.
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	// Close ends the connection; running scripts are killed.
	Close() error
}

// A Command is one script for Exec.
type Command struct {
	Script string // POSIX sh; its standard input is /dev/null
	// OnRecord sees records as they arrive (progress); may be nil.
	OnRecord func(script.Record)
}

// Would records a change that Go code is about to make and reports whether to
// make it: false in check mode.
func (t *Target) Would(format string, args ...any) bool {
	change := fmt.Sprintf(format, args...)
	t.changes = append(t.changes, change)
	if !t.Check {
		t.changing(change)
	}
	return !t.Check
}

func (t *Target) changing(what string) {
	if t.OnChange != nil {
		t.OnChange(t.Host.Name + ": " + what)
	}
}

// Fresh is the same target with nothing recorded yet.
func (t *Target) Fresh() *Target {
	c := *t
	c.changes = nil
	return &c
}

// Result returns what Would recorded so far, as a Result to add to.
func (t *Target) Result() Result {
	return Result{Changed: len(t.changes) > 0, Changes: append([]string(nil), t.changes...)}
}

// Script runs a script on the host, one round trip, and turns its records
// into a Result, what Would recorded before among it. A script that fails
// gives a *Failure with the command's own stderr.
func (t *Target) Script(ctx context.Context, s *script.Script) (Result, error) {
	if !t.Check {
		t.changing("run a script")
	}
	out, err := t.Conn.Exec(ctx, Command{
		Script: t.lockGuard() + t.exports() + s.Render(t.Check, t.Diff),
		OnRecord: func(r script.Record) {
			if r.Kind == script.Progress && t.Status != nil {
				t.Status(r.Text)
			}
		},
	})
	res := t.Result()
	if err != nil {
		return res, err
	}
	fail := res.read(out)
	t.changes = append([]string(nil), res.Changes...)
	return res, fail
}

// Exec runs a script with the task's environment and returns what it left, as
// it is: for scripts whose exit code or output is the result.
func (t *Target) Exec(ctx context.Context, s *script.Script) (script.Output, error) {
	return t.Conn.Exec(ctx, Command{Script: t.exports() + s.Render(t.Check, t.Diff)})
}

// Query runs a script that changes nothing and returns what it printed and the
// values it told by `fact`. It runs in check mode too.
func (t *Target) Query(ctx context.Context, s *script.Script) (stdout []byte, facts map[string]string, err error) {
	out, err := t.Exec(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	var res Result
	if err := res.read(out); err != nil {
		return nil, nil, err
	}
	facts = map[string]string{}
	for k, v := range res.Data.All() {
		facts[k.(string)] = v.(string)
	}
	return out.Stdout, facts, nil
}

// exports sets the task's environment at the head of a script.
func (t *Target) exports() string {
	env := script.New()
	for _, e := range t.Env {
		env.Set("export "+e.Name, e.Value)
	}
	return env.Body()
}
