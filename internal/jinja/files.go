package jinja

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// maxFile bounds a file that a template reads.
const maxFile = 32 << 20

// A notFoundError says which files were looked for and where.
type notFoundError struct {
	names []string
	dirs  []string
}

func (e *notFoundError) Error() string {
	msg := "there is no file " + strings.Join(e.names, " or ")
	if len(e.dirs) > 0 && !filepath.IsAbs(e.names[0]) {
		msg += " in " + strings.Join(e.dirs, ", ")
	}
	return msg
}

// find is the first of the named files that exists: as they are if they are
// absolute, else in each of the Env's directories, first in its subdirectory
// sub.
func (st *state) find(sub string, choices ...any) (string, error) {
	missing := &notFoundError{dirs: st.env.Dirs}
	for _, c := range choices {
		name, ok := c.(string)
		if !ok || name == "" {
			return "", fmt.Errorf("the name of a file is text, not %s %s", article(c), brief(c))
		}
		missing.names = append(missing.names, name)
		for _, candidate := range st.candidates(sub, name) {
			if _, err := os.Stat(candidate); err == nil {
				return candidate, nil
			}
		}
	}
	return "", missing
}

// candidates are the places where a file may be.
func (st *state) candidates(sub, name string) []string {
	name = expandUser(name)
	if filepath.IsAbs(name) {
		return []string{filepath.Clean(name)}
	}
	dirs := st.env.Dirs
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	first, _, _ := strings.Cut(name, "/")
	var out []string
	for _, d := range dirs {
		if first != sub && sub != "" {
			out = append(out, filepath.Join(d, sub, name))
		}
		out = append(out, filepath.Join(d, name))
	}
	return out
}

// read returns a file's text.
func (st *state) read(path string) (string, error) {
	var data []byte
	var err error
	if st.env.ReadFile != nil {
		data, err = st.env.ReadFile(path)
	} else {
		data, err = readBounded(path)
	}
	if err != nil {
		return "", err
	}
	if len(data) > maxFile {
		return "", fmt.Errorf("%s is larger than %d MiB", path, maxFile>>20)
	}
	if !utf8.Valid(data) {
		return "", &hinted{path + " is not UTF-8 text", "copy binary files with copy or unarchive"}
	}
	return string(data), st.charge(2 * len(data))
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && path != "/dev/null" { // a pipe could block for ever
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}
