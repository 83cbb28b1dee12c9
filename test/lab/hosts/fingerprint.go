package hosts

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// An Entry is what a Fingerprint knows of a file.
type Entry struct {
	Mode   fs.FileMode
	UID    int
	GID    int
	Size   int64     // of a regular file, in bytes
	Time   time.Time // when a regular file was last written
	SHA256 string    // of a regular file's content
	Link   string    // what a symbolic link points to
	Gone   bool      // the host's root file system had it, and it was removed
}

// A Fingerprint maps absolute paths to all the files and folders that a host
// has on its disk beyond, or other than, the root file system that it started
// with, and to those in its /tmp. Two of them tell whether anything was changed
// in between, even if a file was written with the content it had.
//
// Left out is what a host writes unasked: /run, logs, caches and the state of
// systemd and sudo.
type Fingerprint map[string]Entry

// noise is what changes on an idle host, or because somebody logs in. A name
// with a slash at its end stands for all below it.
var noise = []string{
	"/dev/", "/proc/", "/run/", "/sys/",
	"/var/cache/", "/var/log/", "/var/lib/systemd/", "/var/lib/private/", "/var/lib/sudo/",
	"/var/tmp/systemd-private-", "/tmp/systemd-private-",
	"/tmp/.X11-unix", "/tmp/.ICE-unix", "/tmp/.XIM-unix", "/tmp/.font-unix", "/tmp/.Test-unix",
	"/home/deploy/.sudo_as_admin_successful", "/etc/.pwd.lock", "/etc/.updated", "/var/.updated",
}

// Fingerprint looks at a host's disk from outside. The host may be on or off;
// /tmp, which is in memory, is seen only if it is on.
func (l *Lab) Fingerprint(host string) (Fingerprint, error) {
	h, err := l.Host(host)
	if err != nil {
		return nil, err
	}
	f := Fingerprint{}
	if err := f.add(l.path("hosts", h.Name, "upper"), "/", h.Layers); err != nil {
		return nil, fmt.Errorf("look at the disk of %s: %w", host, err)
	}
	init, err := l.init(h)
	if errors.Is(err, errOff) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	if err := f.add(fmt.Sprintf("/proc/%d/root/tmp", init.PID), "/tmp", nil); err != nil {
		return nil, fmt.Errorf("look at /tmp of %s: %w", host, err)
	}
	return f, nil
}

// Diff returns a line for each path that differs, in the order of the paths:
// "+" and the path for one that only later has, "-" for one that only f has,
// and "~" with what changed.
func (f Fingerprint) Diff(later Fingerprint) []string {
	all := maps.Clone(f)
	maps.Copy(all, later)
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		before, had := f[path]
		after, has := later[path]
		switch {
		case !had && after.Gone, !has:
			lines = append(lines, "- "+path)
		case !had:
			lines = append(lines, "+ "+path)
		default:
			if changes := before.diff(after); len(changes) > 0 {
				lines = append(lines, "~ "+path+": "+strings.Join(changes, ", "))
			}
		}
	}
	return lines
}

func (e Entry) diff(later Entry) []string {
	var changes []string
	note := func(what string, before, after any) {
		if before != after {
			changes = append(changes, fmt.Sprintf("%s %v → %v", what, before, after))
		}
	}
	note("mode", e.Mode, later.Mode)
	note("owner", fmt.Sprintf("%d:%d", e.UID, e.GID), fmt.Sprintf("%d:%d", later.UID, later.GID))
	note("size", e.Size, later.Size)
	note("content", e.SHA256, later.SHA256)
	note("link", e.Link, later.Link)
	note("removed", e.Gone, later.Gone)
	if len(changes) == 0 {
		note("written", e.Time, later.Time)
	}
	return changes
}

// add notes all files below dir, which the host knows as prefix, but those that
// are as in the layers below: the kernel copies a file up, with its folders, as
// soon as something might change it.
func (f Fingerprint) add(dir, prefix string, layers []string) error {
	return filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // it went while we looked
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		path := filepath.Join(prefix, rel)
		if isNoise(path) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if rel == "." {
			return nil
		}
		e, err := look(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		below, err := lookBelow(layers, rel)
		if err == nil && below != e {
			f[path] = e
		}
		return err
	})
}

// lookBelow looks at a file in the uppermost layer that has it. A file that
// none has makes an Entry like no file's.
func lookBelow(layers []string, path string) (Entry, error) {
	for _, layer := range layers {
		e, err := look(filepath.Join(layer, path))
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return e, err
		}
	}
	return Entry{UID: -1}, nil
}

func isNoise(path string) bool {
	for _, n := range noise {
		if dir, below := strings.CutSuffix(n, "/"); below && (path == dir || strings.HasPrefix(path, n)) ||
			!below && strings.HasPrefix(path, n) {
			return true
		}
	}
	return false
}

func look(file string) (Entry, error) {
	info, err := os.Lstat(file)
	if err != nil {
		return Entry{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Entry{}, fmt.Errorf("%s: no owner is known", file)
	}
	e := Entry{Mode: info.Mode(), UID: int(st.Uid), GID: int(st.Gid)}
	switch info.Mode().Type() {
	case 0:
		e.Size, e.Time = info.Size(), info.ModTime()
		e.SHA256, err = digest(file)
	case fs.ModeSymlink:
		e.Link, err = os.Readlink(file)
	case fs.ModeDevice | fs.ModeCharDevice:
		e.Gone = st.Rdev == 0 // overlayfs's whiteout
	}
	return e, err
}

func digest(file string) (string, error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
