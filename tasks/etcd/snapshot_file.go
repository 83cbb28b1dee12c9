package etcd

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// A SnapshotFile is what a snapshot says of itself.
type SnapshotFile struct {
	Size     int64  // bytes, with the trailer
	SHA256   string // of the database, in hex: what the trailer holds
	Revision int64  // of the key space; 1 when nothing was ever written
	Keys     int    // entries in the key space, older revisions among them
	Members  []Member
	Version  string // the cluster's version, like 3.6.0; empty when it was not known yet
}

// ErrSnapshot is a file that is no snapshot, or no longer whole.
var ErrSnapshot = errors.New("it is no whole snapshot")

// blockSize is what the size of a bbolt database is a multiple of.
const blockSize = 512

// ReadSnapshot checks a snapshot through and through: its trailer, a SHA-256 of
// all before it, and every page of the database. An error other than of the
// file system is an ErrSnapshot.
func ReadSnapshot(name string) (*SnapshotFile, error) {
	f := &SnapshotFile{}
	if err := f.checkSum(name); err != nil {
		return nil, err
	}
	if err := f.readDatabase(name); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *SnapshotFile) checkSum(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	f.Size = info.Size()
	switch {
	case info.IsDir():
		return fmt.Errorf("%s is a directory: %w", name, ErrSnapshot)
	case f.Size%blockSize == 0 && f.Size > 0:
		return fmt.Errorf("%s has no checksum at its end, as a copy of a member's db file has none: %w", name, ErrSnapshot)
	case f.Size%blockSize != sha256.Size || f.Size == sha256.Size:
		return fmt.Errorf("%s was cut off, or is something else (%d bytes): %w", name, f.Size, ErrSnapshot)
	}
	h := sha256.New()
	if _, err := io.CopyN(h, file, f.Size-sha256.Size); err != nil {
		return err
	}
	trailer, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(trailer, h.Sum(nil)) {
		return fmt.Errorf("%s does not match the SHA-256 at its end: it is corrupt or was cut off: %w", name, ErrSnapshot)
	}
	f.SHA256 = hex.EncodeToString(trailer)
	return f.checkLength(name, file)
}

// checkLength sees that the file holds as many pages as the database says. bbolt
// maps it into memory, and a page that is not there would end this process.
func (f *SnapshotFile) checkLength(name string, file *os.File) error {
	const magic, headSize = 0xED0CDAED, 16 // of a page
	head := make([]byte, headSize+56)      // with what every meta page begins with
	if _, err := file.ReadAt(head, 0); err != nil {
		return fmt.Errorf("%s is too short: %w", name, ErrSnapshot)
	}
	meta := head[headSize:]
	pageSize := int64(binary.NativeEndian.Uint32(meta[8:]))
	if binary.NativeEndian.Uint32(meta) != magic || pageSize < 1<<9 || pageSize > 1<<16 {
		return fmt.Errorf("%s is no database of etcd: %w", name, ErrSnapshot)
	}
	if pages := binary.NativeEndian.Uint64(meta[40:]); pages > uint64(f.Size/pageSize) {
		return fmt.Errorf("%s has %d pages, and its database %d: %w", name, f.Size/pageSize, pages, ErrSnapshot)
	}
	return nil
}

// readDatabase looks at every page, and reads what matters.
func (f *SnapshotFile) readDatabase(name string) (err error) {
	defer func() { // bbolt panics at some pages that make no sense
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: the database makes no sense (%v): %w", name, p, ErrSnapshot)
		}
	}()
	db, err := bbolt.Open(name, 0o400, &bbolt.Options{ReadOnly: true, Timeout: 5 * time.Second})
	if err != nil {
		return fmt.Errorf("%s: %w: %w", name, err, ErrSnapshot)
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			return fmt.Errorf("%s: %w: %w", name, err, ErrSnapshot)
		}
		keys := tx.Bucket([]byte("key"))
		if keys == nil {
			return fmt.Errorf("%s is a database, but not of etcd: %w", name, ErrSnapshot)
		}
		f.Keys, f.Revision = keys.Stats().KeyN, 1
		if last, _ := keys.Cursor().Last(); len(last) >= 8 {
			f.Revision = int64(binary.BigEndian.Uint64(last))
		}
		// A compaction can leave nothing that is as new as the key space was.
		if meta := tx.Bucket([]byte("meta")); meta != nil {
			for _, key := range []string{"scheduledCompactRev", "finishedCompactRev"} {
				if v := meta.Get([]byte(key)); len(v) >= 8 {
					f.Revision = max(f.Revision, int64(binary.BigEndian.Uint64(v)))
				}
			}
		}
		if b := tx.Bucket([]byte("cluster")); b != nil {
			f.Version = string(b.Get([]byte("clusterVersion")))
		}
		f.Members, err = storedMembers(tx.Bucket([]byte("members")))
		return err
	})
}

func storedMembers(b *bbolt.Bucket) (list []Member, err error) {
	if b == nil {
		return nil, nil
	}
	err = b.ForEach(func(_, v []byte) error {
		var m struct {
			ID         uint64   `json:"id"`
			Name       string   `json:"name"`
			PeerURLs   []string `json:"peerURLs"`
			ClientURLs []string `json:"clientURLs"`
			Learner    bool     `json:"isLearner"`
		}
		if err := json.Unmarshal(v, &m); err != nil {
			return fmt.Errorf("its member list: %w: %w", err, ErrSnapshot)
		}
		list = append(list, Member{ID(m.ID), m.Name, m.PeerURLs, m.ClientURLs, m.Learner})
		return nil
	})
	slices.SortFunc(list, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}
