package tasks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// A saving is one backup on its way to the controller's disk.
type saving struct {
	backup  *EtcdBackup
	t       *Target
	dir     string
	cluster *etcd.Cluster
	state   *etcd.State
	from    *etcd.EndpointState

	name     string
	manifest *etcd.Manifest
}

func (s *saving) run(ctx context.Context) error {
	at := time.Now()
	s.name = s.backup.Dest
	if s.name == "" {
		s.name = filepath.Join(s.dir, backupName(s.backup.Cluster, at, s.from.Revision))
	}
	where := s.backup.Dest
	if where == "" {
		where = s.dir // in check mode the name is not known
	}
	if s.t.Would("save a snapshot of %s to %s", s.from.Name, where) {
		if err := s.save(ctx, at); err != nil {
			return err
		}
	}
	if err := s.t.dropOld(s.dir, s.backup.Cluster, s.name, s.backup.Keep); err != nil {
		return err
	}
	if s.backup.S3 == nil {
		return nil
	}
	if err := s.t.mayBegin("upload the backup " + s.name); err != nil {
		return err
	}
	return s.backup.S3.upload(ctx, s.t, s.name, etcd.ManifestName(s.name))
}

// save writes to a temporary file beside the last one, so that a backup that
// has its name is whole and on the disk.
func (s *saving) save(ctx context.Context, at time.Time) (err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return Failf("%w", err)
	}
	tmp, err := os.CreateTemp(s.dir, ".snapshot.*.part") // 0600
	if err != nil {
		return Failf("%w", err)
	}
	defer func() { _ = tmp.Close(); _ = os.Remove(tmp.Name()) }() // what has its name by then is not touched
	saving, cancel := s.t.untilInterrupted(ctx)
	defer cancel()
	err = s.cluster.Save(saving, s.from.Member, s.state, tmp, func(n int64) {
		s.t.Status(fmt.Sprintf("%s of about %s saved", sizeText(n), sizeText(s.from.DBSize)))
	})
	switch {
	case err != nil && s.t.interrupted():
		return Failf("the backup was stopped by Ctrl-C").WithHint("nothing was left behind; run it again")
	case err != nil:
		return Failf("%w", err).WithHint("nothing was left behind; run it again")
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return Failf("%w", err)
	}
	s.t.Status("checking the snapshot")
	file, err := etcd.ReadSnapshot(tmp.Name())
	if err != nil {
		return Failf("the snapshot that %s sent is not good: %w", s.from.Name, err).WithHint("run it again")
	}
	s.manifest = etcd.ManifestOf(s.backup.Cluster, s.state, s.from, file, at)
	// That the hash is missing spoils nothing: a compaction may have come between.
	s.manifest.Hash, s.manifest.CompactRevision, _ = s.cluster.HashAt(ctx, s.from.Member, s.state, file.Revision)
	if s.backup.Dest == "" {
		s.name = filepath.Join(s.dir, backupName(s.backup.Cluster, at, file.Revision))
	}
	text, err := s.manifest.Text()
	if err != nil {
		return Failf("%w", err)
	}
	if err := s.t.Files.Write(etcd.ManifestName(s.name), text, 0o600, false); err != nil {
		return Failf("%w", err)
	}
	if err := os.Link(tmp.Name(), s.name); err != nil { // unlike a rename it replaces nothing
		if err := renameNew(tmp.Name(), s.name); err != nil {
			return Failf("%w", err)
		}
	}
	return syncFolder(s.dir)
}

// renameNew is for file systems without hard links.
func renameNew(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s: %w", to, os.ErrExist)
	}
	return os.Rename(from, to)
}

// syncFolder makes new names last through a power cut, where the system can.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return Failf("%w", err)
	}
	_ = d.Sync() // some file systems can't
	return d.Close()
}

func (s *saving) tell(res *Result) {
	res.Set("file", s.name)
	res.Set("member", s.from.Name)
	res.Set("cluster_id", s.from.Cluster.String())
	res.Set("version", s.from.Version)
	m := s.manifest
	if m == nil {
		res.Set("revision", int(s.from.Revision))
		return
	}
	res.Set("revision", int(m.Revision))
	res.Set("size", int(m.Size))
	res.Set("sha256", m.SHA256)
	res.Msg = fmt.Sprintf("%s: %s of %s, revision %d, checked", s.name, sizeText(m.Size), m.Member, m.Revision)
	res.Text += res.Msg + "\n"
}
