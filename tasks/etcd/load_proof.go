package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A Proof is what a Load found.
type Proof struct {
	Acknowledged int      // writes
	Unknown      int      // writes whose answer was lost: they may have been written or not
	Refused      int      // writes that a server refused
	Reads        int      // linearizable reads of the newest acknowledged write, while the load ran
	Lost         []string // the keys of acknowledged writes that were not there, at any time
	Gap          Gap      // the longest time without an acknowledgement
}

// A Gap is a time in which no write was acknowledged.
type Gap struct {
	Length time.Duration
	Late   time.Duration // so much of it at most nothing was written, because this machine was busy
	Began  time.Time
	Steps  []string // what was marked as running at its beginning and since; "" before any mark
}

// String is "1234 writes acknowledged, none lost, …".
func (p Proof) String() string {
	lost := "none lost"
	if n := len(p.Lost); n > 0 {
		lost = fmt.Sprintf("%d LOST: %s", n, strings.Join(p.Lost[:min(n, 5)], " "))
		if n > 5 {
			lost += " …"
		}
	}
	text := fmt.Sprintf("%d writes acknowledged, %s, %d without an answer, %s at most between two", p.Acknowledged, lost, p.Unknown, p.Gap.Length.Round(time.Millisecond))
	if steps := strings.Trim(strings.Join(p.Gap.Steps, ", "), ", "); steps != "" {
		text += " (at: " + steps + ")"
	}
	if p.Gap.Late > p.Gap.Length/3 {
		text += fmt.Sprintf("; this machine was busy for %s of that", p.Gap.Late.Round(time.Millisecond))
	}
	return text
}

// Acknowledged is how many writes have been acknowledged so far.
func (l *Load) Acknowledged() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.writes {
		if f == acknowledged {
			n++
		}
	}
	return n
}

// Check stops the load, reads every acknowledged write back by linearizable
// reads, removes the keys and closes the connections. An error means that not
// all could be read within two minutes, or before ctx ended, and so that
// nothing is proven.
func (l *Load) Check(ctx context.Context) (Proof, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	l.halt()
	defer l.Close()
	err := l.renew(ctx)
	if err == nil {
		err = l.readBack(ctx)
	}
	return l.proof(), err
}

// Close ends the load without a check, and removes its keys.
func (l *Load) Close() {
	l.halt()
	l.remove()
	l.end()
	<-l.tended
	l.running.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.members {
		t.dropped = true
		t.closeIfIdle() // one that is still being asked closes after that
	}
}

// halt begins no more writes and waits for the answers to those that were
// begun.
func (l *Load) halt() {
	l.stop()
	<-l.stopped
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.flying > 0 && l.life.Err() == nil { // each ends at its deadline
		l.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		l.mu.Lock()
	}
	if l.last.Before(now) && !l.last.IsZero() {
		l.silence(now)
		l.last = now
	}
}

const (
	checkTimeout = 2 * time.Minute
	pageSize     = 1000 // keys that are read at a time
)

// readBack reads all keys that should be there, and notes those that are not.
func (l *Load) readBack(ctx context.Context) error {
	for from := 0; from < len(l.writes); from += pageSize {
		page, err := l.page(ctx, from)
		if err != nil {
			return err
		}
		for n := from; n < min(from+pageSize, len(l.writes)); n++ {
			if l.writes[n] == acknowledged && page[l.key(n)] != l.value(n) {
				l.lost[n] = true
			}
		}
	}
	return nil
}

func (l *Load) page(ctx context.Context, from int) (map[string]string, error) {
	for {
		var got *clientv3.GetResponse
		err := l.askOne(ctx, func(ctx context.Context, a *api) (err error) {
			got, err = a.Get(ctx, l.key(from), clientv3.WithRange(l.key(from+pageSize)))
			return err
		})
		if err == nil {
			page := map[string]string{}
			for _, kv := range got.Kvs {
				page[string(kv.Key)] = string(kv.Value)
			}
			return page, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the acknowledged writes could not be read back: %w", errors.Join(ctx.Err(), plain(err)))
		case <-l.life.Done():
			return nil, l.life.Err()
		case <-time.After(lookEvery):
		}
	}
}

func (l *Load) proof() Proof {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := Proof{Reads: l.reads, Gap: l.gap}
	for n, f := range l.writes {
		switch f {
		case acknowledged:
			p.Acknowledged++
		case refused:
			p.Refused++
		default:
			p.Unknown++
		}
		if l.lost[n] {
			p.Lost = append(p.Lost, l.key(n))
		}
	}
	return p
}

// remove revokes the leases, and the keys with them. Where that fails, they
// run out.
func (l *Load) remove() {
	l.mu.Lock()
	all := l.leases.all
	l.leases.all, l.leases.busy = nil, true // and get no more
	l.mu.Unlock()
	for _, one := range all {
		err := l.askOne(l.life, func(ctx context.Context, a *api) error {
			_, err := a.Revoke(ctx, one.id)
			return err
		})
		if err != nil {
			return
		}
	}
}
