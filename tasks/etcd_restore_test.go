package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

func etcdRestore() tasks.Module { return &tasks.EtcdRestore{} }

// A restorable cluster is one of members that launch runs, with a backup.
type restorable struct {
	*etcdHosts
	etcdutl, backup string
}

func newRestorable(t *testing.T, members int) *restorable {
	t.Helper()
	r := &restorable{newEtcdHosts(t, members), etcdtest.Program(t, etcdtest.Version, "etcdutl"), filepath.Join(t.TempDir(), "backup.db")}
	r.found()
	if members > 1 {
		_, err := r.change(&attempt{}, "scale-out")
		mustDo(t, err)
	}
	r.ctl("put", "key", "old")
	_, err := r.run(&attempt{}, func(h *etcdHost) *value.Dict {
		return value.NewDict("etcd", h.api(), "cluster", "mine", "dest", r.backup)
	}, etcdBackup)
	mustDo(t, err)
	r.ctl("put", "key", "new")
	return r
}

func (r *restorable) ctl(args ...string) string {
	r.t.Helper()
	out, err := exec.Command(etcdtest.Program(r.t, etcdtest.Version, "etcdctl"), append(args, "--endpoints=http://"+r.hosts[0].client)...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("etcdctl %s: %s", strings.Join(args, " "), out)
	}
	return strings.TrimSpace(string(out))
}

func (r *restorable) restore(a *attempt, backup string, more ...any) (tasks.Result, error) {
	r.t.Helper()
	return r.run(a, r.arguments(backup, more...), etcdRestore)
}

func (r *restorable) arguments(backup string, more ...any) func(*etcdHost) *value.Dict {
	return func(h *etcdHost) *value.Dict {
		daemon := h.daemon() // which lives before there is a quorum
		_, port, _ := strings.Cut(h.peer, ":")
		daemon.Set("alive", value.NewDict("port", port, "timeout", 30))
		return value.NewDict(append([]any{"etcd", h.api(), "cluster", "mine", "backup", backup, "daemon", daemon,
			"data_dir", h.data(), "etcdutl", r.etcdutl}, more...)...)
	}
}

// files are those of the data directory that a restore makes or moves.
func (r *restorable) files() (names []string) {
	names, _ = filepath.Glob(r.hosts[0].data() + "/*")
	hidden, _ := filepath.Glob(r.hosts[0].data() + "/.*")
	return append(names, hidden...)
}

// changed is the backup, with its .json, changed.
func (r *restorable) changed(name string, change func([]byte) []byte, told func(*etcd.Manifest)) string {
	r.t.Helper()
	text, err := os.ReadFile(r.backup)
	mustDo(r.t, err)
	m, err := etcd.ReadManifest(r.backup)
	mustDo(r.t, err)
	if told != nil {
		told(m)
	}
	manifest, err := m.Text()
	mustDo(r.t, err)
	file := filepath.Join(filepath.Dir(r.backup), name)
	mustDo(r.t, os.WriteFile(file, change(text), 0o600))
	mustDo(r.t, os.WriteFile(file+".json", manifest, 0o600))
	return file
}

