package etcd

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// running is a whole cluster whose members run these versions.
func running(versions ...string) *State {
	s := whole()
	for i, v := range versions {
		s.Endpoints[i].Version = v
	}
	return s
}

// told is a cluster that was told of a downgrade, with the form its members keep
// their data in.
func told(target, storage string, versions ...string) *State {
	s := running(versions...)
	for i := range s.Endpoints {
		s.Endpoints[i].Downgrading, s.Endpoints[i].DowngradeTarget, s.Endpoints[i].StorageVersion = true, target, storage
	}
	return s
}

func TestCheckChange(t *testing.T) {
	for name, c := range map[string]struct {
		s     *State
		to    string
		older bool
		want  string // a part of the refusal, or "" if it is allowed
	}{
		"a patch":                  {running("3.6.11", "3.6.11", "3.6.11"), "3.6.16", false, ""},
		"a minor version":          {running("3.5.35", "3.5.35", "3.6.16"), "3.6.16", false, ""},
		"a minor version skipped":  {running("3.5.35", "3.5.35", "3.5.35"), "3.7.3", false, "a minor version would be skipped"},
		"below the floor":          {running("3.5.20", "3.5.35", "3.5.35"), "3.6.16", false, "only from 3.5.32 on"},
		"an older patch":           {running("3.6.16", "3.6.16", "3.6.16"), "3.6.11", false, "newer than 3.6.11"},
		"an older patch, meant":    {running("3.6.16", "3.6.16", "3.6.16"), "3.6.11", true, ""},
		"back untold":              {running("3.6.16", "3.6.16", "3.6.16"), "3.5.35", true, "was not told of a downgrade"},
		"back, told":               {told("3.5.0", "3.5.0", "3.6.16", "3.6.16", "3.6.16"), "3.5.35", false, ""},
		"back, half way":           {told("3.5.0", "3.5.0", "3.6.16", "3.5.35", "3.6.16"), "3.5.35", false, ""},
		"back, not ready":          {told("3.5.0", "3.6.0", "3.6.16", "3.6.16", "3.6.16"), "3.5.35", false, "in the form of 3.6.0"},
		"forward while going back": {told("3.5.0", "3.5.0", "3.6.14", "3.6.14", "3.6.14"), "3.6.16", false, "on its way back to 3.5.0"},
		"two minor versions back":  {running("3.7.3", "3.7.3", "3.7.3"), "3.5.35", true, "a minor version would be skipped"},
		"no version":               {running("3.6.16", "3.6.16", "3.6.16"), "latest", false, "no version"},
	} {
		t.Run(name, func(t *testing.T) {
			var from []string
			for _, e := range c.s.Endpoints {
				from = append(from, e.Version)
			}
			err := CheckChange(c.s, from, c.to, c.older)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestGoBack(t *testing.T) {
	for name, c := range map[string]struct {
		s    *State
		to   string
		tell bool
		want string
	}{
		"not told yet":    {running("3.6.16", "3.6.16", "3.6.16"), "3.5.35", true, ""},
		"told":            {told("3.5.0", "3.6.0", "3.6.16", "3.6.16", "3.6.16"), "3.5.35", false, ""},
		"there":           {running("3.5.35", "3.5.35", "3.5.35"), "3.5.35", false, ""},
		"a patch":         {running("3.6.16", "3.6.16", "3.6.16"), "3.6.11", false, ""},
		"forward":         {running("3.6.11", "3.6.16", "3.6.16"), "3.6.16", false, "is older than"},
		"told of another": {told("3.6.0", "3.6.0", "3.7.3", "3.7.3", "3.7.3"), "3.7.2", false, "on its way back to 3.6.0"},
		"too far":         {running("3.7.3", "3.7.3", "3.7.3"), "3.5.35", false, "skipped"},
	} {
		tell, err := GoBack(c.s, c.to)
		if tell != c.tell || c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, %v; want %v, %q", name, tell, err, c.tell, c.want)
		}
	}
}

func TestRemoved(t *testing.T) {
	for _, c := range []struct {
		version, setting, instead string
		gone                      bool
	}{
		{"3.7.3", "experimental-initial-corrupt-check", "feature-gates: InitialCorruptCheck=true", true},
		{"3.7.3", "experimental-corrupt-check-time", "corrupt-check-time", true},
		{"3.7.3", "corrupt-check-time", "", false},
		{"3.6.16", "experimental-corrupt-check-time", "", false},
	} {
		if instead, gone := Removed(c.version, c.setting); instead != c.instead || gone != c.gone {
			t.Errorf("%s, %s: %q, %v", c.version, c.setting, instead, gone)
		}
	}
}

// The bytes are what lies before the word PUT in the log of a member of 3.5.35.
func TestFormer(t *testing.T) {
	for text, want := range map[string]uint64{
		"00000000000000080210b3e188a0021a06080010021804a100000000000087080210af9285f4081a9601080010021805228d0108818cf4f6dfc2a8a4dd011203": 5,
		"00000000000000000000000000004c00000000000084080210aeb6e3df0b1a42080010021811223a08928cf4f6dfc2a8a4dd011203":                       0x11,
		"48656c6c6f205055541a": 0, // "Hello PUT"
		"":                     0,
	} {
		head, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := Former(head); got != want || ok != (want != 0) {
			t.Errorf("%s: %d, %v; want %d", text, got, ok, want)
		}
	}
}

func TestMayStart(t *testing.T) {
	at := func(change func(m *Member)) *State {
		s := whole()
		s.Members[2].ClientURLs = nil // a founder that has not come up yet
		if change != nil {
			change(&s.Members[2])
		}
		return s
	}
	for name, c := range map[string]struct {
		s       *State
		joining bool
		want    string
		others  Others
	}{
		"nobody there":             {s: &State{}},
		"others sleep":             {s: &State{}, others: Others{Asleep: []string{"peer1", "peer2"}}, want: "while members that have some are down: peer1, peer2"},
		"others were not seen":     {s: &State{}, others: Others{Unseen: []string{"peer2"}}, want: "can't be told without looking at peer2"},
		"some answer all the same": {s: at(nil), others: Others{Asleep: []string{"peer1"}, Unseen: []string{"peer2"}}},
		"joins nobody":             {s: &State{}, joining: true, want: "of which no member answers"},
		"the last founder":         {s: at(nil)},
		"unknown":                  {s: at(func(m *Member) { m.PeerURLs = []string{"http://other"} }), want: "has no member at http://peer3:2380"},
		"unknown, joining":         {s: at(func(m *Member) { m.PeerURLs = []string{"http://other"} }), joining: true, want: "has no member at http://peer3:2380"},
		"had data":                 {s: whole(), want: "its data was lost"},
		"had data, joining":        {s: whole(), joining: true, want: "its data was lost"},
		"added":                    {s: at(func(m *Member) { m.Name = "" }), want: "has not joined it yet"},
		"added as a learner":       {s: at(func(m *Member) { m.Learner = true }), want: "has not joined it yet"},
		"added, joining":           {s: at(func(m *Member) { m.Name, m.Learner = "", true }), joining: true},
		"a list not known so far":  {s: &State{Endpoints: []EndpointState{{Name: "peer1"}}}},
	} {
		err := MayStart(c.s, "peer3", "http://peer3:2380", c.joining, c.others)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// What is supposed is what a run would then see.
func TestSuppose(t *testing.T) {
	s := whole()
	s.Endpoints[2] = EndpointState{Name: "peer3", Err: errors.New("refused")}
	down := func(string) bool { return false }
	if _, err := Roll(s.Suppose(down), []string{"peer1"}, nil, down); err == nil {
		t.Error("a restart while another member is down is not refused")
	}
	step, err := Roll(s.Suppose(func(name string) bool { return name == "peer3" }), []string{"peer1"}, nil, down)
	if err != nil || step.Action != Restart || step.Margins() != "3 of 3 voters healthy, 1 may fail; meanwhile 2 of 3, 0 may fail" {
		t.Errorf("%v (%s), %v", step, step.Margins(), err)
	}
	if s.Endpoints[2].Err == nil {
		t.Error("what was seen has changed")
	}
}

func TestCaughtUp(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(e *EndpointState)
		want   bool
	}{
		"serves":             {func(*EndpointState) {}, true},
		"a little behind":    {func(e *EndpointState) { e.RaftIndex, e.Applied = 1000, 950 }, true},
		"no leader":          {func(e *EndpointState) { e.Leader = 0 }, false},
		"cut off":            {func(e *EndpointState) { e.Agreed = false }, false},
		"does not answer":    {func(e *EndpointState) { *e = EndpointState{Name: "peer1", Err: errors.New("refused")} }, false},
		"much to be applied": {func(e *EndpointState) { e.RaftIndex, e.Applied = 1000, 10 }, false},
	} {
		s := whole()
		c.breaks(&s.Endpoints[0])
		if err := s.CaughtUp("peer1"); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
