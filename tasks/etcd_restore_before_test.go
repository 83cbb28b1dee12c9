package tasks_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/tasks"
)

// notOver makes a host look as when a restore was ended before it was cleared away.
func (r *restorable) notOver(hosts ...int) {
	r.t.Helper()
	for _, i := range hosts {
		data := r.hosts[i].data()
		note, err := os.ReadFile(data + "/.etcdplay-restored")
		mustDo(r.t, err)
		_, mark, _ := strings.Cut(string(note), "\n")
		mustDo(r.t, os.MkdirAll(data+"/.etcdplay-restore/new", 0o700))
		mustDo(r.t, os.WriteFile(data+"/.etcdplay-restore/token", []byte(mark), 0o600))
		mustDo(r.t, os.Remove(data+"/.etcdplay-restored"))
	}
}

func (r *restorable) marks() (names []string) {
	for _, h := range r.hosts {
		if _, err := os.Stat(h.data() + "/.etcdplay-restore"); err == nil {
			names = append(names, h.name)
		}
	}
	return names
}

func (r *restorable) launch(names ...string) {
	r.t.Helper()
	_, err := r.run(&attempt{}, (*etcdHost).daemon, func() tasks.Module { return &tasks.Launch{} }, names...)
	mustDo(r.t, err)
}

func (r *restorable) holds(key, want string) {
	r.t.Helper()
	if got := r.ctl("get", key, "--print-value-only"); got != want {
		r.t.Errorf("%s is %q, want %q", key, got, want)
	}
}

func made(changes []string, what string) bool {
	return slices.ContainsFunc(changes, func(c string) bool { return strings.Contains(c, what) })
}

// A restore is repeated when the cluster that it made has been written to already.
func TestEtcdRestoreRepeated(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, 3)
	whole := &attempt{}
	_, err := r.restore(whole, r.backup, "confirm", "restore")
	mustDo(t, err)
	clearing := len(whole.begun) - 1 // the second of three
	if _, err = r.restore(&attempt{killedAt: clearing}, r.backup, "confirm", "again"); err == nil || len(r.marks()) == 0 {
		t.Fatalf("it was not killed: %v, %q", err, whole.begun)
	}
	r.ctl("put", "since", "1")
	for n := range 2 { // goes on; then there is nothing to do
		res, err := r.restore(&attempt{}, r.backup, "confirm", "restore")
		if err != nil || made(res.Changes, "restore the snapshot") || n == 1 && res.Changed {
			t.Fatalf("%d: %q, %v", n, res.Changes, err)
		}
	}
	r.holds("key", "old")
	r.holds("since", "1")

	t.Log("a host is none of them any more")
	r.notOver(0, 1)
	res, err := r.run(&attempt{}, r.arguments(r.backup, "confirm", "restore"), etcdRestore, "peer1", "peer2")
	if err != nil || made(res.Changes, "restore the snapshot") || len(r.marks()) > 0 {
		t.Errorf("%q, %v, %q", res.Changes, err, r.marks())
	}
	r.holds("since", "1")

	t.Log("a host has an older restore's mark")
	r.notOver(2)
	token := r.hosts[2].data() + "/.etcdplay-restore/token"
	mark, err := os.ReadFile(token)
	mustDo(t, err)
	mustDo(t, os.WriteFile(token, []byte(strings.Replace(string(mark), "mine-", "mine-other-", 1)), 0o600))
	res, err = r.restore(&attempt{}, r.backup, "confirm", "restore")
	if err != nil || !slices.Equal(res.Changes, []string{"peer3: give up the restore that was begun"}) || len(r.marks()) > 0 {
		t.Errorf("%q, %v, %q", res.Changes, err, r.marks())
	}
	r.holds("since", "1")

	t.Log("a host loses its disk before all is cleared away")
	r.notOver(0, 1)
	r.hosts[2].end(t)
	mustDo(t, os.RemoveAll(r.hosts[2].data()))
	_, err = r.restore(&attempt{check: true}, r.backup, "confirm", "restore")
	mustDo(t, err)
	_, err = r.restore(&attempt{}, r.backup, "confirm", "restore")
	if err == nil || !strings.Contains(explain(err), "replace.yml -e etcd_member=peer3") || len(r.marks()) > 0 {
		t.Fatalf("%v, %q", err, r.marks())
	}
	_, err = r.change(&attempt{}, "replace", "members", []any{"peer3"})
	mustDo(t, err)
	r.healthy("peer1", "peer2", "peer3")
	r.holds("since", "1")

	t.Log("all are down")
	for _, h := range r.hosts {
		h.end(t)
	}
	if _, err = r.restore(&attempt{}, r.backup); err == nil || !strings.Contains(explain(err), "etcd_confirm=again") {
		t.Errorf("what was written since is put aside unasked: %v", err)
	}
	_, err = r.restore(&attempt{}, r.backup, "confirm", "again")
	mustDo(t, err)
	r.healthy("peer1", "peer2", "peer3")
	r.holds("since", "")
}

// A recovery is begun, and what was lost comes back before it goes on.
func TestEtcdRecoverMeetsTheLost(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, 3)
	dir := t.TempDir()
	recover := func(a *attempt) (tasks.Result, error) {
		return r.restore(a, "", "recover", true, "dir", dir, "force", true)
	}
	begin := func() {
		t.Helper()
		r.hosts[1].end(t)
		r.hosts[2].end(t)
		a := &attempt{killedAt: 8} // a snapshot, three marks, three uploads
		if _, err := recover(a); err == nil || len(r.marks()) == 0 {
			t.Fatalf("%v, %q, %q", err, a.begun, r.marks())
		}
	}

	t.Log("a quorum")
	begin()
	r.launch("peer2")
	r.ctl("put", "back", "1")
	res, err := recover(&attempt{})
	if err != nil || !strings.Contains(res.Msg, "given up") || len(r.marks()) > 0 {
		t.Fatalf("%+v, %v, %q", res, err, r.marks())
	}
	r.launch("peer3")
	r.healthy("peer1", "peer2", "peer3")

	t.Log("a quorum, for a while")
	begin()
	r.launch("peer2")
	r.ctl("put", "back", "2")
	r.hosts[1].end(t)
	_, err = recover(&attempt{})
	mustDo(t, err)
	r.healthy("peer1", "peer2", "peer3")
	r.holds("back", "2")

	t.Log("the snapshot is gone from the controller")
	begin()
	saved, _ := filepath.Glob(dir + "/*.db")
	for _, file := range saved {
		mustDo(t, os.Remove(file))
	}
	_, err = recover(&attempt{})
	mustDo(t, err)
	r.healthy("peer1", "peer2", "peer3")
	r.holds("back", "2")
	if len(r.marks()) > 0 {
		t.Errorf("left: %q", r.marks())
	}
}
