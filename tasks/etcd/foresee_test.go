package etcd

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// seen is a cluster of peer1 to peer3, led by peer1.
func seen() (*State, []Site) {
	s := &State{Quorum: true}
	var sites []Site
	for i := range 3 {
		name, id := fmt.Sprintf("peer%d", i+1), ID(0xa1+i)
		s.Members = append(s.Members, Member{ID: id, Name: name, PeerURLs: []string{"http://" + name}})
		s.Endpoints = append(s.Endpoints, EndpointState{Name: name, Cluster: 0xc1, Member: id, Leader: 0xa1, RaftIndex: 1000, Applied: 1000})
		sites = append(sites, Site{Name: name, PeerURL: "http://" + name, Running: true, Enabled: true, Data: true})
	}
	return s, sites
}

func TestForesee(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*State, []Site) []Site
		plan   func(*State, []Site) (Step, error)
		want   string
	}{
		"grow by two": {
			func(_ *State, sites []Site) []Site {
				return append(sites, Site{Name: "peer4", PeerURL: "http://peer4"}, Site{Name: "peer5", PeerURL: "http://peer5"})
			},
			ScaleOut,
			`add peer4 as a learner (3 of 3 voters healthy, 1 may fail)
start peer4 (3 of 3 voters healthy, 1 may fail)
promote peer4 (3 of 3 voters healthy, 1 may fail; then 4 of 4, 1 may fail)
add peer5 as a learner (4 of 4 voters healthy, 1 may fail)
start peer5 (4 of 4 voters healthy, 1 may fail)
promote peer5 (4 of 4 voters healthy, 1 may fail; then 5 of 5, 2 may fail)`,
		},
		"grow while much is written": {
			func(s *State, sites []Site) []Site {
				s.Endpoints[1].RaftIndex += 5000 // it was asked after the leader
				return append(sites, Site{Name: "peer4", PeerURL: "http://peer4"})
			},
			ScaleOut,
			`add peer4 as a learner (3 of 3 voters healthy, 1 may fail)
start peer4 (3 of 3 voters healthy, 1 may fail)
promote peer4 (3 of 3 voters healthy, 1 may fail; then 4 of 4, 1 may fail)`,
		},
		"nothing to do": {nil, ScaleOut, ""},
		"remove the leader": {nil,
			func(s *State, sites []Site) (Step, error) { return ScaleIn(s, sites[0]) },
			`move the leader to peer2 (3 of 3 voters healthy, 1 may fail)
remove peer1 (3 of 3 voters healthy, 1 may fail; then 2 of 2, 0 may fail)
stop peer1 (2 of 2 voters healthy, 0 may fail)
move the data directory of peer1 aside (2 of 2 voters healthy, 0 may fail)`,
		},
		"remove one whose host is gone": {
			func(s *State, _ []Site) []Site {
				s.fall(0xa3)
				return []Site{{Name: "peer3"}}
			},
			func(s *State, sites []Site) (Step, error) { return ScaleIn(s, sites[0]) },
			`remove peer3 (2 of 3 voters healthy, 0 may fail; then 2 of 2, 0 may fail)`,
		},
		"replace one that serves": {
			func(_ *State, sites []Site) []Site {
				sites[2].Condemned = 0xa3
				return sites
			},
			func(s *State, sites []Site) (Step, error) { return Replace(s, sites[2]) },
			`remove peer3 (3 of 3 voters healthy, 1 may fail; then 2 of 2, 0 may fail)
stop peer3 (2 of 2 voters healthy, 0 may fail)
move the data directory of peer3 aside (2 of 2 voters healthy, 0 may fail)
add peer3 as a learner (2 of 2 voters healthy, 0 may fail)
start peer3 (2 of 2 voters healthy, 0 may fail)
promote peer3 (2 of 2 voters healthy, 0 may fail; then 3 of 3, 1 may fail)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, sites := seen()
			if c.change != nil {
				sites = c.change(s, sites)
			}
			steps, err := Foresee(s, sites, c.plan)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, step := range steps {
				lines = append(lines, fmt.Sprintf("%s (%s)", step, step.Margins()))
			}
			if got := strings.Join(lines, "\n"); got != c.want {
				t.Errorf("foreseen:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

// What is foreseen is what happens, where nothing goes wrong.
func TestForeseenHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sim := newSim(t, rapid.SampledFrom([]int{1, 3}).Draw(t, "members"))
		names := []string{"peer1", "peer2", "peer3", "peer4"}
		for _, name := range names {
			if sim.hosts[name] == nil {
				sim.host(name)
			}
		}
		foreseen, err := Foresee(sim.observe(), sim.sites(names...), ScaleOut)
		if err != nil {
			t.Fatal(err)
		}
		if err := sim.run(func(st *State) (Step, error) { return ScaleOut(st, sim.sites(names...)) }); err != nil {
			t.Fatal(err)
		}
		var want, did []string
		for _, step := range foreseen {
			want = append(want, step.String())
		}
		for _, step := range sim.steps {
			if last := len(did) - 1; !strings.HasPrefix(step, "wait") && step != "done" && (last < 0 || did[last] != step) {
				did = append(did, step)
			}
		}
		if fmt.Sprint(want) != fmt.Sprint(did) {
			t.Fatalf("foreseen %v, done %v", want, did)
		}
	})
}
