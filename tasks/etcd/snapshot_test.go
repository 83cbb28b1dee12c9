package etcd_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

func TestSnapshot(t *testing.T) {
	t.Parallel()
	servers := etcdtest.Servers(t, etcdtest.Version, 3)
	etcdtest.Start(t, servers...)
	c := open(t, servers)
	healthy(t, c, three)
	etcdctl := etcdtest.Program(t, etcdtest.Version, "etcdctl")
	for _, v := range []string{"a", "b", "c"} {
		if out, err := exec.Command(etcdctl, "--endpoints="+servers[0].Client, "put", "key", v).CombinedOutput(); err != nil {
			t.Fatalf("%s", out)
		}
	}
	var s *etcd.State
	etcdtest.Eventually(t, func(ctx context.Context) error {
		if s = c.Observe(ctx); len(etcd.Judge(s, three)) > 0 || s.Endpoints[0].Revision != 4 {
			return errors.New("the writes are not everywhere yet")
		}
		return nil
	})
	from, err := s.Source()
	if err != nil || from.IsLeader() {
		t.Fatalf("the source is %+v, %v: not a follower", from, err)
	}
	name := filepath.Join(t.TempDir(), "s.db")
	var whole bytes.Buffer
	if err := c.Save(t.Context(), from.Member, s, &whole, nil); err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) string {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	f, err := etcd.ReadSnapshot(write(whole.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if f.Revision != 4 || f.Keys != 3 || len(f.Members) != 3 || f.Members[2].Name != "peer3" {
		t.Errorf("read back as %+v", f)
	}
	out, err := exec.Command(etcdtest.Program(t, etcdtest.Version, "etcdutl"), "snapshot", "status", name).CombinedOutput()
	if err != nil || !strings.Contains(string(out), ", 4, ") {
		t.Errorf("etcdutl thinks otherwise: %s %v", out, err)
	}
	hash, _, err := c.HashAt(t.Context(), from.Member, s, f.Revision)
	if err != nil || hash != from.Hash {
		t.Errorf("hashes to %d, not to %d: %v", hash, from.Hash, err)
	}
	m := etcd.ManifestOf("mine", s, from, f, time.Now())
	for want, text := range map[string]string{
		"":                      f.Foreign(m, "mine", []string{servers[1].Peer}),
		`not of "yours"`:        f.Foreign(m, "yours", []string{servers[1].Peer}),
		"none of its members":   f.Foreign(nil, "mine", []string{"http://192.0.2.1:2380"}),
		"tells of another file": f.Foreign(&etcd.Manifest{SHA256: "x", Cluster: "mine"}, "mine", []string{servers[1].Peer}),
	} {
		if (want == "") != (text == "") || !strings.Contains(text, want) {
			t.Errorf("foreign because of %q, want %q", text, want)
		}
	}

	for what, bad := range map[string][]byte{
		"cut off in the middle": whole.Bytes()[:whole.Len()/2+7],
		"cut off at a page":     whole.Bytes()[:whole.Len()-sha256.Size],
		"cut off, 32 over":      whole.Bytes()[:whole.Len()-512],
		"a bit turned":          append(append(bytes.Clone(whole.Bytes()[:5000]), whole.Bytes()[5000]^1), whole.Bytes()[5001:]...),
		"empty":                 nil,
		"only a trailer":        whole.Bytes()[:32],
		"signed nonsense":       signed(bytes.Repeat([]byte("nonsense"), 1024)),
		"signed, half of it":    signed(whole.Bytes()[:8192]),
	} {
		if _, err := etcd.ReadSnapshot(write(bad)); !errors.Is(err, etcd.ErrSnapshot) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func signed(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(bytes.Clone(b), sum[:]...)
}

func TestSourceOfASnapshot(t *testing.T) {
	t.Parallel()
	voter := func(id etcd.ID, applied uint64) etcd.EndpointState {
		return etcd.EndpointState{Member: id, Leader: 1, Applied: applied, Revision: int64(applied), Agreed: true}
	}
	s := &etcd.State{Quorum: true, Endpoints: []etcd.EndpointState{voter(1, 9), voter(2, 7), voter(3, 8)}}
	if e, err := s.Source(); err != nil || e.Member != 3 {
		t.Errorf("%+v %v", e, err)
	}
	s.Alarms = []etcd.Alarm{{Member: 3, Kind: "CORRUPT"}}
	if e, err := s.Source(); err != nil || e.Member != 2 {
		t.Errorf("with 3 corrupt: %+v %v", e, err)
	}
	s.Endpoints[1].Err, s.Endpoints[1].Agreed = errors.New("down"), false
	if e, err := s.Source(); err != nil || e.Member != 1 {
		t.Errorf("with only the leader left: %+v %v", e, err)
	}
	s.Quorum = false
	if _, err := s.Source(); err == nil {
		t.Error("there is no quorum, but a source")
	}
	s.Alarms = nil
	if e := s.Newest(); e.Member != 1 {
		t.Errorf("the newest is %+v", e)
	}
}

func TestNextDefrag(t *testing.T) {
	t.Parallel()
	s := &etcd.State{Endpoints: []etcd.EndpointState{{Member: 1, Leader: 1}, {Member: 2, Leader: 1, Applied: 5}, {Member: 3, Leader: 1, Applied: 6}}}
	done := map[etcd.ID]bool{}
	var order []etcd.ID
	for {
		step := etcd.NextDefrag(s, func(e etcd.EndpointState) bool { return !done[e.Member] })
		if step.Member == nil {
			break
		}
		if step.Lead != nil {
			order = append(order, -step.Lead.Member)
		}
		order, done[step.Member.Member] = append(order, step.Member.Member), true
	}
	lead := etcd.ID(3)
	if want := []etcd.ID{2, 3, -lead, 1}; len(order) != 4 || order[0] != want[0] || order[1] != want[1] || order[2] != want[2] || order[3] != want[3] {
		t.Errorf("order %v, want %v", order, want)
	}
}
