package etcd_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

func holder(name string) etcd.Holder { return etcd.Holder{Owner: name, Machine: name, PID: 7} }

// atOnce is an attempt that does not wait for others.
var atOnce = etcd.LockOptions{Wait: time.Nanosecond}

func lock(t *testing.T, c *etcd.Cluster, name string, o etcd.LockOptions) *etcd.Lock {
	t.Helper()
	l, err := c.Lock(t.Context(), holder(name), o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return l
}

// refused fails the test unless the lock is another's.
func refused(t *testing.T, c *etcd.Cluster, by string, o etcd.LockOptions) {
	t.Helper()
	l, err := c.Lock(t.Context(), holder("bob"), o)
	if held, ok := errors.AsType[*etcd.Held](err); !ok || held.Owner != by {
		if l != nil {
			l.Close()
		}
		t.Errorf("bob got %v, %v; want it held by %s", l, err, by)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	servers := etcdtest.Servers(t, etcdtest.Version, 3)
	etcdtest.Start(t, servers...)
	c := open(t, servers)
	healthy(t, c, three)

	alice := lock(t, c, "alice", atOnce)
	refused(t, c, "alice", atOnce)
	if err := alice.Close(); err != nil {
		t.Error(err)
	}
	bob := lock(t, c, "bob", atOnce)

	t.Log("a dead one's is taken, and a live one's by force")
	carol := lock(t, c, "carol", etcd.LockOptions{May: func(h etcd.Holder) bool { return h.Owner == "bob" }, Wait: time.Nanosecond})
	etcdtest.Eventually(t, func(context.Context) error {
		if held, ok := errors.AsType[*etcd.Held](bob.Lost(t.Context())); !ok || held.Owner != "carol" {
			return errors.New("bob does not notice that he has lost it")
		}
		return nil
	})
	if err := bob.Close(); err != nil {
		t.Error(err)
	}
	refused(t, c, "carol", atOnce) // what bob gives back is not carol's

	t.Log("one that was taken over is not taken back when the other is done")
	if err := carol.Close(); err != nil {
		t.Error(err)
	}
	dave := lock(t, c, "dave", atOnce)
	if err := dave.Lost(t.Context()); err != nil {
		t.Errorf("dave holds it, but %v", err)
	}
	if err := lock(t, c, "erin", etcd.LockOptions{May: func(etcd.Holder) bool { return true }}).Close(); err != nil {
		t.Error(err)
	}
	etcdtest.Eventually(t, func(context.Context) error {
		if dave.Lost(t.Context()) == nil {
			return errors.New("dave does not notice that he has lost it")
		}
		return nil
	})
	if err := dave.Close(); err != nil {
		t.Error(err)
	}
	carol = lock(t, c, "carol", atOnce)

	t.Log("a member that ends takes no lock with it")
	servers[0].Stop()
	etcdtest.Eventually(t, func(ctx context.Context) error {
		if s := c.Look(ctx); !s.Quorum || s.Leader() == nil {
			return errors.New("no leader")
		}
		return nil
	})
	refused(t, c, "carol", etcd.LockOptions{Wait: etcd.LockTTL + 2*time.Second}) // it is kept alive for longer than it lives
	if err := carol.Lost(t.Context()); err != nil {
		t.Error(err)
	}
	if err := carol.Close(); err != nil {
		t.Error(err)
	}
	if err := lock(t, c, "dave", atOnce).Close(); err != nil {
		t.Error(err)
	}
}

// The lock of a controller that died is waited for.
func TestLockRunsOut(t *testing.T) {
	t.Parallel()
	servers := etcdtest.Servers(t, etcdtest.Version, 1)
	etcdtest.Start(t, servers...)
	c := open(t, servers)
	healthy(t, c, etcd.Expect{})
	dying := open(t, servers)
	lock(t, dying, "alice", atOnce)
	if err := dying.Close(); err != nil { // with its connections it dies as with its process
		t.Fatal(err)
	}
	waited := false
	l := lock(t, c, "bob", etcd.LockOptions{Waiting: func(h etcd.Holder) { waited = h.Owner == "alice" }})
	if err := l.Close(); err != nil || !waited {
		t.Errorf("waited for alice: %v, error %v", waited, err)
	}
}
