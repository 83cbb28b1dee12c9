package tasks

import (
	"strings"
	"testing"
)

// Members that go on keep their majority, also those that nobody could look at.
func TestLaunchMayStop(t *testing.T) {
	on, off := &daemon{process: &process{}}, &daemon{}
	out := func(name string, d *daemon) Peer { return Peer{Name: name, Gathered: d, Outside: true} }
	in := func(name string) Peer { return Peer{Name: name, Gathered: on} }
	three := []Peer{{Name: "peer1"}, {Name: "peer2"}, {Name: "peer3"}}
	for name, c := range map[string]struct {
		peers  []Peer
		quorum int
		want   string
	}{
		"all":                              {[]Peer{in("peer1"), in("peer2"), in("peer3")}, -1, ""},
		"one of three":                     {[]Peer{out("peer1", on), in("peer2"), out("peer3", on)}, -1, ""},
		"one, and another is down":         {[]Peer{out("peer1", on), in("peer2"), out("peer3", off)}, -1, "no majority (1 of 3"},
		"one, and another is out of reach": {[]Peer{out("peer1", on), in("peer2")}, -1, "no majority (1 of 3"},
		"two of three":                     {[]Peer{in("peer1"), in("peer2"), out("peer3", on)}, -1, "no majority (1 of 3"},
		"the last that runs":               {[]Peer{out("peer1", off), in("peer2"), out("peer3", off)}, -1, ""},
		"others can't be seen":             {[]Peer{in("peer2")}, -1, "there was no look at peer1, peer3"},
		"one is down, one can't be seen":   {[]Peer{in("peer2"), out("peer3", off)}, -1, "there was no look at peer1,"},
		"all but one that can't be seen":   {[]Peer{in("peer1"), in("peer2")}, -1, "there was no look at peer3,"},
		"forced":                           {[]Peer{in("peer1"), in("peer2")}, 0, ""},
	} {
		l := &Launch{Name: "etcd", Quorum: c.quorum, Etcd: &LaunchEtcd{}}
		err := l.mayStop(&Target{Peers: c.peers, Everyone: three}, on)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
