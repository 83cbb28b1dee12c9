package ssh

import (
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Stats are what the work on one host has cost so far.
type Stats struct {
	Host        string        // the inventory name; a jump host's address
	Connections int64         // that were made
	Dial        time.Duration // spent on making them, the login included
	RoundTrips  int64         // of scripts and sessions, those of the handshakes not counted
	In, Out     int64         // bytes, as they went over the network
}

// tally counts one host's Stats.
type tally struct{ connections, dial, trips, in, out atomic.Int64 }

// Stats lists what each host has cost, by name. Local hosts cost nothing but
// round trips.
func (p *Pool) Stats() []Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Stats
	for name, t := range p.tallies {
		all = append(all, Stats{
			Host: name, Connections: t.connections.Load(), Dial: time.Duration(t.dial.Load()),
			RoundTrips: t.trips.Load(), In: t.in.Load(), Out: t.out.Load(),
		})
	}
	slices.SortFunc(all, func(a, b Stats) int { return strings.Compare(a.Host, b.Host) })
	return all
}

// tally gives the counts of a host, which outlive its connections.
func (p *Pool) tally(host string) *tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tallies[host]
	if t == nil {
		t = &tally{}
		p.tallies[host] = t
	}
	return t
}

// counted counts the bytes of a connection.
type counted struct {
	net.Conn
	tally *tally
	in    atomic.Int64 // of this connection alone
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.in.Add(int64(n))
	c.tally.in.Add(int64(n))
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.tally.out.Add(int64(n))
	return n, err
}
