package tasktest

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/etcdplay/etcdplay/tasks"
)

// Files are the controller's files, by name. Templates render as they are.
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
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return []byte(text), nil
}

// Render implements tasks.Files.
func (f Files) Render(_ context.Context, name string, _ tasks.RenderOptions) (string, error) {
	text, err := f.Read(name)
	return string(text), err
}

// Cache implements tasks.Files.
func (f Files) Cache() (string, error) { return os.MkdirTemp("", "etcdplay-cache") }
