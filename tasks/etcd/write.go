package etcd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// TestPrefix is where TestWrite puts its keys.
const TestPrefix = "etcdplay/verify/"

// testLease is how long a test key outlives a controller that was killed.
const testLease = 30 * time.Second

// TestWrite commits a key with a random name below TestPrefix through the
// first endpoint that takes it, reads it back through every other voter with a
// linearizable read, and removes it. The key hangs on a lease of 30 s, so that
// it goes even if this process dies. The revision of the key space grows by
// two.
func (c *Cluster) TestWrite(ctx context.Context) error {
	key := TestPrefix + rand.Text()
	value := rand.Text()
	var errs []error
	for i, m := range c.members {
		lease, err := c.writeLeased(ctx, m, key, value)
		if lease != 0 {
			defer func() { // on a context of its own: the key must go, also after an interruption
				ctx := context.WithoutCancel(ctx)
				_ = c.call(ctx, m, func(ctx context.Context, a *api) error { // if it fails, the lease runs out
					_, err := a.Revoke(ctx, lease)
					return err
				})
			}()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("write through %s: %w", m.Name, plain(err)))
			continue
		}
		return c.readBack(ctx, key, value, i)
	}
	return errors.Join(errs...)
}

func (c *Cluster) writeLeased(ctx context.Context, m *connection, key, value string) (lease clientv3.LeaseID, err error) {
	err = c.call(ctx, m, func(ctx context.Context, a *api) error {
		granted, err := a.Grant(ctx, int64(testLease/time.Second))
		if err != nil {
			return err
		}
		lease = granted.ID
		_, err = a.Put(ctx, key, value, clientv3.WithLease(lease))
		return err
	})
	return lease, err
}

func (c *Cluster) readBack(ctx context.Context, key, value string, writer int) error {
	errs := make([]error, len(c.members))
	c.each(func(i int, m *connection) {
		if i == writer {
			return
		}
		var got *clientv3.GetResponse
		err := c.call(ctx, m, func(ctx context.Context, a *api) (err error) {
			got, err = a.Get(ctx, key)
			return err
		})
		switch {
		case err != nil:
			errs[i] = fmt.Errorf("read back through %s: %w", m.Name, plain(err))
		case len(got.Kvs) != 1 || string(got.Kvs[0].Value) != value:
			errs[i] = fmt.Errorf("read back through %s: a key that was just written through %s is not there", m.Name, c.members[writer].Name)
		}
	})
	return errors.Join(errs...)
}
