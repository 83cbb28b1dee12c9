package tasks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

func etcdStatus() tasks.Module { return &tasks.EtcdStatus{} }

// All on one screen, of a cluster that is well and of what becomes of it.
func TestEtcdStatus(t *testing.T) {
	t.Parallel()
	s := newServed(t, 3, true, "--quota-backend-bytes=8388608")
	ends := time.Now().Add(100 * 24 * time.Hour).UTC().Format("2006-01-02")
	shows := func(res tasks.Result, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(res.Text, text) {
				t.Errorf("it does not show %q:\n%s", text, res.Text)
			}
		}
	}

	leader := s.observe().Leader().Name
	res := s.settles(nil, etcdStatus)
	shows(res, "MEMBER", "peer1", "peer2", "peer3", "leader", "follower", etcdtest.Version, "8 MiB, 0% full", ends,
		"3 voters", "leads", "1 more may fail, all is well")
	var roles, lags int
	members, _ := res.Data.Get("members")
	for _, m := range members.([]any) {
		get := func(key string) string { v, _ := m.(*value.Dict).Get(key); return value.Str(v) }
		if (get("role") == "leader") == (get("name") == leader) {
			roles++
		}
		if get("lag") != "" && get("db_size") != "0" && get("db_in_use") != "0" && get("db_quota") == "8388608" && strings.HasPrefix(get("certificate_ends"), ends) {
			lags++
		}
	}
	if roles != 3 || lags != 3 {
		t.Errorf("register sees %s", value.Str(members))
	}

	_, err := s.do(false, etcdStatus, "expiry", 101)
	if err == nil || !strings.Contains(err.Error(), "3 problems") {
		t.Errorf("certificates that end soon: %v", err)
	}

	if !s.large(1000) {
		t.Fatal("the database takes more than its quota")
	}
	res, err = s.do(false, etcdStatus)
	if err == nil {
		t.Error("all is well, with the alarm NOSPACE")
	}
	shows(res, "alarm NOSPACE", "% full")

	s.servers[0].Stop()
	s.gone["peer2"] = true
	if res, err = s.do(false, etcdStatus); err == nil {
		t.Error("all is well, with a member down and a host away")
	}
	shows(res, "peer1", "unreachable", "peer2: the host can't be reached")

	delete(s.gone, "peer2")
	s.servers[1].Stop()
	res, err = s.do(false, etcdStatus)
	if err == nil || !strings.Contains(err.Error(), "NO QUORUM") {
		t.Errorf("with one of three: %v", err)
	}
	shows(res, "NO QUORUM: nothing is written", "peer3")

	s.servers[2].Stop()
	if _, err = s.do(false, etcdStatus); err == nil || !strings.Contains(err.Error(), "no member answers") {
		t.Errorf("with none: %v", err)
	}
}
