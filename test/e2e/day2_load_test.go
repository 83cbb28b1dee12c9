package e2e

import (
	"context"
	"testing"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/test/etcdproof"
)

// A siege is all that uses a cluster while something is done to it: unique
// writes that are read back, and clients whose history must be linearizable.
type siege struct {
	load    *etcd.Load
	clients *etcdproof.Clients
}

// besiege begins to use the cluster, and returns when it does.
func (c *cluster) besiege(t *testing.T, schemes ...string) *siege {
	t.Helper()
	l, err := etcd.StartLoad(context.Background(), c.endpoints(t, schemes...), c.options(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return &siege{load: l, clients: etcdproof.Start(t, c.endpoints(t, schemes...), c.options())}
}

// more waits until n more writes are acknowledged.
func (s *siege) more(t *testing.T, n int) {
	t.Helper()
	from := s.load.Acknowledged()
	eventually(t, "more acknowledged writes", func() bool { return s.load.Acknowledged() >= from+n })
}

// lift ends the siege, and fails the test if an acknowledged write is lost or
// the history is not linearizable.
func (s *siege) lift(t *testing.T) {
	t.Helper()
	s.more(t, 20)
	p, err := s.load.Check(context.Background())
	switch {
	case err != nil:
		t.Error(err)
	case len(p.Lost) > 0:
		t.Errorf("acknowledged writes are lost: %s", p)
	default:
		t.Log(p)
	}
	s.clients.Check()
}
