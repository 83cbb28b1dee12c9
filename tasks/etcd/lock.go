package etcd

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// LockKey is held by whoever operates the cluster.
	LockKey = "etcdplay/lock"
	// LockTTL is how long the lock outlives a holder that died.
	LockTTL = 15 * time.Second
	// lockPatience is how long a lock is waited for: its holder may just have died.
	lockPatience = LockTTL + 5*time.Second
	lockPause    = 500 * time.Millisecond
)

// ErrNoSpace is a cluster that reached its quota: it writes nothing, a lock neither.
var ErrNoSpace = errors.New("the database has reached its quota (alarm NOSPACE)")

// A Holder is who holds a lock.
type Holder struct {
	Owner   string    `json:"owner"`   // for people: user@host
	Machine string    `json:"machine"` // where PID is unique
	PID     int       `json:"pid"`
	Doing   string    `json:"doing"` // what for
	Since   time.Time `json:"since"`
	ID      string    `json:"id"` // of this very lock
}

// String is "root@controller (process 1234) since 12:00:00 UTC, for: scale-out".
func (h Holder) String() string {
	text := fmt.Sprintf("%s (process %d) since %s", h.Owner, h.PID, h.Since.UTC().Format("15:04:05 UTC"))
	if h.Doing != "" {
		text += ", for: " + h.Doing
	}
	return text
}

// Held is the error of a lock that someone else holds.
type Held struct{ Holder }

// Error names the holder.
func (h *Held) Error() string { return "the cluster is being operated on by " + h.Holder.String() }

// A Lock is a lease in the cluster itself that lives as long as this process
// keeps it alive.
type Lock struct {
	cluster *Cluster
	me      Holder
	value   string
	lease   clientv3.LeaseID
	life    context.Context // what it was taken with, without an end
	stop    context.CancelFunc
	stopped chan struct{}

	mu   sync.Mutex
	lost error
}

// LockOptions are how a lock is taken from another holder. The zero value waits
// until a dead one's has run out.
type LockOptions struct {
	May     func(Holder) bool // whether it may be taken at once: its holder is dead, say; nil: no
	Wait    time.Duration     // for others; somewhat more than LockTTL when zero
	Waiting func(Holder)      // is told of whom is waited for; may be nil
}

// Lock takes the lock. The error is a *Held, or why the cluster could not be asked.
// ctx bounds only the taking: the cluster must stay open until the lock is closed.
func (c *Cluster) Lock(ctx context.Context, me Holder, o LockOptions) (*Lock, error) {
	if o.Wait <= 0 {
		o.Wait = lockPatience
	}
	me.ID, me.Since = rand.Text(), time.Now().UTC()
	value, err := json.Marshal(me)
	if err != nil {
		return nil, err
	}
	l := &Lock{cluster: c, life: context.WithoutCancel(ctx), me: me, value: string(value), stopped: make(chan struct{})}
	if err := l.grant(ctx); err != nil {
		return nil, err
	}
	begun := time.Now()
	for {
		was, err := l.try(ctx, func(h Holder) bool { return o.May != nil && o.May(h) })
		switch {
		case err == nil && was == nil:
			var alive context.Context
			alive, l.stop = context.WithCancel(l.life)
			go l.keep(alive)
			return l, nil
		case err == nil && time.Since(begun) > o.Wait:
			l.revoke(ctx)
			return nil, &Held{*was}
		case err == nil && o.Waiting != nil:
			o.Waiting(*was)
		case errors.Is(err, ErrNoSpace), err != nil && time.Since(begun) > o.Wait:
			l.revoke(ctx)
			return nil, err
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			l.revoke(ctx)
			return nil, context.Cause(ctx)
		}
		_ = l.renew(ctx) // it must not run out while another's is waited for
	}
}

// try takes the lock if it is free or may be taken; else it returns its holder.
func (l *Lock) try(ctx context.Context, mayTake func(Holder) bool) (*Holder, error) {
	put := clientv3.OpPut(LockKey, l.value, clientv3.WithLease(l.lease))
	for range 2 {
		free := clientv3.Compare(clientv3.CreateRevision(LockKey), "=", 0)
		got, err := l.commit(ctx, free, put)
		if err != nil || got == nil {
			return nil, err
		}
		holder := holderIn(got.value)
		if holder.ID == l.me.ID { // the answer to an earlier try was lost
			return nil, nil
		}
		if !mayTake(holder) {
			return &holder, nil
		}
		same := clientv3.Compare(clientv3.ModRevision(LockKey), "=", got.revision)
		if got, err = l.commit(ctx, same, put); err != nil || got == nil {
			return nil, err
		}
	}
	return nil, errors.New("the lock changes hands all the time")
}

