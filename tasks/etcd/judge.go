package etcd

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Expect says what a healthy cluster looks like.
type Expect struct {
	Members []string // the names of all members; nil: whoever is there
	Version string   // the version of every server ("3.6.16"); "": any one, but all the same
	Learner bool     // learners are all right
}

// A Problem is one reason why a cluster is not as expected.
type Problem struct {
	Member string // the member's name or URL, or "" for the cluster
	Text   string
	Hint   string // what to do next, or ""
}

// String is the problem on one line, without the hint.
func (p Problem) String() string {
	if p.Member == "" {
		return p.Text
	}
	return p.Member + ": " + p.Text
}

// Judge compares what was seen with what is expected. No problem means that
// all endpoints answered and that the cluster is whole: exactly the expected
// members, all started, in one cluster with one leader and a quorum, without
// alarms and with equal data.
func Judge(s *State, want Expect) []Problem {
	j := &judge{state: s, want: want}
	j.answers()
	j.clusters()
	j.members()
	j.names()
	j.leader()
	j.alarms()
	j.versions()
	j.hashes()
	return j.problems
}

type judge struct {
	state    *State
	want     Expect
	problems []Problem
}

func (j *judge) add(member, hint, format string, args ...any) {
	j.problems = append(j.problems, Problem{Member: member, Text: fmt.Sprintf(format, args...), Hint: hint})
}

// answered are the endpoints that said anything.
func (j *judge) answered() []EndpointState {
	return slices.DeleteFunc(slices.Clone(j.state.Endpoints), func(e EndpointState) bool { return e.Err != nil })
}

func (j *judge) answers() {
	for _, e := range j.state.Endpoints {
		if e.Err != nil {
			j.add(e.Name, "", "%s does not answer: %v", e.URL, e.Err)
		}
	}
}

func (j *judge) clusters() {
	by := map[ID][]string{}
	for _, e := range j.answered() {
		by[e.Cluster] = append(by[e.Cluster], e.Name)
	}
	if len(by) < 2 {
		return
	}
	j.add("", "a member kept data of another cluster, or formed one of its own; stop it, move its data directory aside and let it join anew",
		"the members belong to different clusters: %s", grouped(by))
}

