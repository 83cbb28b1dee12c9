package tasks_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/etcd"
)

func etcdBackup() tasks.Module { return &tasks.EtcdBackup{} }

// A backups is a folder on the controller.
type backups struct {
	t   *testing.T
	dir string
}

func (b backups) files() (names []string) {
	b.t.Helper()
	list, err := os.ReadDir(b.dir)
	if !os.IsNotExist(err) {
		mustDo(b.t, err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// like puts a copy of a backup into the folder as one that was made some days
// before, and then by the name that such a backup has, or another one.
func (b backups) like(file string, days int, name string, change func(*etcd.Manifest)) string {
	b.t.Helper()
	text, err := os.ReadFile(file)
	mustDo(b.t, err)
	m, err := etcd.ReadManifest(file)
	mustDo(b.t, err)
	m.Time = m.Time.Add(-time.Duration(days) * 24 * time.Hour)
	if change != nil {
		change(m)
	}
	if name == "" {
		name = m.Cluster + "-" + m.Time.Format("20060102T150405Z") + "-" + value.Str(int(m.Revision)) + ".db"
	}
	told, err := m.Text()
	mustDo(b.t, err)
	mustDo(b.t, os.WriteFile(filepath.Join(b.dir, name), text, 0o600))
	mustDo(b.t, os.WriteFile(filepath.Join(b.dir, name+".json"), told, 0o600))
	return name
}

func TestEtcdBackup(t *testing.T) {
	t.Parallel()
	s := newServed(t, 3, false)
	s.must("put", "key", "value")
	b := backups{t, filepath.Join(t.TempDir(), "backups")}
	args := []any{"cluster", "mine", "dir", b.dir, "keep", 2}

	foreseen, err := s.do(true, etcdBackup, args...)
	if err != nil || len(foreseen.Changes) != 1 || b.files() != nil {
		t.Fatalf("check mode: %q, %v, and there is %q", foreseen.Changes, err, b.files())
	}
	done, err := s.do(false, etcdBackup, args...)
	mustDo(t, err)
	if diff := cmp.Diff(foreseen.Changes, done.Changes); diff != "" {
		t.Errorf("foreseen (-), done (+):\n%s", diff)
	}
	get := func(key string) string { v, _ := done.Data.Get(key); return value.Str(v) }
	first := get("file")
	info, err := os.Stat(first)
	mustDo(t, err)
	f, err := etcd.ReadSnapshot(first)
	mustDo(t, err)
	if info.Mode().Perm() != 0o600 || get("revision") != "2" || get("sha256") != f.SHA256 || get("member") == s.observe().Leader().Name {
		t.Errorf("%v, and register sees %v", info.Mode(), value.Str(done.Data))
	}
	if left := b.files(); len(left) != 2 {
		t.Errorf("there is more than a backup and its .json: %q", left)
	}

	t.Log("the oldest goes, and nothing else that looks like it")
	kept := b.like(first, 1, "", nil)
	oldest := b.like(first, 2, "", nil)
	alien := []string{
		b.like(first, 3, "renamed.db", nil),
		b.like(first, 3, "", func(m *etcd.Manifest) { m.Cluster = "other" }),
		b.like(first, 4, "", func(m *etcd.Manifest) { m.MadeBy = "somebody" }),
		b.like(first, 5, "", func(m *etcd.Manifest) { m.Size-- }),
		"mine-20200101T000000Z-1.db", "mine-20200102T000000Z-1.db",
	}
	mustDo(t, os.WriteFile(filepath.Join(b.dir, alien[4]), []byte("without a .json"), 0o600))
	mustDo(t, os.Symlink(first, filepath.Join(b.dir, alien[5])))
	s.must("put", "key", "newer")
	before := b.files()
	foreseen, err = s.do(true, etcdBackup, args...)
	mustDo(t, err)
	if diff := cmp.Diff(before, b.files()); diff != "" {
		t.Errorf("check mode: %s", diff)
	}
	done, err = s.do(false, etcdBackup, args...)
	mustDo(t, err)
	if diff := cmp.Diff(withoutMember(foreseen.Changes), withoutMember(done.Changes)); diff != "" {
		t.Errorf("foreseen (-), done (+):\n%s", diff)
	}
	for _, name := range alien {
		if !slices.Contains(b.files(), name) {
			t.Errorf("%s is gone", name)
		}
	}
	newest, _ := done.Data.Get("file")
	for name, want := range map[string]bool{filepath.Base(newest.(string)): true, filepath.Base(first): true, kept: false, oldest: false} {
		if slices.Contains(b.files(), name) != want || slices.Contains(b.files(), name+".json") != want {
			t.Errorf("%s should be there: %v; there is %q", name, want, b.files())
		}
	}

	t.Log("refused")
	s.refuses("exists already, and a backup is never replaced", "give another name", etcdBackup, "cluster", "mine", "dest", first)
	s.refuses("must be made of letters", "", etcdBackup, "cluster", "../mine", "dir", b.dir)
	s.refuses("dest or dir must say", "", etcdBackup, "cluster", "mine")
	before = b.files()
	s.servers[0].Stop()
	s.servers[1].Stop()
	s.refuses("no quorum", "etcd_force=true", etcdBackup, args...)
	s.servers[2].Stop()
	s.refuses("no member answers", "status.yml", etcdBackup, args...)
	if diff := cmp.Diff(before, b.files()); diff != "" {
		t.Errorf("it was refused, and left something: %s", diff)
	}
}

// withoutMember is what can be known of a backup's changes: any follower may be
// asked.
func withoutMember(changes []string) (out []string) {
	for _, c := range changes {
		if _, to, ok := strings.Cut(c, " to "); ok && strings.HasPrefix(c, "save a snapshot of ") {
			c = "save a snapshot to " + to
		}
		out = append(out, c)
	}
	return out
}
