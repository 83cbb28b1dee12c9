package playbooks

import (
	"embed"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed *.yml etcd
var shipped embed.FS

// Shipped are the playbooks that come with the program.
func Shipped() fs.FS { return shipped }

// shippedMark stands before the names of shipped files.
const shippedMark = "shipped:"

func (l *Loader) stat(name string) (fs.FileInfo, error) {
	if inner, ok := strings.CutPrefix(name, shippedMark); ok && l.opts.Shipped != nil {
		return fs.Stat(l.opts.Shipped, inner)
	}
	return os.Stat(name)
}

func (l *Loader) openFile(name string) (io.ReadCloser, error) {
	if inner, ok := strings.CutPrefix(name, shippedMark); ok && l.opts.Shipped != nil {
		return l.opts.Shipped.Open(inner)
	}
	return os.Open(name)
}

func (l *Loader) isFile(name string) bool {
	info, err := l.stat(name)
	return err == nil && !info.IsDir()
}

func (l *Loader) isDir(name string) bool {
	info, err := l.stat(name)
	return err == nil && info.IsDir()
}

// entries lists a folder, sorted.
func (l *Loader) entries(dir string) []string {
	var list []fs.DirEntry
	if inner, ok := strings.CutPrefix(dir, shippedMark); ok && l.opts.Shipped != nil {
		list, _ = fs.ReadDir(l.opts.Shipped, inner)
	} else {
		list, _ = os.ReadDir(dir)
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name()
	}
	return names
}

// dirOf is the folder of a file.
func dirOf(name string) string {
	if inner, ok := strings.CutPrefix(name, shippedMark); ok {
		return shippedMark + path.Dir(inner)
	}
	return filepath.Dir(name)
}

// join is name as seen from a folder: an absolute one, or one that begins with
// ~, stays where it is.
func join(dir, name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	if inner, ok := strings.CutPrefix(dir, shippedMark); ok {
		return shippedMark + path.Join(inner, filepath.ToSlash(name))
	}
	return filepath.Join(dir, name)
}

// VarsFile is where a file of vars_files lies: beside the playbook, or among
// the shipped files. One that is nowhere is named as it would be beside the
// playbook.
func (l *Loader) VarsFile(p *Play, name string) string {
	own := p.path
	if !strings.HasPrefix(own, shippedMark) {
		own = p.Dir
	}
	candidates := under(l.orShipped([]string{own}), name)
	if file, ok := l.find(candidates); ok {
		return file
	}
	return candidates[0]
}

// orShipped adds to folders, as the last one, where the shipped files lie: a
// copy of a shipped playbook still finds what belongs to it.
func (l *Loader) orShipped(dirs []string) []string {
	if l.opts.Shipped == nil {
		return dirs
	}
	return append(dirs, shippedMark+".")
}

// absolute is a folder as playbook_dir and role_path give it. Shipped
// playbooks are at home in the working directory: the files that belong to
// them are the user's.
func absolute(dir string) string {
	if strings.HasPrefix(dir, shippedMark) {
		dir = "."
	}
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// find returns the first of the candidates that is a file.
func (l *Loader) find(candidates []string) (string, bool) {
	for _, c := range candidates {
		if l.isFile(c) {
			return c, true
		}
	}
	return "", false
}

// under lists name as seen from each folder, without repeats.
func under(dirs []string, name string) []string {
	var out []string
	for _, d := range dirs {
		if c := join(d, name); !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// playbookFile finds a playbook by the name the user gave.
func (l *Loader) playbookFile(name string) (string, bool) {
	if l.isFile(name) {
		return name, true
	}
	if l.opts.Shipped != nil && !strings.HasPrefix(name, shippedMark) {
		for _, n := range []string{name, name + ".yml"} {
			if fs.ValidPath(n) && l.isFile(shippedMark+n) {
				return shippedMark + n, true
			}
		}
	}
	return name, false
}

// shippedNames lists the playbooks that come with the program.
func (l *Loader) shippedNames() []string {
	if l.opts.Shipped == nil {
		return nil
	}
	names, _ := fs.Glob(l.opts.Shipped, "*.yml")
	return names
}
