package tasktest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/etcdplay/etcdplay/tasks"
)

// Files are the controller's files, by name; absolute ones that are not among
// them are this machine's. Templates render as they are.
type Files map[string]string

var _ tasks.Files = Files{}

// Find implements tasks.Files.
func (f Files) Find(_, name string) (string, error) {
	if _, ok := f[name]; !ok {
		return "", fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return name, nil
}

// Read implements tasks.Files.
func (f Files) Read(name string) ([]byte, error) {
	text, ok := f[name]
	if !ok && filepath.IsAbs(name) {
		return os.ReadFile(name)
	}
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return []byte(text), nil
}

// Write implements tasks.Files.
func (f Files) Write(name string, text []byte, mode fs.FileMode, _ bool) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(name, text, mode), os.Chmod(name, mode))
}

// Render implements tasks.Files.
func (f Files) Render(_ context.Context, name string, _ tasks.RenderOptions) (string, error) {
	text, err := f.Read(name)
	return string(text), err
}

// Cache implements tasks.Files.
func (f Files) Cache() (string, error) { return os.MkdirTemp("", "etcdplay-cache") }
