package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Waste is what a defragmentation of the member would give back: bytes.
func (e EndpointState) Waste() int64 { return max(0, e.DBSize-e.DBInUse) }

// A DefragStep is the next step of a defragmentation. The zero value: nothing
// is left to do.
type DefragStep struct {
	Member *EndpointState // to be defragmented
	Lead   *EndpointState // to be handed the lead before that; nil: Member does not lead
}

// NextDefrag works out the next step: followers first, one at a time; the lead
// moves to one that is done, and the old leader comes last. wasteful says which
// members need it.
func NextDefrag(s *State, wasteful func(EndpointState) bool) DefragStep {
	var leader, heir *EndpointState
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		switch {
		case e.Err != nil:
		case e.IsLeader():
			leader = e
		case wasteful(*e):
			return DefragStep{Member: e}
		case !e.Learner && (heir == nil || e.Applied > heir.Applied):
			heir = e
		}
	}
	if leader == nil || !wasteful(*leader) {
		return DefragStep{}
	}
	return DefragStep{Member: leader, Lead: heir}
}

// Unfit says why no maintenance may be done, which takes one member away at a
// time: anything that is wrong but the alarm NOSPACE, which it may be for.
func (s *State) Unfit(members []string) *Problem {
	for _, p := range Judge(s, Expect{Members: members}) {
		if p.Text != "alarm NOSPACE" {
			return &p
		}
	}
	return nil
}

// Electing reports whether a member that answers knows of no leader.
func (s *State) Electing() bool {
	return slices.ContainsFunc(s.Endpoints, func(e EndpointState) bool { return e.Err == nil && e.Leader == 0 })
}

// NearLeader reports whether a member has applied all but a few entries of what
// its leader has.
func (s *State) NearLeader(member ID) bool {
	leader := s.Leader()
	i := slices.IndexFunc(s.Endpoints, func(e EndpointState) bool { return e.Err == nil && e.Member == member })
	return leader != nil && i >= 0 && s.Endpoints[i].Leader == leader.Member && leader.Applied <= s.Endpoints[i].Applied+NearEnough
}

// SameInUse reports whether all members use about as much of their databases, as
// they do when a compaction is over on each.
func (s *State) SameInUse() bool {
	var least, most int64 = -1, 0
	for _, e := range s.Endpoints {
		if e.Err == nil {
			most = max(most, e.DBInUse)
			if least < 0 || e.DBInUse < least {
				least = e.DBInUse
			}
		}
	}
	return most-least < 1<<20+most/20
}

// roomShare is how full a database may be when the alarm NOSPACE is taken back:
// a fuller one would raise it again soon.
const roomShare = 0.9

// Full names the members whose databases leave no room below their quota, with
// their sizes. quota stands for the servers' own where they don't tell it
// (before 3.6); 0: etcd's default.
func (s *State) Full(quota int64) (all []string) {
	for _, e := range s.Endpoints {
		if e.Err != nil {
			continue
		}
		limit := e.DBQuota
		if limit == 0 {
			limit = quota
		}
		if limit == 0 {
			limit = defaultQuota
		}
		if float64(e.DBSize) > roomShare*float64(limit) {
			all = append(all, fmt.Sprintf("%s (%d of %d MiB)", e.Name, e.DBSize>>20, limit>>20))
		}
	}
	return all
}

// defaultQuota is etcd's own, in bytes.
const defaultQuota = 2 << 30

// Compact drops all revisions before one, on all members, and waits until the
// one that was asked has set their space free; the others take about as long.
// What is compacted already is no error.
//
// A server counts what it freed as unused only a few writes later, and where nobody
// writes that is never. So the last revisions are dropped one by one.
func (c *Cluster) Compact(ctx context.Context, s *State, revision int64) error {
	i := slices.IndexFunc(s.Endpoints, func(e EndpointState) bool { return e.Agreed })
	if i < 0 {
		return errors.New("compact: no member is in touch with a quorum")
	}
	e := s.Endpoints[i]
	for at := min(revision, max(revision-lastCompactions, e.CompactRevision+1, 1)); at <= revision; at++ {
		if err := c.members[i].compact(ctx, c.timeout+time.Duration(e.DBSize/hashBytesPerSecond)*time.Second+time.Minute, at); err != nil {
			return fmt.Errorf("compact: %w", plain(err))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(compactionPause):
		}
	}
	return nil
}

const (
	lastCompactions = 4                      // revisions that are dropped one by one
	compactionPause = 300 * time.Millisecond // servers write at least every 100 ms, once there is something to write
)

func (m *connection) compact(ctx context.Context, timeout time.Duration, revision int64) error {
	return m.call(ctx, timeout, func(ctx context.Context, a *api) error {
		_, err := a.Compact(ctx, revision, clientv3.WithCompactPhysical())
		if errors.Is(err, rpctypes.ErrCompacted) {
			return nil
		}
		return err
	})
}

// defragBytesPerSecond is what a slow disk copies.
const defragBytesPerSecond = 5 << 20

// Defragment has one member rewrite its database without what is not in use. It
// serves nobody meanwhile.
func (c *Cluster) Defragment(ctx context.Context, s *State, member ID) error {
	for i, m := range c.members {
		if s.Endpoints[i].Err != nil || s.Endpoints[i].Member != member {
			continue
		}
		timeout := time.Minute + time.Duration(s.Endpoints[i].DBSize/defragBytesPerSecond)*time.Second
		err := m.call(ctx, timeout, func(ctx context.Context, a *api) error {
			_, err := a.maintenance.Defragment(ctx, m.URL)
			return err
		})
		if err != nil {
			return fmt.Errorf("defragment %s: %w", m.Name, plain(err))
		}
		return nil
	}
	return fmt.Errorf("defragment: none of the endpoints is member %s", member)
}

var alarmKinds = map[string]pb.AlarmType{"NOSPACE": pb.AlarmType_NOSPACE, "CORRUPT": pb.AlarmType_CORRUPT}

// Disarm takes one alarm back. Where its reason lasts, etcd raises it again at
// the next write.
func (c *Cluster) Disarm(ctx context.Context, s *State, alarm Alarm) error {
	kind, ok := alarmKinds[alarm.Kind]
	if !ok {
		return fmt.Errorf("disarm: there is no alarm %s", alarm.Kind)
	}
	for i, m := range c.members {
		if !s.Endpoints[i].Agreed {
			continue
		}
		err := c.call(ctx, m, func(ctx context.Context, a *api) error {
			_, err := a.maintenance.AlarmDisarm(ctx, &clientv3.AlarmMember{MemberID: uint64(alarm.Member), Alarm: kind})
			return err
		})
		if err != nil {
			return fmt.Errorf("disarm %s: %w", alarm.Kind, plain(err))
		}
		return nil
	}
	return errors.New("disarm: no member is in touch with a quorum")
}
