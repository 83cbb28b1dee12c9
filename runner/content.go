package runner

import (
	"io/fs"
	"os"
	"sync"
)

// large is from how many bytes on a file of the controller's is worth sharing.
const large = 256 << 10

// content is the last large file that was read: a task that sends one to many hosts
// reads it once, and holds it in memory once. Nobody changes its text.
type content struct {
	mu   sync.Mutex // held while reading
	name string
	info fs.FileInfo
	text []byte
}

// read reads a file, unless it is the last one, as it was.
func (c *content) read(name string, read func(string) ([]byte, error)) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil || info.Size() < large {
		return read(name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.name == name && os.SameFile(c.info, info) && c.info.Size() == info.Size() && c.info.ModTime().Equal(info.ModTime()) {
		return c.text, nil
	}
	text, err := read(name)
	if err != nil {
		return nil, err
	}
	c.name, c.info, c.text = name, info, text
	return text, nil
}