// What would lose data is refused before anything is touched.
func TestEtcdRestoreRefuses(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, 1)
	same := bytes.Clone
	process := r.ctl("endpoint", "status", "-w", "fields")
	before := r.files()
	for _, c := range []struct {
		want, hint, backup string
		more               []any
	}{
		{"the cluster is alive, and all that was written since revision 2 would be put aside", "-e etcd_confirm=restore", r.backup, nil},
		{"cut off", "take another backup; nothing was touched", r.changed("short.db", func(b []byte) []byte { return b[:len(b)/2+7] }, nil), []any{"confirm", "restore", "force", true}},
		{"no checksum at its end", "take another backup", r.changed("bare.db", func(b []byte) []byte { return b[:len(b)-32] }, nil), []any{"confirm", "restore", "force", true}},
		{"does not match the SHA-256", "take another backup", r.changed("bit.db", func(b []byte) []byte { b = bytes.Clone(b); b[9000] ^= 1; return b }, nil), []any{"confirm", "restore", "force", true}},
		{"no such file", "", filepath.Join(t.TempDir(), "none.db"), []any{"confirm", "restore"}},
		{`it is of the cluster "other", not of "mine"`, "-e etcd_force=true", r.changed("other.db", same, func(m *etcd.Manifest) { m.Cluster = "other" }), []any{"confirm", "restore"}},
		{"its .json tells of another file", "-e etcd_force=true", r.changed("mixed.db", same, func(m *etcd.Manifest) { m.SHA256 = "0" }), []any{"confirm", "restore"}},
		{"backup and recover exclude each other", "restore that", r.backup, []any{"recover", true}},
		{"there is no program /none/etcdutl", "it comes with the release", r.backup, []any{"confirm", "restore", "etcdutl", "/none/etcdutl"}},
	} {
		for _, check := range []bool{true, false} {
			if strings.Contains(c.want, "there is no program") && check {
				continue // a run that it foresees may bring it
			}
			res, err := r.restore(&attempt{check: check}, c.backup, c.more...)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(explain(err), c.hint) || res.Changed {
				t.Errorf("check %v: want %q and the hint %q, got %q and: %v", check, c.want, c.hint, res.Changes, err)
			}
		}
	}
	// What is whole has been recovered, maybe by a run that was ended at its very end.
	if res, err := r.restore(&attempt{}, "", "recover", true, "dir", t.TempDir()); err != nil || res.Changed || !strings.Contains(res.Msg, "nothing to recover") {
		t.Errorf("recover what is whole: %+v, %v", res, err)
	}
	if diff := cmp.Diff(before, r.files()); diff != "" {
		t.Errorf("something was touched: %s", diff)
	}
	if now := r.ctl("endpoint", "status", "-w", "fields"); raftTerm(now) != raftTerm(process) {
		t.Errorf("the member was restarted:\n%s\n%s", process, now)
	}
	if got := r.ctl("get", "key", "--print-value-only"); got != "new" {
		t.Errorf("the key is %q", got)
	}
}

// raftTerm grows with each start of a cluster's only member.
func raftTerm(fields string) string {
	for line := range strings.Lines(fields) {
		if strings.Contains(line, `"RaftTerm"`) {
			return line
		}
	}
	return fields
}

// A restore is foreseen, goes on wherever it was ended, and keeps the old data.
func TestEtcdRestore(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, 1)
	foreseen, err := r.restore(&attempt{check: true}, r.backup, "confirm", "restore")
	mustDo(t, err)
	if got := r.ctl("get", "key", "--print-value-only"); got != "new" {
		t.Errorf("after check mode the key is %q", got)
	}
	killed, made := 0, []string(nil)
	for {
		a := &attempt{killedAt: 1 + killed}
		res, err := r.restore(a, r.backup, "confirm", "restore")
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) && !errors.Is(err, context.Canceled) {
			t.Fatalf("after %q: %s", a.begun, explain(err))
		}
		if killed++; killed > 20 {
			t.Fatalf("it does not come to an end: %q", a.begun)
		}
		made = append(made, res.Changes...)
	}
	t.Logf("killed %d times; foreseen: %q, made: %q", killed, foreseen.Changes, made)
	if got := r.ctl("get", "key", "--print-value-only"); got != "old" {
		t.Errorf("the key is %q", got)
	}
	if rev := r.ctl("get", "key", "-w", "json"); !strings.Contains(rev, `"revision":1000000002`) {
		t.Errorf("clients may take the data for what they have seen: %s", rev)
	}
	aside, _ := filepath.Glob(r.hosts[0].data() + "/member.before-mine-*/snap/db")
	if len(aside) != 1 {
		t.Errorf("the old data are in %q", aside)
	}
	note := r.hosts[0].data() + "/.etcdplay-restored"
	if left, _ := filepath.Glob(r.hosts[0].data() + "/.*"); !slices.Equal(left, []string{note}) {
		t.Errorf("it left %q", left)
	}

	t.Log("and again: what was written since stays")
	r.ctl("put", "since", "then")
	mustDo(t, os.MkdirAll(r.hosts[0].data()+"/.etcdplay-restore/new", 0o700)) // killed at the very end
	for _, a := range []*attempt{{check: true}, {}} {
		same, err := r.restore(a, r.backup, "confirm", "restore")
		if err != nil || !slices.Equal(same.Changes, []string{"peer1: clear away what a restore has left"}) || !strings.Contains(same.Msg, "etcd_confirm=again") {
			t.Errorf("restored before: %+v, %v", same, err)
		}
	}
	if same, err := r.restore(&attempt{}, r.backup, "confirm", "restore"); err != nil || same.Changed || r.ctl("get", "since", "--print-value-only") != "then" {
		t.Errorf("restored before: %+v, %v", same, err)
	}

	t.Log("and all at once, as foreseen")
	foreseen, err = r.restore(&attempt{check: true}, r.backup, "confirm", "again")
	mustDo(t, err)
	done, err := r.restore(&attempt{}, r.backup, "confirm", "again")
	mustDo(t, err)
	if got := r.ctl("get", "since", "--print-value-only"); got != "" {
		t.Errorf("it was restored again, and %q stayed", got)
	}
	if diff := cmp.Diff(foreseen.Changes, done.Changes); diff != "" {
		t.Errorf("foreseen (-), done (+):\n%s", diff)
	}
	r.healthy("peer1")
}

