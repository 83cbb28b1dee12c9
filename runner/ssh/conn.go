package ssh

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// A Conn is a host seen as one user: it shares the host's connection and has a
// shell of its own, opened by the first Exec. It is a tasks.Conn.
type Conn struct {
	pool   *Pool
	host   Host
	become Become

	mu      sync.Mutex
	current link          // as last used
	shell   *script.Shell // nil before the first Exec, and after an error
}

var _ tasks.Conn = (*Conn)(nil)

// Exec runs a script. A shell or connection that was lost before the script
// began is replaced, once; one that is lost while the script runs gives
// *tasks.Unreachable.
func (c *Conn) Exec(ctx context.Context, cmd tasks.Command) (script.Output, error) {
	for again := false; ; again = true {
		sh, fresh, err := c.open(ctx)
		if err != nil {
			return script.Output{}, err
		}
		out, err := sh.Run(ctx, cmd.Script, cmd.OnRecord)
		if err == nil {
			return out, nil
		}
		c.drop(sh)
		var ended *script.Ended
		switch {
		case !errors.As(err, &ended):
			return out, err
		case !ended.Began && !fresh && !again:
			continue // it had died since the last script
		case !ended.Began:
			return out, c.notBegun(ended)
		case ended.Err != nil:
			return out, c.unreachable("the connection was lost while the task ran", ended.Err)
		default:
			// The script ended its own shell: that is its failure, not the host's.
			out.Code = ended.Code
			return out, nil
		}
	}
}

// open gives the shell, a fresh one if there is none or it has died.
func (c *Conn) open(ctx context.Context) (sh *script.Shell, fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shell != nil && c.shell.Alive() {
		return c.shell, false, nil
	}
	text, err := opening(c.become, "exec sh")
	if err != nil {
		return nil, false, err
	}
	p, err := c.start(ctx)
	if err != nil {
		return nil, false, err
	}
	c.shell = script.NewShell(p, text)
	return c.shell, true, nil
}

// start starts a stage, over a new connection if the old one is gone. It is
// called with mu held.
func (c *Conn) start(ctx context.Context) (script.Process, error) {
	for again := false; ; again = true {
		l, err := c.pool.link(ctx, c.host)
		if err != nil {
			return script.Process{}, err
		}
		c.current = l
		p, err := l.start(ctx)
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

// drop forgets a shell that is of no more use.
func (c *Conn) drop(sh *script.Shell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shell == sh {
		c.shell = nil
	}
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
func (c *Conn) HostKey() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current.hostKey()
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
