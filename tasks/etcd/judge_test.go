package etcd

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// whole is a healthy cluster of peer1, peer2 and peer3, led by peer2, for a
// test to break.
func whole() *State {
	s := &State{Quorum: true}
	for i, name := range []string{"peer1", "peer2", "peer3"} {
		id := ID(0xa1 + i)
		s.Members = append(s.Members, Member{
			ID: id, Name: name, PeerURLs: []string{"http://" + name + ":2380"}, ClientURLs: []string{"http://" + name + ":2379"},
		})
		s.Endpoints = append(s.Endpoints, EndpointState{
			Name: name, URL: "http://" + name + ":2379", Cluster: 0xc1, Member: id, Leader: 0xa2, Version: "3.6.16",
			StorageVersion: "3.6.0", DBSize: 20480, DBInUse: 16384, DBQuota: 2147483648, RaftTerm: 2, RaftIndex: 10, Applied: 10,
			Revision: 5, HashRevision: 5, Hash: 77, CompactRevision: -1, Agreed: true,
		})
	}
	return s
}

func TestJudge(t *testing.T) {
	all := []string{"peer1", "peer2", "peer3"}
	for name, c := range map[string]struct {
		breaks func(*State)
		want   Expect
		text   []string
	}{
		"healthy":                   {func(*State) {}, Expect{Members: all, Version: "3.6.16"}, nil},
		"healthy, whoever it is":    {func(*State) {}, Expect{}, nil},
		"fewer endpoints than asks": {func(s *State) { s.Endpoints = s.Endpoints[:1] }, Expect{Members: all}, nil},

		"one is silent": {func(s *State) { s.Endpoints[2] = EndpointState{Name: "peer3", URL: "u", Err: errors.New("refused")} },
			Expect{Members: all}, []string{"peer3: u does not answer: refused"}},
		"all are silent": {func(s *State) {
			*s = State{Endpoints: []EndpointState{{Name: "peer1", URL: "u", Err: errors.New("x")}}}
		}, Expect{Members: all}, []string{"peer1: u does not answer: x"}},

		"missing":     {func(*State) {}, Expect{Members: append(all, "peer4")}, []string{"peer4: is not in the member list"}},
		"unexpected":  {func(*State) {}, Expect{Members: all[:2]}, []string{"peer3: is a member, but not one of those expected (peer1, peer2)"}},
		"unstarted":   {func(s *State) { s.Members[0].Name = "" }, Expect{Members: all}, []string{"member a1 with peer URL http://peer1:2380 was added but has never started", "peer1: is not in the member list"}},
		"other name":  {func(s *State) { s.Endpoints[0].Name, s.Endpoints[0].URL = "peer9", "u" }, Expect{Members: all}, []string{"peer9: the member that answers at u is called peer1"}},
		"same name":   {func(s *State) { s.Members[2].Name, s.Endpoints[2].Name = "peer2", "peer2" }, Expect{}, []string{"peer2: 2 members have this name"}},
		"a stranger":  {func(s *State) { s.Endpoints[0].Member = 0xff }, Expect{}, []string{"peer1: member ff, which answers at http://peer1:2379, is not in the member list"}},
		"learner":     {func(s *State) { s.Members[2].Learner, s.Endpoints[2].Learner = true, true }, Expect{Members: all}, []string{"peer3: is still a learner and does not vote"}},
		"learner, ok": {func(s *State) { s.Members[2].Learner, s.Endpoints[2].Learner = true, true }, Expect{Members: all, Learner: true}, nil},

		"two clusters": {func(s *State) { s.Endpoints[2].Cluster = 0xc9 }, Expect{},
			[]string{"the members belong to different clusters: c1 (peer1, peer2) and c9 (peer3)"}},
		"no leader": {func(s *State) {
			for i := range s.Endpoints {
				s.Endpoints[i].Leader, s.Endpoints[i].Errors = 0, []string{"etcdserver: no leader"}
			}
			s.Quorum = false
		}, Expect{}, []string{"no leader is seen by peer1, peer2, peer3"}},
		"one sees no leader": {func(s *State) { s.Endpoints[2].Leader = 0 }, Expect{}, []string{"no leader is seen by peer3"}},
		"two leaders":        {func(s *State) { s.Endpoints[2].Leader = 0xa3 }, Expect{}, []string{"there is more than one leader: a2 (peer1, peer2) and a3 (peer3)"}},
		"unknown leader": {func(s *State) {
			for i := range s.Endpoints {
				s.Endpoints[i].Leader = 0xee
			}
		}, Expect{}, []string{"the leader ee is not in the member list"}},
		"no quorum": {func(s *State) { s.Quorum = false }, Expect{}, []string{"no member could read through a quorum"}},

		"alarms": {func(s *State) {
			s.Alarms = []Alarm{{0xa1, "NOSPACE"}, {0xbb, "CORRUPT"}}
			s.Endpoints[0].Errors = []string{"alarm:NOSPACE"}
		}, Expect{}, []string{"peer1: alarm NOSPACE", "bb: alarm CORRUPT"}},
		"alarms can't be read": {func(s *State) { s.AlarmsErr = errors.New("x") }, Expect{}, []string{"the alarms could not be read: x"}},
		"complaints":           {func(s *State) { s.Endpoints[1].Errors = []string{"a", "b"} }, Expect{}, []string{"peer2: complains: a, b"}},

		"version":       {func(s *State) { s.Endpoints[1].Version = "3.5.35" }, Expect{Version: "3.6.16"}, []string{"peer2: runs version 3.5.35, not 3.6.16"}},
		"version skew":  {func(s *State) { s.Endpoints[1].Version = "3.5.35" }, Expect{}, []string{"the members run different versions: 3.6.16 (peer1, peer3) and 3.5.35 (peer2)"}},
		"data differ":   {func(s *State) { s.Endpoints[1].Hash = 78 }, Expect{}, []string{"the members' data differ (HashKV): 77 (peer1, peer3) and 78 (peer2)"}},
		"can't hash":    {func(s *State) { s.Endpoints[1].HashErr = errors.New("x") }, Expect{}, []string{"peer2: its data could not be hashed: x"}},
		"no hash taken": {func(s *State) { s.Endpoints[1].HashRevision = 0; s.Endpoints[1].Hash = 0 }, Expect{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := whole()
			c.breaks(s)
			var got []string
			for _, p := range Judge(s, c.want) {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(c.text, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTables(t *testing.T) {
	s := whole()
	s.Members[2].Name, s.Members[2].ClientURLs, s.Members[2].Learner = "", nil, true
	s.Members[0].PeerURLs = append(s.Members[0].PeerURLs, "http://[fd00::3]:2380")
	s.Members[0], s.Members[1] = s.Members[1], s.Members[0]
	s.Endpoints[2] = EndpointState{Name: "peer3", Err: errors.New("x")}
	s.Endpoints[0].Errors = []string{"no leader"}
	s.Endpoints[0].DBSize, s.Endpoints[0].DBInUse = 0, 0
	want := strings.TrimPrefix(`
+----+-----------+-------+-----------------------------------------+-------------------+------------+
| ID |  STATUS   | NAME  |               PEER ADDRS                |   CLIENT ADDRS    | IS LEARNER |
+----+-----------+-------+-----------------------------------------+-------------------+------------+
| a1 |   started | peer1 | http://peer1:2380,http://[fd00::3]:2380 | http://peer1:2379 |      false |
| a2 |   started | peer2 |                       http://peer2:2380 | http://peer2:2379 |      false |
| a3 | unstarted |       |                       http://peer3:2380 |                   |       true |
+----+-----------+-------+-----------------------------------------+-------------------+------------+
+-------------------+----+---------+-----------------+---------+--------+-----------------------+--------+-----------+------------+-----------+------------+--------------------+-----------+--------------------------+-------------------+
|     ENDPOINT      | ID | VERSION | STORAGE VERSION | DB SIZE | IN USE | PERCENTAGE NOT IN USE | QUOTA  | IS LEADER | IS LEARNER | RAFT TERM | RAFT INDEX | RAFT APPLIED INDEX |  ERRORS   | DOWNGRADE TARGET VERSION | DOWNGRADE ENABLED |
+-------------------+----+---------+-----------------+---------+--------+-----------------------+--------+-----------+------------+-----------+------------+--------------------+-----------+--------------------------+-------------------+
| http://peer1:2379 | a1 |  3.6.16 |           3.6.0 |     0 B |    0 B |                    0% | 2.1 GB |     false |      false |         2 |         10 |                 10 | no leader |                          |             false |
| http://peer2:2379 | a2 |  3.6.16 |           3.6.0 |   20 kB |  16 kB |                   20% | 2.1 GB |      true |      false |         2 |         10 |                 10 |           |                          |             false |
+-------------------+----+---------+-----------------+---------+--------+-----------------------+--------+-----------+------------+-----------+------------+--------------------+-----------+--------------------------+-------------------+
`, "\n")
	if diff := cmp.Diff(want, s.MemberTable()+s.StatusTable()); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 9: "9 B", 10: "10 B", 999: "999 B", 1000: "1.0 kB", 1023: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB", 20480: "20 kB",
		999949: "1000 kB", 1000000: "1.0 MB", 2147483648: "2.1 GB", 8589934592: "8.6 GB", 1 << 62: "4.6 EB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
}
