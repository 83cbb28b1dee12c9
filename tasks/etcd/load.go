package etcd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ProvePrefix is where a Load puts its keys.
const ProvePrefix = "etcdplay/prove/"

// DefaultRate is how many writes a second a Load begins if not told otherwise.
const DefaultRate = 100

const (
	// maxInFlight bounds what waits for an answer while the cluster has no
	// leader: writes that are not begun are none that are lost.
	maxInFlight = 256
	readEvery   = 5 // writes
	// firstWrite is how long a load waits for its first acknowledgement.
	firstWrite = 15 * time.Second
	// A connection to a host that lost its power must be noticed; servers
	// refuse to be asked more often than every 5 s.
	keepAliveTime, keepAliveTimeout = 6 * time.Second, 3 * time.Second
)

// A Load writes to a cluster while something is done to it, and proves
// afterwards that nothing acknowledged was lost. Every write has a key and a
// value of its own and is tried once: where its answer is an error it may or
// may not have been written, and the next key takes its place. Writes begin at
// a steady rate, whether or not earlier ones were answered, so that the longest
// time between two acknowledgements is how long the cluster accepted none.
// Each goes to the member with the fewest unanswered ones; a member that fails
// gets none until it answers again.
type Load struct {
	life    context.Context // of the connections, and of all that is begun
	end     context.CancelFunc
	run     string // what makes the keys those of this load
	rate    int
	stop    context.CancelFunc
	stopped chan struct{}  // closed when no more writes are begun
	running sync.WaitGroup // what waits for an answer
	tended  chan struct{}  // closed when nobody looks after members and leases any more

	mu      sync.Mutex
	members []*target
	next    int // the member to begin at when looking for one
	writes  []fate
	flying  int
	leases  leases
	reads   int
	lost    map[int]bool // found while it ran
	gap     Gap
	last    time.Time     // of the last acknowledgement
	late    time.Duration // the longest that a write since then was begun after its time
	steps   []string      // the one that ran at the last acknowledgement, and those marked since
	lastErr error
}

// A fate is what became of a write.
type fate byte

const (
	unknown fate = iota // no answer (yet), or an error that leaves it open
	acknowledged
	refused // certainly not written
)

// StartLoad begins to write, at a rate of writes a second (DefaultRate if
// zero), and returns after the first acknowledgement. Endpoints may name
// members that don't answer yet, and one member by its http and its https URL:
// those that answer are used. ctx bounds the life of the load. The keys hang
// on leases of two minutes, so that they go even if this process dies.
func StartLoad(ctx context.Context, endpoints []Endpoint, o Options, rate int) (*Load, error) {
	if rate <= 0 {
		rate = DefaultRate
	}
	l := &Load{
		run: rand.Text(), rate: rate, stopped: make(chan struct{}), tended: make(chan struct{}),
		lost: map[int]bool{}, steps: []string{""},
	}
	l.life, l.end = context.WithCancel(ctx)
	if err := l.Use(endpoints, o); err != nil {
		l.end()
		return nil, err
	}
	var paced context.Context
	paced, l.stop = context.WithCancel(l.life)
	go l.tend()
	go l.pace(paced)
	if err := l.begun(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// begun waits for the first acknowledgement.
func (l *Load) begun() error {
	ctx, cancel := context.WithTimeout(l.life, firstWrite)
	defer cancel()
	for {
		l.mu.Lock()
		acked, lastErr := !l.last.IsZero(), l.lastErr
		l.mu.Unlock()
		if acked {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			if lastErr == nil {
				lastErr = errors.New("no member answers")
			}
			return fmt.Errorf("no write was acknowledged in %s: %w", firstWrite, plain(lastErr))
		}
	}
}

// Mark says which step is running from now on, for the report.
func (l *Load) Mark(step string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, step)
}

// pace begins writes, and some reads, until ctx ends.
func (l *Load) pace(ctx context.Context) {
	defer close(l.stopped)
	tick := time.NewTicker(time.Second / time.Duration(l.rate))
	defer tick.Stop()
	began := time.Now()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.write(time.Since(began) - time.Second/time.Duration(l.rate))
		began = time.Now()
		if n%readEvery == 0 {
			l.read()
		}
	}
}

// write begins one, so much after its time.
func (l *Load) write(late time.Duration) {
	l.mu.Lock()
	l.late = max(l.late, late)
	lease := l.leases.current()
	m := l.take()
	if m == nil || lease == 0 {
		l.give(m)
		l.mu.Unlock()
		return
	}
	n := len(l.writes)
	l.writes = append(l.writes, unknown)
	l.mu.Unlock()
	l.running.Go(func() {
		err := m.call(l.life, m.options.Timeout, func(ctx context.Context, a *api) error {
			_, err := a.Put(ctx, l.key(n), l.value(n), clientv3.WithLease(lease))
			return err
		})
		l.wrote(m, n, lease, err)
	})
}

// wrote notes what became of a write.
func (l *Load) wrote(m *target, n int, lease clientv3.LeaseID, err error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(m)
	if err != nil {
		l.failed(m, err)
		if isRefusal(err) {
			l.writes[n] = refused
			l.leases.forget(lease, err)
		}
		return
	}
	l.writes[n] = acknowledged
	if !l.last.IsZero() {
		l.silence(now)
	}
	if now.After(l.last) {
		l.last, l.late = now, 0
	}
	l.steps = l.steps[len(l.steps)-1:]
}

// silence notes that nothing was acknowledged from the last time until now.
func (l *Load) silence(now time.Time) {
	if d := now.Sub(l.last); d > l.gap.Length {
		l.gap = Gap{Length: d, Late: l.late, Began: l.last, Steps: append([]string(nil), l.steps...)}
	}
}

// read gets a key whose write was acknowledged, through whichever member is
// next.
func (l *Load) read() {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.writes) - 1
	for n >= 0 && l.writes[n] != acknowledged {
		n--
	}
	if n < 0 {
		return
	}
	m := l.take()
	if m == nil {
		return
	}
	l.running.Go(func() {
		var got *clientv3.GetResponse
		err := m.call(l.life, m.options.Timeout, func(ctx context.Context, a *api) (err error) {
			got, err = a.Get(ctx, l.key(n))
			return err
		})
		l.mu.Lock()
		defer l.mu.Unlock()
		l.give(m)
		switch {
		case err != nil:
			l.failed(m, err)
		case len(got.Kvs) != 1 || string(got.Kvs[0].Value) != l.value(n):
			l.lost[n] = true
		default:
			l.reads++
		}
	})
}

func (l *Load) key(n int) string   { return fmt.Sprintf("%s%s/%09d", ProvePrefix, l.run, n) }
func (l *Load) value(n int) string { return fmt.Sprintf("%s-%d", l.run, n) }

// isRefusal reports whether a server certainly did not do what it was asked.
func isRefusal(err error) bool {
	switch code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.PermissionDenied, codes.ResourceExhausted,
		codes.FailedPrecondition, codes.Unimplemented, codes.Unauthenticated:
		return true
	}
	return false
}

// code is the gRPC code of an error, also of those that the client has made
// its own.
func code(err error) codes.Code {
	var own interface{ Code() codes.Code } // rpctypes.EtcdError
	if errors.As(err, &own) {
		return own.Code()
	}
	return status.Code(err)
}
