package tasks

import "github.com/etcdplay/etcdplay/tasks/etcd"

// serving refuses a cluster that takes no writes, or can't be asked: with what each
// member said, for whoever has to mend it.
func serving(s *etcd.State) error {
	switch {
	case !s.Reached():
		return notReached(s)
	case !s.Quorum:
		f := Failf("the cluster has no quorum").
			WithHint("start the members that are down; if a majority is lost for good, recover-quorum.yml makes a cluster of what is left")
		f.Stderr = silent(s)
		return f
	}
	return nil
}

// notReached is the failure where no member answers.
func notReached(s *etcd.State) *Failure {
	f := Failf("no member answers").WithHint("%s", unreachedHint)
	f.Stderr = silent(s)
	return f
}

// unreachedHint is what to do about members that don't answer.
const unreachedHint = "status.yml tells of every host; site.yml starts members that are down, and renews certificates that have ended; " +
	"where ours are missing or of another authority, etcd_pki must name the folder with this cluster's"
