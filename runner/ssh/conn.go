package ssh

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// A Conn is a host seen as one user: it shares the host's connection and has a
// shell of its own, opened by the first Exec. It is a tasks.Conn.
type Conn struct {
	pool    *Pool
	host    Host
	become  Become
	opening chan struct{} // holds the one turn to open the shell
	tally   *tally

	mu      sync.Mutex
	current link          // as last used
	shell   *script.Shell // nil before the first Exec, and after an error
	busy    int           // how many Execs use the shell, or wait to
}

var _ tasks.Conn = (*Conn)(nil)

func newConn(p *Pool, h Host, b Become, l link) *Conn {
	return &Conn{pool: p, host: h, become: b, opening: make(chan struct{}, 1), tally: p.tally(h.Name), current: l}
}

// Exec runs a script. A shell or connection that was lost since the last one is
// replaced, once, where it is certain that nothing of the script has run; one that is
// lost later gives *tasks.Unreachable.
func (c *Conn) Exec(ctx context.Context, cmd tasks.Command) (script.Output, error) {
	c.use(1)
	defer c.use(-1)
	for again := false; ; again = true {
		sh, fresh, err := c.open(ctx)
		if err != nil {
			return script.Output{}, err
		}
		c.tally.trips.Add(1)
		out, err := sh.Run(ctx, cmd.Script, cmd.OnRecord)
		if err == nil {
			return out, nil
		}
		c.drop(sh)
		if errors.Is(err, errNoExit) {
			c.settle(ctx)
		}
		var ended *script.Ended
		switch {
		case !errors.As(err, &ended):
			return out, err
		case !ended.Began && !fresh && ended.Err != nil && ended.Sent:
			u := c.unreachable("the connection was lost as the task was sent, which may have run", ended.Err)
			u.Hint = "run it again: a task changes only what is not yet as it should be"
			return out, u
		case !ended.Began && !fresh && !again:
			continue // it had died since the last script
		case !ended.Began:
			return out, c.notBegun(ended)
		case ended.Err != nil:
			return out, c.unreachable("the connection was lost while the task ran", ended.Err)
		case ended.Code == 0: // its input ended: somewhere on the way it was cut off
			return out, c.unreachable("the shell was cut off while the task ran", nil)
		default:
			// The script ended its own shell: that is its failure, not the host's.
			out.Code = ended.Code
			return out, nil
		}
	}
}

// settle waits until a connection that is gone is known to be: its shells learn that
// first. Where only the shell is lost, nothing more comes.
func (c *Conn) settle(ctx context.Context) {
	moment := time.NewTimer(time.Second)
	defer moment.Stop()
	select {
	case <-c.link().lost():
	case <-moment.C:
	case <-ctx.Done():
	}
}

// open gives the shell, a fresh one if there is none or it has died.
func (c *Conn) open(ctx context.Context) (sh *script.Shell, fresh bool, err error) {
	select {
	case c.opening <- struct{}{}:
		defer func() { <-c.opening }()
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	c.mu.Lock()
	sh, l := c.shell, c.current
	c.mu.Unlock()
	if sh != nil && sh.Alive() && !isClosed(l.lost()) {
		return sh, false, nil
	}
	command, text := plain, ""
	if c.become.User != "" {
		command = staged
		if text, err = opening(c.become, "exec sh"); err != nil {
			return nil, false, err
		}
	}
	p, err := c.start(ctx, command)
	if err != nil {
		return nil, false, err
	}
	sh = script.NewShell(p, text)
	c.mu.Lock()
	c.shell = sh
	c.mu.Unlock()
	return sh, true, nil
}

// start starts a command, over a new connection if the old one is gone.
func (c *Conn) start(ctx context.Context, command string) (script.Process, error) {
	for again := false; ; again = true {
		l, err := c.pool.link(ctx, c.host)
		if err != nil {
			return script.Process{}, err
		}
		c.mu.Lock()
		c.current = l
		c.mu.Unlock()
		p, err := l.start(ctx, command)
		switch {
		case err == nil:
			return p, nil
		case ctx.Err() != nil:
			return p, context.Cause(ctx)
		case again || !isClosed(l.lost()):
			return p, c.unreachable("the server opens no session", err)
		}
	}
}

// use counts those who use the shell. When the last is done and others wait
// for a session on this connection, the shell makes room.
func (c *Conn) use(n int) {
	c.mu.Lock()
	c.busy += n
	l := c.current
	c.mu.Unlock()
	if n < 0 && l.crowded() {
		c.makeRoom()
	}
}

// makeRoom closes the shell if nobody uses it.
func (c *Conn) makeRoom() bool {
	c.mu.Lock()
	sh := c.shell
	if c.busy > 0 || sh == nil {
		c.mu.Unlock()
		return false
	}
	c.shell = nil
	c.mu.Unlock()
	sh.Close()
	return true
}

// drop forgets a shell that is of no more use.
func (c *Conn) drop(sh *script.Shell) {
	c.mu.Lock()
	if c.shell == sh {
		c.shell = nil
	}
	c.mu.Unlock()
	sh.Close()
}

// DialContext connects from the host to an address that it can reach.
func (c *Conn) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	l, err := c.pool.link(ctx, c.host)
	if err != nil {
		return nil, err
	}
	return l.DialContext(ctx, network, addr)
}

// HostKey is the host's key as it was verified when the connection was made:
// "TYPE BASE64" as in known_hosts. It is empty for this machine itself.
func (c *Conn) HostKey() string { return c.link().hostKey() }

func (c *Conn) link() link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// Close ends the shell and the script that it runs. The connection stays for
// the others who use it, until the Pool is closed.
func (c *Conn) Close() error {
	c.mu.Lock()
	sh := c.shell
	c.shell = nil
	c.mu.Unlock()
	if sh != nil {
		return sh.Close()
	}
	return nil
}
