package playbooks

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

//go:embed init
var starter embed.FS

// Init writes an inventory and its variables into a folder, to be edited, and returns the names of the files. The folder is made if it is
// missing. A file that exists already is an error, and then none is written.
func Init(dir string) (written []string, err error) {
	files, err := starterFiles()
	if err != nil {
		return nil, err
	}
	var exist []error
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if _, err := os.Lstat(name); err == nil {
			exist = append(exist, fmt.Errorf("%s exists already and is not overwritten", name))
		} else if !errors.Is(err, fs.ErrNotExist) {
			exist = append(exist, err)
		}
	}
	if err := errors.Join(exist...); err != nil {
		return nil, err
	}
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := writeNew(name, f.text); err != nil {
			return written, err
		}
		written = append(written, name)
	}
	return written, nil
}

type starterFile struct {
	name string
	text []byte
}

// starterFiles are all that lies in init/.
func starterFiles() (files []starterFile, err error) {
	err = fs.WalkDir(starter, "init", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := starter.ReadFile(name)
		files = append(files, starterFile{strings.TrimPrefix(path.Clean(name), "init/"), text})
		return err
	})
	return files, err
}

// writeNew writes a file that must not exist yet.
func writeNew(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