type lockValue struct {
	value    []byte
	revision int64
}

// commit writes if the comparison holds; else it returns what is there.
func (l *Lock) commit(ctx context.Context, cmp clientv3.Cmp, then clientv3.Op) (was *lockValue, err error) {
	var resp *clientv3.TxnResponse
	err = l.cluster.any(ctx, func(ctx context.Context, a *api) (err error) {
		resp, err = a.Txn(ctx).If(cmp).Then(then).Else(clientv3.OpGet(LockKey)).Commit()
		return err
	})
	if err != nil || resp.Succeeded {
		return nil, err
	}
	was = &lockValue{}
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		was.value, was.revision = kvs[0].Value, kvs[0].ModRevision
	}
	return was, nil
}

func (l *Lock) grant(ctx context.Context) error {
	return l.cluster.any(ctx, func(ctx context.Context, a *api) error {
		granted, err := a.Grant(ctx, int64(LockTTL/time.Second))
		if err == nil {
			l.lease = granted.ID
		}
		return err
	})
}

func (l *Lock) renew(ctx context.Context) error {
	return l.cluster.any(ctx, func(ctx context.Context, a *api) error {
		_, err := a.KeepAliveOnce(ctx, l.lease)
		return err
	})
}

func (l *Lock) revoke(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), DefaultTimeout)
	defer cancel()
	_ = l.cluster.any(ctx, func(ctx context.Context, a *api) error { // if it fails, the lease runs out
		_, err := a.Revoke(ctx, l.lease)
		return err
	})
}

// keep keeps the lease alive, through whichever member answers, and takes the
// lock again when it ran out while the cluster had no quorum.
func (l *Lock) keep(ctx context.Context) {
	defer close(l.stopped)
	tick := time.NewTicker(LockTTL / 5)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := l.renew(ctx)
		switch {
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			if err = l.grant(ctx); err != nil {
				continue
			}
			if was, err := l.try(ctx, func(Holder) bool { return false }); err == nil && was != nil {
				_ = l.note(&Held{*was})
			}
		case err == nil:
			_ = l.look(ctx, true)
		}
	}
}

// errPassed is a lock that was taken over by one who is done already.
var errPassed = errors.New("it was given back since")

// note remembers the first reason why the lock is not ours any more, and returns it.
func (l *Lock) note(why error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why != nil && l.lost == nil {
		l.lost = fmt.Errorf("the lock was taken over: %w", why)
	}
	return l.lost
}

// Lost asks the cluster, and is why the lock is not ours any more: a *Held names who
// took it over. It is nil while it is ours, or while the cluster does not say. What
// was lost once stays lost, also when the other is done.
func (l *Lock) Lost(ctx context.Context) error { return l.look(ctx, false) }

// look is Lost. Where our lease was alive just now somebody must have taken the
// key off it; else it may have run out, which keep sees to.
func (l *Lock) look(ctx context.Context, alive bool) error {
	var got *clientv3.GetResponse
	err := l.cluster.any(ctx, func(ctx context.Context, a *api) (err error) {
		got, err = a.Get(ctx, LockKey)
		return err
	})
	switch {
	case err != nil:
	case len(got.Kvs) == 0 && alive:
		return l.note(errPassed)
	case len(got.Kvs) > 0:
		if h := holderIn(got.Kvs[0].Value); h.ID != l.me.ID {
			return l.note(&Held{h})
		}
	}
	return l.note(nil)
}

// holderIn reads what the lock's key holds.
func holderIn(text []byte) (h Holder) {
	if err := json.Unmarshal(text, &h); err != nil {
		return Holder{Owner: "someone who wrote " + string(text)}
	}
	return h
}

// Close releases the lock.
func (l *Lock) Close() error {
	l.stop()
	<-l.stopped
	l.revoke(l.life)
	return nil
}

// any asks one member after another until one answers. What the server itself
// says is an answer.
func (c *Cluster) any(ctx context.Context, f func(context.Context, *api) error) error {
	var errs []error
	for _, m := range c.members {
		err := c.call(ctx, m, f)
		if err == nil || errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return err
		}
		if errors.Is(err, rpctypes.ErrPermissionDenied) {
			return plain(err)
		}
		if errors.Is(err, rpctypes.ErrNoSpace) {
			return ErrNoSpace
		}
		errs = append(errs, fmt.Errorf("%s: %w", m.Name, plain(err)))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}