func (j *judge) members() {
	if !j.state.Reached() {
		return
	}
	found := map[string]int{}
	for _, m := range j.state.Members {
		if !m.Started() {
			j.add("", "start it, or remove the entry with `etcdctl member remove "+m.ID.String()+"`",
				"member %s with peer URL %s was added but has never started", m.ID, strings.Join(m.PeerURLs, ","))
			continue
		}
		found[m.Name]++
		if m.Learner && !j.want.Learner {
			j.add(m.Name, "", "is still a learner and does not vote")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if n := found[name]; n > 1 {
			j.add(name, "", "%d members have this name", n)
		}
		if j.want.Members != nil && !slices.Contains(j.want.Members, name) {
			j.add(name, "put its host back into the group, or take it out of the cluster: etcdplay run scale-in.yml -e etcd_remove="+name,
				"is a member, but not one of those expected (%s)", strings.Join(j.want.Members, ", "))
		}
	}
	for _, name := range j.want.Members {
		if found[name] == 0 {
			j.add(name, "", "is not in the member list")
		}
	}
}

// names checks that the server behind each endpoint is the one meant.
func (j *judge) names() {
	for _, e := range j.answered() {
		m, known := j.state.MemberByID(e.Member)
		switch {
		case e.Learner: // its own view can't be asked for; the list was checked
		case !known:
			j.add(e.Name, "", "member %s, which answers at %s, is not in the member list", e.Member, e.URL)
		case m.Started() && e.Name != "" && m.Name != e.Name:
			j.add(e.Name, "give every member the name of its host, or say the name with `name:`",
				"the member that answers at %s is called %s", e.URL, m.Name)
		}
	}
}

func (j *judge) leader() {
	by := map[ID][]string{}
	for _, e := range j.answered() {
		by[e.Leader] = append(by[e.Leader], e.Name)
	}
	if without := by[0]; len(without) > 0 {
		j.add("", "a leader needs a majority of the members, and their peer ports open to each other",
			"no leader is seen by %s", strings.Join(without, ", "))
		delete(by, 0)
	}
	switch {
	case len(by) > 1:
		j.add("", "", "there is more than one leader: %s", grouped(by))
	case len(by) == 1:
		for id := range by {
			if _, ok := j.state.MemberByID(id); !ok && len(j.state.Members) > 0 {
				j.add("", "", "the leader %s is not in the member list", id)
			}
		}
		if !j.state.Quorum {
			j.add("", "", "no member could read through a quorum")
		}
	}
}

func (j *judge) alarms() {
	for _, a := range j.state.Alarms {
		name := a.Member.String()
		if m, ok := j.state.MemberByID(a.Member); ok && m.Started() {
			name = m.Name
		}
		hint := ""
		switch a.Kind {
		case "NOSPACE":
			hint = "the database reached its quota: compact, defragment the members one at a time, then `etcdctl alarm disarm`"
		case "CORRUPT":
			hint = "the member's data differs from the others': replace the member, then `etcdctl alarm disarm`"
		}
		j.add(name, hint, "alarm %s", a.Kind)
	}
	if j.state.AlarmsErr != nil {
		j.add("", "", "the alarms could not be read: %v", j.state.AlarmsErr)
	}
	if len(j.state.Alarms) > 0 {
		return // the servers' complaints say the same
	}
	for _, e := range j.answered() {
		if e.Leader != 0 && len(e.Errors) > 0 {
			j.add(e.Name, "", "complains: %s", strings.Join(e.Errors, ", "))
		}
	}
}

func (j *judge) versions() {
	by := map[string][]string{}
	for _, e := range j.answered() {
		by[e.Version] = append(by[e.Version], e.Name)
		if j.want.Version != "" && e.Version != j.want.Version {
			j.add(e.Name, "", "runs version %s, not %s", e.Version, j.want.Version)
		}
	}
	if j.want.Version == "" && len(by) > 1 {
		j.add("", "", "the members run different versions: %s", grouped(by))
	}
}

func (j *judge) hashes() {
	for _, e := range j.answered() {
		if e.HashErr != nil {
			j.add(e.Name, "", "its data could not be hashed: %v", e.HashErr)
		}
	}
	if text := j.state.Diverged(); text != "" {
		j.add("", "a snapshot first; then replace the member that differs from the majority", "%s", text)
	}
}

// Diverged tells that the members hold different data, and who holds what; ""
// if they don't, as far as they could be asked.
func (s *State) Diverged() string {
	by := map[string][]string{}
	for _, e := range s.Endpoints {
		if e.Err == nil && e.HashErr == nil && e.HashRevision != 0 {
			key := fmt.Sprintf("%d", e.Hash)
			if e.CompactRevision > 0 { // -1: never compacted
				key += fmt.Sprintf(" (compacted at %d)", e.CompactRevision)
			}
			by[key] = append(by[key], e.Name)
		}
	}
	if len(by) > 1 {
		return fmt.Sprintf("the members' data differ (HashKV): %s", grouped(by))
	}
	return ""
}

// grouped is "a (peer1, peer2) and b (peer3)", the largest group first.
func grouped[K comparable](by map[K][]string) string {
	var parts []string
	keys := slices.SortedFunc(maps.Keys(by), func(a, b K) int {
		if d := len(by[b]) - len(by[a]); d != 0 {
			return d
		}
		return strings.Compare(by[a][0], by[b][0])
	})
	for _, k := range keys {
		parts = append(parts, fmt.Sprintf("%v (%s)", k, strings.Join(by[k], ", ")))
	}
	return strings.Join(parts, " and ")
}
