package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sourcegraph/conc"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// Observe is Look, and has all members hash their data, which reads all of it.
func (c *Cluster) Observe(ctx context.Context) *State {
	s := c.Look(ctx)
	c.hash(ctx, s)
	return s
}

// Look asks every endpoint, all at once, and never fails: what could not be
// learned is in the State as an error. It changes nothing. Its length is
// bounded by a few call timeouts, and by ctx.
func (c *Cluster) Look(ctx context.Context) *State {
	s := &State{Endpoints: make([]EndpointState, len(c.members))}
	c.each(func(i int, m *connection) {
		s.Endpoints[i] = c.ask(ctx, m)
	})
	s.Members, s.Quorum = memberList(s.Endpoints)
	if s.Quorum {
		s.Alarms, s.AlarmsErr = c.alarms(ctx, s)
	}
	return s
}

func (c *Cluster) each(f func(i int, m *connection)) {
	var wg conc.WaitGroup
	for i, m := range c.members {
		wg.Go(func() { f(i, m) })
	}
	wg.Wait()
}

// ask gets a member's status and its view of the member list.
func (c *Cluster) ask(ctx context.Context, m *connection) EndpointState {
	e := EndpointState{Name: m.Name, URL: m.URL}
	var st *clientv3.StatusResponse
	e.Err = c.call(ctx, m, func(ctx context.Context, a *api) (err error) {
		st, err = a.maintenance.Status(ctx, m.URL)
		return err
	})
	if e.Err != nil {
		e.Err = plain(e.Err)
		return e
	}
	e.Cluster, e.Member, e.Leader = ID(st.Header.ClusterId), ID(st.Header.MemberId), ID(st.Leader)
	e.Version, e.StorageVersion = st.Version, st.StorageVersion
	e.DBSize, e.DBInUse, e.DBQuota = st.DbSize, st.DbSizeInUse, st.DbSizeQuota
	e.RaftTerm, e.RaftIndex, e.Applied = st.RaftTerm, st.RaftIndex, st.RaftAppliedIndex
	e.Learner, e.Errors, e.Revision = st.IsLearner, st.Errors, st.Header.Revision
	if d := (*pb.StatusResponse)(st).GetDowngradeInfo(); d != nil {
		e.DowngradeTarget, e.Downgrading = d.GetTargetVersion(), d.GetEnabled()
	}
	if e.Learner { // serves neither member list nor hash
		return e
	}
	var list *clientv3.MemberListResponse
	if e.Leader != 0 { // else it would only wait for one
		e.Agreed = nil == c.call(ctx, m, func(ctx context.Context, a *api) (err error) {
			list, err = a.MemberList(ctx)
			return err
		})
	}
	if !e.Agreed {
		err := c.call(ctx, m, func(ctx context.Context, a *api) (err error) {
			list, err = a.MemberList(ctx, clientv3.WithSerializable())
			return err
		})
		if err != nil {
			e.Err = fmt.Errorf("its member list: %w", plain(err))
			return e
		}
	}
	e.Members = members(list.Members)
	return e
}

func members(list []*pb.Member) []Member {
	out := make([]Member, 0, len(list))
	for _, m := range list {
		out = append(out, Member{ID: ID(m.ID), Name: m.Name, PeerURLs: m.PeerURLs, ClientURLs: m.ClientURLs, Learner: m.IsLearner})
	}
	return out
}

// memberList picks the view to go by: one that a quorum agreed on, else any.
func memberList(endpoints []EndpointState) (list []Member, quorum bool) {
	for _, e := range endpoints {
		switch {
		case e.Err != nil:
		case e.Agreed:
			return e.Members, true
		case list == nil:
			list = e.Members
		}
	}
	return list, false
}

// alarms asks one member: the answer goes through the quorum and is the
// cluster's.
func (c *Cluster) alarms(ctx context.Context, s *State) (out []Alarm, err error) {
	for i, m := range c.members {
		if !s.Endpoints[i].Agreed {
			continue
		}
		var resp *clientv3.AlarmResponse
		err = c.call(ctx, m, func(ctx context.Context, a *api) (err error) {
			resp, err = a.maintenance.AlarmList(ctx)
			return err
		})
		if err != nil {
			err = plain(err)
			continue
		}
		for _, a := range resp.Alarms {
			out = append(out, Alarm{Member: ID(a.MemberID), Kind: a.Alarm.String()})
		}
		return out, nil
	}
	return nil, err
}

// hash has all members hash their key space up to the newest revision that
// every one of them has. A compaction between two of the answers makes equal
// data hash differently; then it is tried again.
func (c *Cluster) hash(ctx context.Context, s *State) {
	const tries = 3
	for range tries {
		rev := commonRevision(s.Endpoints)
		if rev == 0 {
			return
		}
		c.each(func(i int, m *connection) {
			if e := &s.Endpoints[i]; e.Err == nil && !e.Learner {
				c.hashOne(ctx, m, e, rev)
			}
		})
		if !compactedMeanwhile(s.Endpoints) {
			return
		}
	}
}

// hashBytesPerSecond is what a slow disk reads.
const hashBytesPerSecond = 20 << 20

func (c *Cluster) hashOne(ctx context.Context, m *connection, e *EndpointState, rev int64) {
	// Hashing reads the whole database: a large one takes longer than a call may.
	timeout := c.timeout + time.Duration(e.DBSize/hashBytesPerSecond)*time.Second
	var h *clientv3.HashKVResponse
	e.HashErr = m.call(ctx, timeout, func(ctx context.Context, a *api) (err error) {
		h, err = a.maintenance.HashKV(ctx, m.URL, rev)
		return err
	})
	if e.HashErr != nil {
		e.HashErr = plain(e.HashErr)
		return
	}
	e.Hash, e.HashRevision, e.CompactRevision = h.Hash, rev, h.CompactRevision
	e.Revision = max(e.Revision, h.Header.Revision)
}

func commonRevision(endpoints []EndpointState) (rev int64) {
	for _, e := range endpoints {
		if e.Err == nil && !e.Learner && (rev == 0 || e.Revision < rev) {
			rev = e.Revision
		}
	}
	return rev
}

func compactedMeanwhile(endpoints []EndpointState) bool {
	seen, first := false, int64(0)
	for _, e := range endpoints {
		switch {
		case e.Err != nil || e.Learner:
		case e.HashErr != nil:
			return true // most likely the revision was just compacted away
		case !seen:
			seen, first = true, e.CompactRevision
		case e.CompactRevision != first:
			return true
		}
	}
	return false
}

// plain takes grpc's wrapping off an error.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	if st.Code() == codes.DeadlineExceeded {
		return errors.New("no answer in time")
	}
	text := st.Message()
	for _, prefix := range []string{"connection error: desc = ", "transport: Error while dialing: ", "error reading server preface: "} {
		text = strings.TrimPrefix(strings.Trim(text, `"`), prefix)
	}
	return errors.New(strings.Trim(text, `"`))
}
