package etcd

import "fmt"

// An Action is what a Step does.
type Action string

// The actions. Those of the first group go through the etcd API, those of the
// second are done on the member's host.
const (
	AddLearner Action = "add as a learner"
	Promote    Action = "promote"
	MoveLeader Action = "move the leader to"
	Remove     Action = "remove"

	Start   Action = "start"    // an existing member, or one just added: with the state `existing`, and Step.Cluster
	Stop    Action = "stop"     // and let nothing start it again
	SetData Action = "set data" // move the data directory aside, never delete it; then forget how it was started
	Restart Action = "restart"  // one member, onto whatever program and arguments are wanted

	Wait Action = "wait" // nothing is to be done but to look again
	Done Action = "done" // the cluster is as wanted
)

// A Step is the one next thing that is safe to do. Nothing is remembered
// between steps: after each, the cluster is observed anew and the next one
// worked out, so an operation that was killed anywhere goes on where it was.
type Step struct {
	Action  Action
	Name    string   // the member's
	ID      ID       // the member's, where it has one already
	PeerURL string   // AddLearner
	Cluster []Member // Start of a member that was just added: who is in the member list now
	Why     string   // for Wait: what has to come true

	Before, After Margin
	During        Margin // Restart: while the member is away
}

// Margins is Before and what comes of it, for the text of a change:
// "3 of 3 voters healthy, 1 may fail; meanwhile 2 of 3, 0 may fail".
func (s Step) Margins() string {
	text := s.Before.String()
	if s.Action == Restart && s.During != s.Before {
		text += "; meanwhile " + s.During.brief()
	}
	if s.After != s.Before {
		text += "; then " + s.After.brief()
	}
	return text
}

// String is the step in words.
func (s Step) String() string {
	text := string(s.Action)
	switch s.Action {
	case Done:
	case SetData:
		text = "move the data directory of " + s.Name + " aside"
	case AddLearner:
		text = "add " + s.Name + " as a learner"
	case Wait:
		text = "wait"
		if s.Name != "" {
			text += " for " + s.Name
		}
	default:
		text += " " + s.Name
	}
	if s.Why != "" {
		text += ": " + s.Why
	}
	return text
}

// A Margin is how far a cluster is from losing its quorum.
type Margin struct {
	Voters  int // members that vote
	Healthy int // of them, those that serve
}

// Spare is how many healthy voters may fail before the cluster stops accepting
// writes; negative when it does not accept any.
func (m Margin) Spare() int { return m.Healthy - Majority(m.Voters) }

// String is "3 of 3 voters healthy, 1 may fail".
func (m Margin) String() string {
	if m.Spare() < 0 {
		return fmt.Sprintf("%d of %d voters healthy, no quorum", m.Healthy, m.Voters)
	}
	return fmt.Sprintf("%d of %d voters healthy, %d may fail", m.Healthy, m.Voters, m.Spare())
}

func (m Margin) brief() string {
	if m.Spare() < 0 {
		return fmt.Sprintf("%d of %d, no quorum", m.Healthy, m.Voters)
	}
	return fmt.Sprintf("%d of %d, %d may fail", m.Healthy, m.Voters, m.Spare())
}

// A Refusal is why an operation must not go on, and what to do instead. The
// cluster is untouched since the last step.
type Refusal struct{ Text, Hint string }

// Error is the text.
func (r *Refusal) Error() string { return r.Text }

func refuse(hint, format string, args ...any) error {
	return &Refusal{Text: fmt.Sprintf(format, args...), Hint: hint}
}

// A Site is the host of a member, wanted or present, as seen on the host.
type Site struct {
	Name    string // the member's name
	PeerURL string // the URL that it is (to be) known by
	Running bool   // its process lives
	Enabled bool   // something would start it, like its unit when the host boots
	Data    bool   // its data directory holds something
	Noted   bool   // the host has noted how it is started
	// Condemned is the member to be replaced although it serves, as its data is
	// not to be trusted; 0: none.
	Condemned ID
}

func (s Site) stopped() bool { return !s.Running && !s.Enabled }

// Serves reports whether a member answers and follows, or is, a leader.
func (s *State) Serves(id ID) bool {
	e := s.endpointOf(id)
	return e != nil && e.Leader != 0
}

func (s *State) endpointOf(id ID) *EndpointState {
	for i := range s.Endpoints {
		if e := &s.Endpoints[i]; e.Err == nil && e.Member == id {
			return e
		}
	}
	return nil
}

// Margin counts the voters.
func (s *State) Margin() (m Margin) {
	for _, member := range s.Members {
		if member.Learner {
			continue
		}
		m.Voters++
		if s.Serves(member.ID) {
			m.Healthy++
		}
	}
	return m
}

// steady refuses to operate on a cluster that is not one, or has no quorum,
// and lets wait for a leader that serves; else ok.
func (s *State) steady() (wait Step, ok bool, err error) {
	if !s.Reached() {
		return wait, false, refuse("start the cluster first", "no member answers")
	}
	if !s.Quorum {
		return wait, false, refuse("start the members that are down; if a majority is lost for good, recover the quorum from the survivor with the highest revision",
			"the cluster has no quorum")
	}
	if id, other := s.oneCluster(); other != 0 {
		return wait, false, refuse("", "the endpoints belong to two clusters, %s and %s", id, other)
	}
	if s.Leader() == nil {
		margin := s.Margin()
		return Step{Action: Wait, Why: "a leader is being elected", Before: margin, After: margin}, false, nil
	}
	return wait, true, nil
}

func (s *State) oneCluster() (first, other ID) {
	for _, e := range s.Endpoints {
		switch {
		case e.Err != nil:
		case first == 0:
			first = e.Cluster
		case e.Cluster != first:
			return first, e.Cluster
		}
	}
	return first, 0
}

// MemberAt returns the member with that peer URL: what a member is known by also
// before it has said its name.
func (s *State) MemberAt(peerURL string) (Member, bool) {
	for _, m := range s.Members {
		for _, u := range m.PeerURLs {
			if u == peerURL {
				return m, true
			}
		}
	}
	return Member{}, false
}
