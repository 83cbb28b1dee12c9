package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// proveLease is how long a load's keys outlive a controller that was killed.
	proveLease = 2 * time.Minute
	renewEvery = proveLease / 8
	// perLease bounds the keys that go at once when a lease ends: the server
	// removes them in one transaction, and nothing else is written meanwhile.
	perLease = 2000
)

// leases are what a load's keys hang on, the newest last.
type leases struct {
	all      []*lease
	busy     bool      // one is being granted, or all are being renewed
	tried    time.Time // to renew
	unusable bool      // the newest is gone: another one is needed
}

type lease struct {
	id      clientv3.LeaseID
	from    int // the first write under it
	renewed time.Time
}

// current is the lease for the next write, or 0.
func (ls *leases) current() clientv3.LeaseID {
	if len(ls.all) == 0 || ls.unusable {
		return 0
	}
	return ls.all[len(ls.all)-1].id
}

// forget stops using a lease that the server does not know (any more).
func (ls *leases) forget(id clientv3.LeaseID, err error) {
	if id == ls.current() && errors.Is(err, rpctypes.ErrLeaseNotFound) {
		ls.unusable = true
	}
}

// seeToLeases gets a new lease when the last one has enough keys, and renews
// all of them from time to time.
func (l *Load) seeToLeases() {
	l.mu.Lock()
	defer l.mu.Unlock()
	ls := &l.leases
	if ls.busy {
		return
	}
	switch {
	case ls.current() == 0 || len(l.writes)-ls.all[len(ls.all)-1].from >= perLease:
		ls.busy = true
		l.running.Go(l.grant)
	case time.Since(ls.tried) > renewEvery:
		ls.busy, ls.tried = true, time.Now()
		l.running.Go(func() { _ = l.renew(l.life); l.idle() }) // told by Check, if it matters
	}
}

func (l *Load) idle() {
	l.mu.Lock()
	l.leases.busy = false
	l.mu.Unlock()
}

// grant gets a lease. It is tried again when it fails.
func (l *Load) grant() {
	defer l.idle()
	var got *clientv3.LeaseGrantResponse
	began := time.Now()
	err := l.askOne(l.life, func(ctx context.Context, a *api) (err error) {
		got, err = a.Grant(ctx, int64(proveLease/time.Second))
		return err
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		return
	}
	l.leases.all = append(l.leases.all, &lease{id: got.ID, from: len(l.writes), renewed: began})
	l.leases.unusable = false
	if l.leases.tried.IsZero() {
		l.leases.tried = began
	}
}

// renew prolongs all leases. The error tells of those that ran out because
// they could not be renewed in time: then their keys prove nothing. A lease
// that is gone before its time is lost like a key, and its keys will be
// missed.
func (l *Load) renew(ctx context.Context) error {
	l.mu.Lock()
	all := append([]*lease(nil), l.leases.all...)
	l.mu.Unlock()
	var errs []error
	for _, one := range all {
		began := time.Now()
		err := l.askOne(ctx, func(ctx context.Context, a *api) error {
			_, err := a.KeepAliveOnce(ctx, one.id)
			return err
		})
		l.mu.Lock()
		switch {
		case err == nil:
			one.renewed = began
		case began.Sub(one.renewed) > proveLease:
			errs = append(errs, fmt.Errorf("the lease of the writes from number %d on could not be renewed for %s and ran out (%w): these writes can't be judged",
				one.from, began.Sub(one.renewed).Round(time.Second), plain(err)))
		}
		l.mu.Unlock()
	}
	return errors.Join(errs...)
}

// askOne makes a request of one member that is up.
func (l *Load) askOne(ctx context.Context, f func(context.Context, *api) error) error {
	l.mu.Lock()
	t := l.take()
	l.mu.Unlock()
	if t == nil {
		return errors.New("no member answers")
	}
	err := t.call(ctx, t.options.Timeout, f)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(t)
	if err != nil {
		l.failed(t, err)
	}
	return err
}
