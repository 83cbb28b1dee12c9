package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// files is the controller's side of a call (tasks.Files).
type files struct{ c *call }

// Find looks for a file where Ansible does.
func (f files) Find(kind, name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	var tried []string
	for _, dir := range searchDirs(f.c.p.spec, f.c.t) {
		for _, candidate := range []string{filepath.Join(dir, kind, name), filepath.Join(dir, name)} {
			if _, err := os.Stat(candidate); err == nil {
				return candidate, nil
			}
			tried = append(tried, candidate)
		}
	}
	return "", fmt.Errorf("there is no file %s; looked for %s: %w", name, strings.Join(tried, ", "), os.ErrNotExist)
}

// Read reads a file, decrypted if it is vaulted.
func (f files) Read(name string) ([]byte, error) {
	read := f.c.p.run.cfg.ReadFile
	if read == nil {
		read = os.ReadFile
	}
	return f.c.p.run.content.read(name, read)
}

// Write puts a file in place in one step, whatever ends the run meanwhile.
func (f files) Write(name string, text []byte, mode fs.FileMode, secret bool) (err error) {
	if seal := f.c.p.run.cfg.Seal; secret && seal != nil {
		if text, err = seal(text); err != nil {
			return err
		}
	}
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return syncDir(dir)
}

// syncDir makes a rename last through a power cut, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // some file systems can't
	return d.Close()
}

// Render renders a template file.
func (f files) Render(ctx context.Context, name string, o tasks.RenderOptions) (string, error) {
	text, err := f.Read(name)
	if err != nil {
		return "", err
	}
	t, err := jinja.CompileText(string(text), source.Pos{File: name, Line: 1, Col: 1}, jinja.TextOptions{
		TrimBlocks: o.TrimBlocks, LstripBlocks: o.LstripBlocks, Newline: o.NewlineSequence,
		VariableStart: o.VariableStart, VariableEnd: o.VariableEnd, BlockStart: o.BlockStart, BlockEnd: o.BlockEnd,
	})
	if err != nil {
		return "", err
	}
	about := finals{} // ansible_managed and what else a template knows of itself
	for k, v := range jinja.TemplateVars(name, name, "", time.Now()).All() {
		about[value.Str(k)] = v
	}
	env := f.c.sc.with(about).env
	env.Dirs = append([]string{filepath.Dir(name)}, env.Dirs...)
	return t.Text(ctx, &env)
}

// Cache is the folder for downloads.
func (f files) Cache() (string, error) {
	dir := f.c.p.run.cfg.CacheDir
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(base, "etcdplay")
	}
	return dir, os.MkdirAll(dir, 0o700)
}
