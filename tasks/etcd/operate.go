package etcd

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// ErrNotYet is a request that the cluster refuses for the moment: not all of
// its members have been connected for five seconds, a learner has not caught
// up, or a cluster that is new or just upgraded has not agreed on its version.
// Nothing was changed; observe and try again.
var ErrNotYet = errors.New("the cluster is not ready for this yet")

// AddLearner adds a member that does not vote yet and returns the whole member
// list with it: what its --initial-cluster must say. It may fail with
// ErrNotYet.
func (c *Cluster) AddLearner(ctx context.Context, s *State, peerURL string) (list []Member, err error) {
	err = c.askLeader(ctx, s, "add a member", func(ctx context.Context, a *api) error {
		resp, err := a.MemberAddAsLearner(ctx, []string{peerURL})
		if err == nil {
			list = members(resp.Members)
		}
		return err
	})
	return list, err
}

// Promote makes a voter of a learner. It may fail with ErrNotYet.
func (c *Cluster) Promote(ctx context.Context, s *State, id ID) error {
	return c.askLeader(ctx, s, "promote a member", func(ctx context.Context, a *api) error {
		_, err := a.MemberPromote(ctx, uint64(id))
		return err
	})
}

// Remove takes a member off the member list. Its server ends by itself. It may
// fail with ErrNotYet.
func (c *Cluster) Remove(ctx context.Context, s *State, id ID) error {
	return c.askLeader(ctx, s, "remove a member", func(ctx context.Context, a *api) error {
		_, err := a.MemberRemove(ctx, uint64(id))
		return err
	})
}

// UpdatePeerURLs tells the cluster where a member's peers find it. They look for
// it there at once, so it must be restarted there without delay.
func (c *Cluster) UpdatePeerURLs(ctx context.Context, s *State, id ID, urls []string) error {
	return c.askLeader(ctx, s, "change a member's peer URLs", func(ctx context.Context, a *api) error {
		_, err := a.MemberUpdate(ctx, uint64(id), urls)
		return err
	})
}

// MoveLeader hands the lead to another member.
func (c *Cluster) MoveLeader(ctx context.Context, s *State, to ID) error {
	return c.askLeader(ctx, s, "move the leader", func(ctx context.Context, a *api) error {
		_, err := a.maintenance.MoveLeader(ctx, uint64(to))
		return err
	})
}

// Downgrade tells the cluster that its members go back to a minor version ("3.5"),
// after it was asked whether it can. It may fail with ErrNotYet.
func (c *Cluster) Downgrade(ctx context.Context, s *State, minor string) error {
	for _, action := range []clientv3.DowngradeAction{clientv3.DowngradeValidate, clientv3.DowngradeEnable} {
		err := c.askLeader(ctx, s, "downgrade", func(ctx context.Context, a *api) error {
			_, err := a.maintenance.Downgrade(ctx, action, minor)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// askLeader sends a request to the leader, once. Whether a request whose answer was
// lost took effect is seen by observing again, not by repeating it.
func (c *Cluster) askLeader(ctx context.Context, s *State, what string, f func(context.Context, *api) error) error {
	for i, m := range c.members {
		if !s.Endpoints[i].IsLeader() {
			continue
		}
		err := c.call(ctx, m, f)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, rpctypes.ErrUnhealthy), errors.Is(err, rpctypes.ErrMemberNotEnoughStarted),
			errors.Is(err, rpctypes.ErrMemberLearnerNotReady), errors.Is(err, rpctypes.ErrTooManyLearners),
			errors.Is(err, rpctypes.ErrInvalidDowngradeTargetVersion):
			return fmt.Errorf("%s: %w: %w", what, ErrNotYet, plain(err))
		}
		return fmt.Errorf("%s: %w", what, plain(err))
	}
	return fmt.Errorf("%s: none of the endpoints leads", what)
}

// Leads reports whether the member at the first endpoint leads, as far as one
// request tells.
func (c *Cluster) Leads(ctx context.Context) bool {
	m, leads := c.members[0], false
	err := c.call(ctx, m, func(ctx context.Context, a *api) error {
		st, err := a.maintenance.Status(ctx, m.URL)
		leads = err == nil && st.Leader != 0 && st.Leader == st.Header.MemberId
		return err
	})
	return err == nil && leads
}
