package tasks

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// dropOld removes all but the newest backups of a cluster from a folder: only
// those whose manifest says that etcdplay made them, and whose name and size are
// still as it made them. just is the one that was just saved: it always stays.
func (t *Target) dropOld(dir, cluster, just string, keep int) error {
	if keep == 0 {
		return nil
	}
	type backup struct {
		name string
		made *etcd.Manifest
	}
	var old []backup
	names, err := filepath.Glob(filepath.Join(globQuote(dir), "*.db"))
	if err != nil {
		return Failf("%w", err)
	}
	for _, name := range names {
		m, err := etcd.ReadManifest(name)
		info, serr := os.Lstat(name)
		if err != nil || serr != nil || m == nil || name == just || m.MadeBy != etcd.MadeBy || m.Cluster != cluster ||
			!info.Mode().IsRegular() || info.Size() != m.Size || filepath.Base(name) != backupName(m.Cluster, m.Time, m.Revision) {
			continue // not made here, or not by that name
		}
		old = append(old, backup{name, m})
	}
	slices.SortFunc(old, func(a, b backup) int { return b.made.Time.Compare(a.made.Time) })
	for _, b := range old[min(keep-1, len(old)):] {
		if !t.Would("remove the old backup %s (%d are kept)", b.name, keep) {
			continue
		}
		if err := os.Remove(b.name); err != nil {
			return Failf("%w", err)
		}
		if err := os.Remove(etcd.ManifestName(b.name)); err != nil {
			return Failf("%w", err)
		}
	}
	return nil
}

// globQuote takes the meaning from a folder's name.
func globQuote(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
