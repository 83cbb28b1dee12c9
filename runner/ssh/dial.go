package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/melbahja/goph"
	xssh "golang.org/x/crypto/ssh"
)

// errSlow is a handshake that took too long.
var errSlow = errors.New("the handshake took too long")

// dial connects to a host, by way of jump hosts if need be.
func (p *Pool) dial(ctx context.Context, h Host, via []Host) (*remote, error) {
	r, err := p.route(h)
	if err != nil {
		return nil, err
	}
	if via == nil {
		via = r.jump
	}
	dial, err := p.way(ctx, r, via)
	if err != nil {
		return nil, err
	}
	algorithms, err := p.hosts.algorithms(r)
	if err != nil {
		return nil, explain(r, nil, err)
	}
	gate := p.gate(r.target())
	select {
	case gate <- struct{}{}:
		defer func() { <-gate }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	began := time.Now()
	// sshd drops connections at random while too many log in (MaxStartups).
	for try := 0; ; try++ {
		l, dropped, err := p.shake(ctx, r, dial, algorithms)
		if err == nil {
			l.conn.tally.connections.Add(1)
			l.conn.tally.dial.Add(int64(time.Since(began)))
			return l, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !dropped || try == 4 {
			return nil, err
		}
		p.opts.Notice(h.Name, "the server dropped the connection before the login; trying again")
		pause := time.NewTimer(time.Duration(200<<try)*time.Millisecond + rand.N(200*time.Millisecond))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

// way gives what opens the byte stream to a server: TCP, a jump host's
// channel, or a command.
func (p *Pool) way(ctx context.Context, r *route, via []Host) (func(context.Context) (net.Conn, error), error) {
	if len(via) > 8 {
		return nil, &tasks.Unreachable{Host: r.host.Name, Msg: "more than 8 jump hosts: does the chain lead back to itself?"}
	}
	if len(via) > 0 {
		hop, before := via[len(via)-1], via[:len(via)-1]
		l, err := p.linkVia(ctx, hop, before)
		if err != nil {
			if u, ok := errors.AsType[*tasks.Unreachable](err); ok {
				return nil, &tasks.Unreachable{Host: r.host.Name, Msg: "jump host " + hop.Name + ": " + u.Msg, Hint: u.Hint, Err: u.Err}
			}
			return nil, err
		}
		return func(ctx context.Context) (net.Conn, error) { return l.DialContext(ctx, "tcp", r.target()) }, nil
	}
	if r.proxy != "" {
		return func(ctx context.Context) (net.Conn, error) { return proxyCommand(ctx, r) }, nil
	}
	d := net.Dialer{Timeout: r.timeout}
	return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", r.target()) }, nil
}

// shake connects and logs in. dropped says that the server hung up before it
// looked at us, so that another try makes sense.
func (p *Pool) shake(ctx context.Context, r *route, dial func(context.Context) (net.Conn, error), algorithms []string) (_ *remote, dropped bool, _ error) {
	dialCtx, cancel := context.WithTimeout(ctx, r.timeout)
	raw, err := dial(dialCtx)
	cancel()
	if err != nil {
		return nil, false, noWay(r, err)
	}
	conn := &counted{Conn: raw, tally: p.tally(r.host.Name)}
	// Neither a cancelled run nor a silent server may leave us hanging.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	clock := newClock(r.timeout, func() { conn.Close() })
	defer clock.stop()
	a := &attempt{ctx: ctx, ring: p.keys, route: r, wait: clock.hold}
	var hostKey xssh.PublicKey
	cc := &xssh.ClientConfig{
		User: r.user, Auth: a.methods(), AuthCallback: a.look, HostKeyAlgorithms: algorithms, ClientVersion: "SSH-2.0-etcdplay",
		HostKeyCallback: func(_ string, addr net.Addr, key xssh.PublicKey) error {
			hostKey = key
			return p.hosts.check(ctx, r, addr, key, clock.hold)
		},
	}
	r.algorithms(&cc.Config)
	type shaken struct {
		client *xssh.Client
		err    error
	}
	done := make(chan shaken, 1)
	go func() {
		c, chans, reqs, err := xssh.NewClientConn(conn, r.target(), cc)
		if err != nil {
			done <- shaken{nil, err}
			return
		}
		done <- shaken{xssh.NewClient(c, chans, reqs), nil}
	}()
	var s shaken
	select {
	case s = <-done:
	case <-ctx.Done(): // a question to a person, or to an agent, may stand for ever
		return nil, false, context.Cause(ctx)
	}
	if err := s.err; err != nil {
		conn.Close()
		if clock.rang() {
			err = errSlow
		}
		early := r.proxy == "" && conn.in.Load() < 512 && hostKey == nil && hungUp(err)
		return nil, early, explain(r, a, err)
	}
	l := &remote{
		client: &goph.Client{Client: s.client, Config: &goph.Config{User: r.user, Addr: r.address, Port: uint(r.port)}},
		route:  r, conn: conn, key: hostKey, gone: make(chan struct{}), sessions: newSessions(p.opts.Sessions, func() { p.makeRoom(r.host) }),
	}
	go l.watch(r.alive)
	return l, false, nil
}

// noWay explains a server that can't be connected to.
func noWay(r *route, err error) error {
	u := &tasks.Unreachable{Host: r.host.Name, Msg: "can't connect to " + r.target(), Err: err}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		u.Hint = "set its address with ansible_host, or a HostName in ssh_config"
	case errors.Is(err, syscall.ECONNREFUSED):
		u.Hint = "is sshd running there, and is the port right (ansible_port)?"
	case errors.Is(err, context.DeadlineExceeded):
		u.Err = fmt.Errorf("no answer within %s", r.timeout)
		u.Hint = "is the host up, and does a firewall let SSH through? A longer wait: --timeout"
	}
	return u
}

// explain explains a handshake that failed.
func explain(r *route, a *attempt, err error) error {
	u := &tasks.Unreachable{Host: r.host.Name, Err: err}
	var key *keyError
	var locked *lockedError
	switch {
	case errors.Is(err, errSlow):
		u.Msg, u.Err = fmt.Sprintf("%s has not finished the SSH handshake within %s", r.target(), r.timeout), nil
		u.Hint = "is it an SSH server, and not overloaded? A longer wait: --timeout"
	case errors.As(err, &key):
		u.Msg, u.Hint, u.Err = key.msg, key.hint, nil
	case errors.As(err, &locked):
		u.Msg, u.Err = locked.Error(), nil
		u.Hint = "load it into an agent with ssh-add, or run where the passphrase can be asked for"
	case a != nil && len(a.accepts) > 0 && !hungUp(err):
		u.Msg, u.Hint = a.failed(err)
		u.Err = nil
	default:
		u.Msg = "no SSH connection with " + r.target()
		if strings.Contains(err.Error(), "no common algorithm") {
			u.Hint = "an old server? Ciphers, MACs, KexAlgorithms and HostKeyAlgorithms of ssh_config, or in ansible_ssh_common_args, add what it knows: -o KexAlgorithms=+NAME"
		}
		if r.proxy != "" && hungUp(err) {
			u.Err = errors.New("the ProxyCommand ended")
		} else if hungUp(err) {
			u.Err = errors.New("the server closed the connection during the handshake")
			u.Hint = "sshd does so when too many log in at once (MaxStartups), or when it locks an address out (PerSourcePenalties, fail2ban)"
		}
	}
	return u
}

// hungUp reports whether the other side closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.HasSuffix(err.Error(), ": EOF") || strings.HasSuffix(err.Error(), "connection reset by peer")
}

// A clock rings once its time is over; while it is held it stands still.
type clock struct {
	mu    sync.Mutex
	t     *time.Timer
	whole time.Duration
	held  int
	ring  bool
}

func newClock(d time.Duration, ring func()) *clock {
	c := &clock{whole: d}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = time.AfterFunc(d, func() {
		c.mu.Lock()
		c.ring = c.held == 0
		late := c.ring
		c.mu.Unlock()
		if late {
			ring()
		}
	})
	return c
}

// hold stops the clock while a person is asked, and starts it afresh after.
func (c *clock) hold(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if on {
		c.held++
		c.t.Stop()
	} else if c.held--; c.held == 0 {
		c.t.Reset(c.whole)
	}
}

func (c *clock) stop() { c.t.Stop() }

func (c *clock) rang() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ring
}
