package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// snapshotStall is how long a member may send nothing of a snapshot before it
// is given up.
const snapshotStall = 30 * time.Second

// Source picks the member to take a snapshot from: of those that answer, are in
// touch with a quorum and have raised no CORRUPT alarm, the follower that lags
// least; the leader only if there is no other, since it has enough to do.
func (s *State) Source() (*EndpointState, error) {
	if !s.Quorum {
		return nil, errors.New("the cluster has no quorum: what its members hold may be out of date")
	}
	var best *EndpointState
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		if !e.Agreed || e.Learner || s.corrupt(e.Member) {
			continue
		}
		switch {
		case best == nil, best.IsLeader() && !e.IsLeader():
			best = e
		case !e.IsLeader() && e.Applied > best.Applied:
			best = e
		}
	}
	if best == nil {
		return nil, errors.New("no member can be trusted with it: none is a voter that agrees with a quorum and is without the alarm CORRUPT")
	}
	return best, nil
}

// Newest picks the member that has seen most: the survivor to recover from when
// the quorum is lost for good. nil: none answers.
func (s *State) Newest() *EndpointState {
	var best *EndpointState
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		if e.Err != nil || s.corrupt(e.Member) {
			continue
		}
		if best == nil || e.Revision > best.Revision || e.Revision == best.Revision && e.Applied > best.Applied {
			best = e
		}
	}
	return best
}

func (s *State) corrupt(id ID) bool {
	for _, a := range s.Alarms {
		if a.Member == id && a.Kind == "CORRUPT" {
			return true
		}
	}
	return false
}

// Save writes a snapshot of one member's database to w, as the member sends it:
// the database and 32 bytes of SHA-256. progress is told of the bytes so far;
// it may be nil. A member that sends nothing for half a minute is given up.
func (c *Cluster) Save(ctx context.Context, member ID, s *State, w io.Writer, progress func(bytes int64)) error {
	for i, m := range c.members {
		if s.Endpoints[i].Err == nil && s.Endpoints[i].Member == member {
			if err := m.save(ctx, w, progress); err != nil {
				return fmt.Errorf("snapshot of %s: %w", m.Name, plain(err))
			}
			return nil
		}
	}
	return fmt.Errorf("snapshot: none of the endpoints is member %s", member)
}

func (m *connection) save(ctx context.Context, w io.Writer, progress func(bytes int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := fmt.Errorf("it sent nothing for %s", snapshotStall)
	watch := time.AfterFunc(snapshotStall, func() { cancel(stalled) })
	defer watch.Stop()
	a, err := m.open()
	if err != nil {
		return err
	}
	var in io.ReadCloser
	if in, err = a.maintenance.Snapshot(ctx); err != nil {
		return err
	}
	defer in.Close()
	var total int64
	buf := make([]byte, 128<<10)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			watch.Reset(snapshotStall)
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			if total += int64(n); progress != nil {
				progress(total)
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil && context.Cause(ctx) != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
	}
}

// HashAt has one member hash its key space up to a revision. compacted is the
// revision that it was compacted at: hashes compare only where this is equal.
func (c *Cluster) HashAt(ctx context.Context, member ID, s *State, revision int64) (hash uint32, compacted int64, err error) {
	for i, m := range c.members {
		if s.Endpoints[i].Err != nil || s.Endpoints[i].Member != member {
			continue
		}
		var h *clientv3.HashKVResponse
		timeout := c.timeout + time.Duration(s.Endpoints[i].DBSize/hashBytesPerSecond)*time.Second
		err := m.call(ctx, timeout, func(ctx context.Context, a *api) (err error) {
			h, err = a.maintenance.HashKV(ctx, m.URL, revision)
			return err
		})
		if err != nil {
			return 0, 0, plain(err)
		}
		return h.Hash, h.CompactRevision, nil
	}
	return 0, 0, fmt.Errorf("none of the endpoints is member %s", member)
}
