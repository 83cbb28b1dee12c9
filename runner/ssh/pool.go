package ssh

import (
	"context"
	"errors"
	"sync"
)

// A Pool keeps a connection for each host, and for each user a shell.
type Pool struct {
	opts   Options
	config *config
	keys   *keyring
	hosts  *knownHosts

	mu      sync.Mutex
	closed  bool
	links   map[linkKey]*slot
	conns   map[connKey]*Conn
	gates   map[string]chan struct{} // for each server, so many handshakes at once
	tallies map[string]*tally
}

type linkKey struct {
	host Host
	via  string // the jump hosts on the way, comma-separated
}

type connKey struct {
	host   Host
	become Become
}

// A slot holds the link to one host, and dials it for one caller at a time.
type slot struct {
	turn chan struct{}
	mu   sync.Mutex
	link link
}

// errClosed is a pool that was closed.
var errClosed = errors.New("the run is ending: no further connections")

// NewPool reads the user's ssh_config; a broken one is an error.
func NewPool(o Options) (*Pool, error) {
	o = o.withDefaults()
	you := newPerson()
	cfg, err := loadConfig(o.Config)
	if err != nil {
		return nil, err
	}
	if cfg.skipped != "" {
		o.Notice("", "passing over "+cfg.skipped)
	}
	return &Pool{
		opts: o, config: cfg, keys: newKeyring(o, you), hosts: newKnownHosts(o, you),
		links: map[linkKey]*slot{}, conns: map[connKey]*Conn{}, gates: map[string]chan struct{}{}, tallies: map[string]*tally{},
	}, nil
}

// Connect gives the host as the user that b names (the login user if it names
// none), over the connection that the host has already, if that still lives.
// The error is *tasks.Unreachable, *tasks.Failure where the settings are
// wrong, or the context's.
func (p *Pool) Connect(ctx context.Context, h Host, b Become) (*Conn, error) {
	if h.Name == "" {
		h.Name = h.Address
	}
	if b.Method == "" {
		b.Method = "sudo"
	}
	if b.User != "" {
		if err := b.check(); err != nil {
			return nil, err
		}
	}
	l, err := p.link(ctx, h)
	if err != nil {
		return nil, err
	}
	fresh := newConn(p, h, b, l)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		l.Close()
		return nil, errClosed
	}
	key := connKey{h, b}
	c := p.conns[key]
	if c == nil {
		c = fresh
		p.conns[key] = c
	}
	return c, nil
}

// link gives the host's link, dialled if there is none that lives.
func (p *Pool) link(ctx context.Context, h Host) (link, error) {
	return p.linkVia(ctx, h, nil)
}

// linkVia is link, by way of jump hosts; of those that the host's own settings
// name if there are none.
func (p *Pool) linkVia(ctx context.Context, h Host, via []Host) (link, error) {
	key := linkKey{host: h, via: viaKey(via)}
	p.mu.Lock()
	s := p.links[key]
	if s == nil {
		s = &slot{turn: make(chan struct{}, 1)}
		p.links[key] = s
	}
	p.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if l := s.living(); l != nil {
		return l, nil
	}
	if h.Local {
		s.set(&local{})
		return s.living(), nil
	}
	l, err := p.dial(ctx, h, via)
	if err != nil {
		return nil, err
	}
	s.set(l)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		l.Close()
		return nil, errClosed
	}
	return l, nil
}

func (s *slot) set(l link) {
	s.mu.Lock()
	s.link = l
	s.mu.Unlock()
}

// living gives the link, or nil if there is none or it is gone.
func (s *slot) living() link {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link == nil || isClosed(s.link.lost()) {
		return nil
	}
	return s.link
}

// Reset closes what is open to the host of that name, so that the next
// Connect dials anew.
func (p *Pool) Reset(name string) {
	p.close(func(h Host) bool { return h.Name == name })
}

// Close closes everything; running scripts are ended.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.close(func(Host) bool { return true })
	return p.keys.Close()
}

// close closes the shells and then the links of the hosts that match, all at
// the same time: each may need a moment to end its script.
func (p *Pool) close(match func(Host) bool) {
	p.mu.Lock()
	var conns []*Conn
	var links []link
	for k, c := range p.conns {
		if match(k.host) {
			conns = append(conns, c)
			delete(p.conns, k)
		}
	}
	for k, s := range p.links {
		if match(k.host) {
			s.mu.Lock()
			if s.link != nil {
				links = append(links, s.link)
			}
			s.mu.Unlock()
			delete(p.links, k)
		}
	}
	p.mu.Unlock()
	var all sync.WaitGroup
	for _, c := range conns {
		all.Go(func() { c.Close() })
	}
	all.Wait()
	for _, l := range links {
		l.Close()
	}
}

// makeRoom closes an idle shell of a host, if there is one.
func (p *Pool) makeRoom(h Host) {
	p.mu.Lock()
	var conns []*Conn
	for k, c := range p.conns {
		if k.host == h {
			conns = append(conns, c)
		}
	}
	p.mu.Unlock()
	for _, c := range conns {
		if c.makeRoom() {
			return
		}
	}
}

// gate is the gate that handshakes with a server pass.
func (p *Pool) gate(server string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.gates[server]
	if g == nil {
		g = make(chan struct{}, p.opts.Handshakes)
		p.gates[server] = g
	}
	return g
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