// A backup is tried on a scratch member, of which nothing is left; the cluster is
// not touched.
func TestEtcdDrill(t *testing.T) {
	t.Parallel()
	s := newServed(t, 1, true)
	s.must("put", "key", "value")
	backup := filepath.Join(t.TempDir(), "backup.db")
	_, err := s.do(false, etcdBackup, "cluster", "mine", "dest", backup)
	mustDo(t, err)
	r := &restorable{s.etcdHosts, etcdtest.Program(t, etcdtest.Version, "etcdutl"), backup}
	scratch := filepath.Join(s.hosts[0].dir, "drill")
	mustDo(t, os.Chmod(s.hosts[0].dir, 0o755))
	drill := func(check bool, file string) (tasks.Result, error) {
		t.Helper()
		return s.do(check, func() tasks.Module { return &tasks.EtcdDrill{} }, "backup", file, "dir", scratch, "user", me(t), "group", me(t),
			"program", etcdtest.Program(t, etcdtest.Version, "etcd"), "etcdutl", r.etcdutl, "flags", s.certFlags(), "timeout", "1m")
	}
	before := s.state()
	gone := func() {
		t.Helper()
		if _, err := os.Lstat(scratch); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", scratch, err)
		}
	}

	res, err := drill(true, backup)
	if err != nil || res.Changed {
		t.Errorf("check mode: %v", err)
	}
	res, err = drill(false, backup)
	if err != nil {
		t.Fatal(explain(err))
	}
	for key, want := range map[string]any{"host": "peer1", "revision": 2, "hash": "equal"} {
		if got, _ := res.Data.Get(key); got != want {
			t.Errorf("%s is %v", key, got)
		}
	}
	gone()
	// what else is in the folder stays
	mustDo(t, os.Mkdir(scratch, 0o755))
	other := filepath.Join(scratch, "data")
	mustDo(t, os.WriteFile(other, []byte("precious"), 0o600))
	if _, err = drill(false, backup); err != nil {
		t.Error(explain(err))
	}
	if left, _ := filepath.Glob(filepath.Join(scratch, "*")); !slices.Equal(left, []string{other}) {
		t.Errorf("in the folder that was there are %q", left)
	}
	if _, err := os.Lstat(filepath.Join(scratch, ".etcdplay-drill")); err == nil {
		t.Error("the drill's own folder is left")
	}
	mustDo(t, os.RemoveAll(scratch))
	for want, file := range map[string]string{
		"hashed to":   r.changed("hash.db", bytes.Clone, func(m *etcd.Manifest) { m.Hash++ }),
		"SHA-256":     r.changed("bit.db", func(b []byte) []byte { b = bytes.Clone(b); b[9000] ^= 1; return b }, nil),
		"was cut off": r.changed("short.db", func(b []byte) []byte { return b[:len(b)/2+7] }, nil),
	} {
		if _, err := drill(false, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if diff := cmp.Diff(before, s.state()); diff != "" {
		t.Errorf("the cluster was touched:\n%s", diff)
	}
	gone()
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range procs {
		if text, _ := os.ReadFile(p); bytes.Contains(text, []byte(scratch)) {
			t.Errorf("a process is left: %s", bytes.ReplaceAll(text, []byte{0}, []byte(" ")))
		}
	}
}

// me is who runs the tests.
func me(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("id", "-un").Output()
	mustDo(t, err)
	return strings.TrimSpace(fmt.Sprintf("%s", out))
}
