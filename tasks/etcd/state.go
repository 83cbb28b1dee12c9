package etcd

import "fmt"

// An ID names a cluster or a member; etcd writes it in hexadecimal.
type ID uint64

// String is the ID as etcdctl prints it.
func (id ID) String() string { return fmt.Sprintf("%x", uint64(id)) }

// A State is what was seen of a cluster at about one time. It holds no
// connections: what to do is decided on it alone.
type State struct {
	Endpoints []EndpointState // in the order they were given
	// Members is the member list. With Quorum it is what a majority agrees on,
	// without it the view of the first member that answered, which may be
	// outdated.
	Members []Member
	Quorum  bool // a linearizable read succeeded
	Alarms  []Alarm
	// AlarmsErr is why the alarms could not be read (only asked for with a
	// quorum), or nil.
	AlarmsErr error
}

// A Member is one entry of the member list. Name is empty while the member
// was added but has never started.
type Member struct {
	ID         ID
	Name       string
	PeerURLs   []string
	ClientURLs []string
	Learner    bool
}

// Started reports whether the member ever joined.
func (m Member) Started() bool { return m.Name != "" }

// An Alarm is one raised alarm, of kind NOSPACE or CORRUPT.
type Alarm struct {
	Member ID
	Kind   string
}

// An EndpointState is what one member says of itself and of the cluster.
type EndpointState struct {
	Name, URL string // as given
	Err       error  // why it did not answer; the rest is then zero

	Cluster, Member, Leader      ID
	Version, StorageVersion      string // StorageVersion is empty before 3.6
	DBSize, DBInUse, DBQuota     int64  // bytes; DBQuota is 0 before 3.6
	RaftTerm, RaftIndex, Applied uint64
	Learner                      bool
	Errors                       []string // what the server complains of
	DowngradeTarget              string
	Downgrading                  bool

	Revision int64    // of the key space
	Members  []Member // its view of the member list; nil for a learner, which can't be asked
	Agreed   bool     // Members was read through a quorum

	HashRevision    int64 // the revision up to which Hash was computed; 0: not hashed
	Hash            uint32
	CompactRevision int64 // hashes compare only where this is equal
	HashErr         error
}

// IsLeader reports whether the member takes itself for the leader.
func (e EndpointState) IsLeader() bool { return e.Err == nil && e.Leader != 0 && e.Leader == e.Member }

// Reached reports whether any member answered.
func (s *State) Reached() bool {
	for _, e := range s.Endpoints {
		if e.Err == nil {
			return true
		}
	}
	return false
}

// Leader is the endpoint that leads, or nil if none, or more than one, says so.
func (s *State) Leader() *EndpointState {
	var leader *EndpointState
	for i := range s.Endpoints {
		if s.Endpoints[i].IsLeader() {
			if leader != nil {
				return nil
			}
			leader = &s.Endpoints[i]
		}
	}
	return leader
}

// MemberNamed returns the member of that name.
func (s *State) MemberNamed(name string) (Member, bool) {
	for _, m := range s.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// MemberByID returns the member with that ID.
func (s *State) MemberByID(id ID) (Member, bool) {
	for _, m := range s.Members {
		if m.ID == id {
			return m, true
		}
	}
	return Member{}, false
}

// Voters counts the members that vote.
func (s *State) Voters() int {
	n := 0
	for _, m := range s.Members {
		if !m.Learner {
			n++
		}
	}
	return n
}

// Majority is the number of voters that must live for a cluster of n voters
// to accept writes.
func Majority(n int) int { return n/2 + 1 }
