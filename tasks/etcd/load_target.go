package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
)

// A target is one endpoint that a Load writes to.
type target struct {
	*connection
	options Options
	up      bool // it answered last time; else it is asked until it does
	asked   bool // and the answer has not come
	flying  int  // requests that wait for an answer
	dropped bool // not wanted any more: closed when nothing is flying
}

// lookEvery is how often members that are down are asked.
const lookEvery = 100 * time.Millisecond

// Use changes what the load writes to, while it runs: members that were added
// or removed, other URLs, other certificates. What is as before keeps its
// connection.
func (l *Load) Use(endpoints []Endpoint, o Options) error {
	if len(endpoints) == 0 {
		return errors.New("a load needs at least one endpoint")
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var targets []*target
	for _, e := range endpoints {
		if t := l.target(e, o); t != nil {
			targets = append(targets, t)
			continue
		}
		config, err := clientConfig(l.life, e, o)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		config.DialKeepAliveTime, config.DialKeepAliveTimeout = keepAliveTime, keepAliveTimeout
		targets = append(targets, &target{
			connection: &connection{Endpoint: e, connect: func() (*api, error) { return newAPI(config) }}, options: o,
		})
	}
	was := l.members
	l.members = targets
	for _, t := range was {
		if l.target(t.Endpoint, t.options) != t {
			t.dropped = true
			t.closeIfIdle()
		}
	}
	return nil
}

// target finds the one for an endpoint; nil if there is none.
func (l *Load) target(e Endpoint, o Options) *target {
	for _, t := range l.members {
		if t.Name == e.Name && t.URL == e.URL && t.options == o {
			return t
		}
	}
	return nil
}

// take picks the member that waits for the fewest answers, and counts one
// more; nil if none is up or too much waits already.
func (l *Load) take() (best *target) {
	if l.flying >= maxInFlight {
		return nil
	}
	for i := range l.members {
		t := l.members[(l.next+i)%len(l.members)]
		if t.up && (best == nil || t.flying < best.flying) {
			best = t
		}
	}
	if best != nil {
		l.next++
		l.flying++
		best.flying++
	}
	return best
}

// give is the end of what take began; t may be nil.
func (l *Load) give(t *target) {
	if t != nil {
		l.flying--
		t.flying--
		t.closeIfIdle()
	}
}

func (t *target) closeIfIdle() {
	if t.dropped && t.flying == 0 && !t.asked {
		t.close()
	}
}

func (m *connection) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.api != nil {
		_ = m.api.Close() // nothing is lost with a connection
		m.api = nil
	}
}

// failed notes that a member did not answer, or with something that says that
// it can't serve. A refusal is an answer.
func (l *Load) failed(t *target, err error) {
	l.lastErr = err
	switch {
	case errors.Is(err, rpctypes.ErrTimeout), errors.Is(err, rpctypes.ErrTimeoutDueToLeaderFail),
		errors.Is(err, rpctypes.ErrLeaderChanged), errors.Is(err, rpctypes.ErrGRPCNoLeader):
		// The cluster's trouble: another member would say the same.
	case isRefusal(err) && code(err) != codes.Unauthenticated:
	default:
		t.up = false
	}
}

// tend asks members that are down, and sees to the leases, until the load's end.
func (l *Load) tend() {
	defer close(l.tended)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		l.look()
		l.seeToLeases()
		select {
		case <-l.life.Done():
			return
		case <-tick.C:
		}
	}
}

// look asks every member that is down and not being asked yet.
func (l *Load) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.members {
		if t.up || t.asked {
			continue
		}
		t.asked = true
		go l.ask(t)
	}
}

// ask finds out whether a member serves: it has a leader, and a vote.
func (l *Load) ask(t *target) {
	var st *clientv3.StatusResponse
	err := t.call(l.life, t.options.Timeout, func(ctx context.Context, a *api) (err error) {
		st, err = a.maintenance.Status(ctx, t.URL)
		return err
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	t.asked = false
	if err != nil {
		l.lastErr = err
	}
	t.up = err == nil && !st.IsLearner && st.Leader != 0
	t.closeIfIdle()
}
