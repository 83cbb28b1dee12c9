package tasks_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

func etcdAlarms() tasks.Module { return &tasks.EtcdAlarms{} }
func etcdDefrag() tasks.Module { return &tasks.EtcdDefrag{} }

// A cluster that is full: the alarm is told, stays while its reason does, and goes
// with the room that a defragmentation makes.
func TestEtcdAlarms(t *testing.T) {
	t.Parallel()
	s := newServed(t, 1, false, "--quota-backend-bytes="+strconv.Itoa(8<<20))
	if res := s.settles(nil, etcdAlarms, "disarm", "NOSPACE,CORRUPT"); res.Msg != "no alarm is raised" {
		t.Errorf("a cluster that is well: %q", res.Msg)
	}
	if !s.large(1000) {
		t.Fatal("the database takes more than its quota")
	}

	res := s.settles(nil, etcdAlarms)
	for _, want := range []string{"NOSPACE: peer1", "database ", "in use", "quota 8", "defrag.yml makes room"} {
		if !strings.Contains(res.Text, want) {
			t.Errorf("it does not say %q:\n%s", want, res.Text)
		}
	}
	list, _ := res.Data.Get("alarms")
	if text := value.Str(list); !strings.Contains(text, "NOSPACE") || !strings.Contains(text, "peer1") {
		t.Errorf("register sees %s", text)
	}
	const noRoom = "there is no room yet on peer1 ("
	if res, err := s.do(false, etcdAlarms, "disarm", "NOSPACE"); err == nil || !strings.Contains(err.Error(), noRoom) || res.Changed {
		t.Errorf("disarmed a full database: %v, changes %q", err, res.Changes)
	}
	s.compact()
	s.settles([]string{"defragment peer1", "disarm the alarm NOSPACE of peer1"}, etcdDefrag, "history", -1)
	s.settles(nil, etcdAlarms)
	s.must("put", "key", "value")
}

// Space is given back by the followers first, and the leader last, also where nobody
// writes meanwhile; the newest revisions stay.
func TestEtcdDefrag(t *testing.T) {
	t.Parallel()
	s := newServed(t, 3, false)
	s.large(50)
	newest := s.observe().Leader().Revision
	before := s.state()
	foreseen, err := s.do(true, etcdDefrag, "history", 10)
	if want := fmt.Sprintf("compact the revisions before %d", newest-10); err != nil || len(foreseen.Changes) == 0 || foreseen.Changes[0] != want {
		t.Errorf("foreseen: %q, error %v, want %q", foreseen.Changes, err, want)
	}
	if diff := cmp.Diff(before, s.state()); diff != "" {
		t.Errorf("check mode changed the cluster:\n%s", diff)
	}
	want := append([]string{foreseen.Changes[0]}, s.inTurn("defragment ")...)
	done, err := s.do(false, etcdDefrag, "history", 10)
	if diff := cmp.Diff(want, withoutMargins(done.Changes)); err != nil || diff != "" {
		t.Errorf("error %v, want (-), done (+):\n%s", err, diff)
	}
	s.settles(nil, etcdDefrag, "history", 10)
	s.must("get", "large", fmt.Sprintf("--rev=%d", newest-10), "--count-only", "-w", "fields")
	if out, err := s.ctl("admin", "", "get", "large", fmt.Sprintf("--rev=%d", newest-11)); err == nil || !strings.Contains(out, "compacted") {
		t.Errorf("what is older than the history that was to stay is there still: %q", out)
	}

	s.large(50)
	s.compact()
	done = s.settles(s.inTurn("defragment "), etcdDefrag, "history", -1)
	if freed, _ := done.Data.Get("freed"); freed.(int) < 3*4<<20 {
		t.Errorf("freed: %v", freed)
	}
	for _, e := range s.observe().Endpoints {
		if e.DBSize > 2<<20 {
			t.Errorf("%s still has %d bytes", e.Name, e.DBSize)
		}
	}

	s.servers[0].Stop()
	s.refuses("the cluster is not healthy, so no member may be taken away", "verify.yml", etcdDefrag, "history", 1)
}

// inTurn are the changes of maintenance: the followers', then the leader's, when it
// is none any more.
func (s *served) inTurn(change string) (all []string) {
	leader := s.observe().Leader().Name
	for _, h := range s.hosts {
		if h.name != leader {
			all = append(all, change+h.name)
		}
	}
	return append(all, "move the leader", change+leader)
}
