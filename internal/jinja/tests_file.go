package jinja

import (
	"os"
	"path/filepath"
	"syscall"
)

// fileTests look at files on the machine that runs the template.
func fileTests() map[string]function {
	m := map[string]function{}
	add := func(f func(name string) bool, names ...string) {
		for _, n := range names {
			m[n] = function{fn: func(c *call) (any, error) { return f(c.input()), nil }}
		}
	}
	stat := func(want func(os.FileInfo) bool) func(string) bool {
		return func(name string) bool {
			info, err := os.Stat(name)
			return err == nil && want(info)
		}
	}
	add(stat(func(i os.FileInfo) bool { return true }), "exists")
	add(stat(func(i os.FileInfo) bool { return i.Mode().IsRegular() }), "file", "is_file")
	add(stat(os.FileInfo.IsDir), "directory", "is_dir")
	add(func(name string) bool {
		info, err := os.Lstat(name)
		return err == nil && info.Mode()&os.ModeSymlink != 0
	}, "link", "is_link")
	add(func(name string) bool { _, err := os.Lstat(name); return err == nil }, "link_exists")
	add(filepath.IsAbs, "abs", "is_abs")
	add(isMount, "mount", "is_mount")
	same := function{sig: "other!", fn: func(c *call) (any, error) {
		a, err := os.Stat(c.input())
		if err != nil {
			return nil, err
		}
		b, err := os.Stat(c.text(0, ""))
		if err != nil {
			return nil, err
		}
		return os.SameFile(a, b), nil
	}}
	m["same_file"], m["is_same_file"] = same, same
	return m
}

// isMount: a mount point is on another device than what it lies in.
func isMount(name string) bool {
	var here, above syscall.Stat_t
	if syscall.Lstat(name, &here) != nil || here.Mode&syscall.S_IFMT == syscall.S_IFLNK {
		return false
	}
	if syscall.Lstat(filepath.Join(name, ".."), &above) != nil {
		return false
	}
	return here.Dev != above.Dev || here.Ino == above.Ino
}
