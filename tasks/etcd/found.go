package etcd

import "strings"

// Others are the other hosts that a founding member's cluster may be on already, by
// name.
type Others struct {
	Asleep []string // have data, and don't run
	Unseen []string // could not be looked at
}

// MayStart refuses the first start of a member on a host that has no data, when
// the cluster that is there does not expect it. joining: the host is to join a
// cluster that it was just added to; otherwise the hosts found one together, or
// the last of them come late.
//
// A founding member is in the list with its name from the beginning and gets its
// client URLs when it first comes up. One that has client URLs has had data.
//
// Where nobody answers, one that was founded before would be so again: as the same
// member of the same cluster, which has forgotten what it had acknowledged.
func MayStart(s *State, name, peerURL string, joining bool, others Others) error {
	if !s.Reached() || len(s.Members) == 0 {
		switch {
		case joining:
			return refuse("start the members that are down first", "%s is to join a cluster of which no member answers", name)
		case len(others.Asleep) > 0:
			return refuse("start all of them, without --limit: site.yml, or start.yml. Then replace.yml -e etcd_member=HOST, if this one has lost its data",
				"%s has no data, and must not be founded while members that have some are down: %s", name, strings.Join(others.Asleep, ", "))
		case len(others.Unseen) > 0:
			return refuse("run it when they can be reached, without --limit; a host that is gone for good must leave the group first",
				"%s has no data, and whether there is a cluster already can't be told without looking at %s", name, strings.Join(others.Unseen, ", "))
		}
		return nil // nothing is formed yet
	}
	m, known := s.MemberAt(peerURL)
	switch {
	case !known:
		return refuse("scale-out.yml adds the hosts of the group that are no members yet",
			"%s is new, and the cluster that runs has no member at %s", name, peerURL)
	case len(m.ClientURLs) > 0:
		return refuse("replace.yml removes the member and adds it anew",
			"%s has no data, but is a member that had some: its data was lost", name)
	case !joining && (!m.Started() || m.Learner):
		return refuse("scale-out.yml finishes that", "member %s at %s was added to the cluster, but has not joined it yet", m.ID, peerURL)
	}
	return nil
}
