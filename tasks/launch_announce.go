package tasks

import (
	"context"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// announce tells the cluster where the member's peers will find it, when that is
// elsewhere than now: just before the restart, for they look for it there at once.
func (u *turn) announce(ctx context.Context, cluster *etcd.Cluster, s *etcd.State) error {
	m, ok := s.MemberNamed(u.name)
	if !ok || u.Etcd.PeerURL == "" || slices.Contains(m.PeerURLs, u.Etcd.PeerURL) {
		return nil
	}
	if !u.t.Would("tell the cluster that %s will be at %s, no longer at %s", u.name, u.Etcd.PeerURL, strings.Join(m.PeerURLs, ", ")) {
		return nil
	}
	if err := cluster.UpdatePeerURLs(ctx, s, m.ID, []string{u.Etcd.PeerURL}); err != nil {
		return Failf("%w", err).WithHint("run again: what is done already stays")
	}
	return nil
}
