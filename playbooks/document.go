package playbooks

import (
	"bytes"
	"io"
	"os"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

// maxFile bounds what is read of one file.
const maxFile = 16 << 20

// A document is one YAML file.
type document struct {
	name  string // as messages call it
	lines []string
	root  *yaml.Node // nil when it is empty
	err   error
}

func (d *document) line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return d.lines[n-1]
}

func (d *document) pos(n *yaml.Node) source.Pos { return value.YAMLPos(d.name, n) }

// document reads a file once; the error is for every caller.
func (l *Loader) document(name string) (*document, error) {
	l.mu.Lock()
	d := l.docs[name]
	l.mu.Unlock()
	if d != nil {
		return d, d.err
	}
	d = &document{name: name}
	text, err := l.read(name)
	if err == nil {
		d.lines = strings.Split(string(text), "\n")
		for i, line := range d.lines {
			d.lines[i] = strings.TrimSuffix(line, "\r")
		}
		d.root, err = parseYAML(name, text)
	}
	d.err = err
	l.mu.Lock()
	defer l.mu.Unlock()
	if first := l.docs[name]; first != nil {
		return first, first.err
	}
	l.docs[name] = d
	return d, d.err
}

// read gives the text of a file; a file that is encrypted as a whole is opened.
func (l *Loader) read(name string) ([]byte, error) {
	at := source.Pos{File: name}
	if l.isDir(name) {
		return nil, source.Errorf(at, "is a folder, not a file")
	}
	f, err := l.openFile(name)
	if err != nil {
		return nil, source.Errorf(at, "cannot be read: %w", withoutPath(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, source.Errorf(at, "cannot be read: %w", withoutPath(err))
	}
	if len(text) > maxFile {
		return nil, source.Errorf(at, "the file is larger than %d MiB", maxFile>>20)
	}
	if !bytes.HasPrefix(text, []byte("$ANSIBLE_VAULT;")) {
		return bytes.TrimPrefix(text, []byte("\ufeff")), nil
	}
	return l.decrypt(text, source.Pos{File: name, Line: 1})
}

func (l *Loader) decrypt(text []byte, at source.Pos) ([]byte, error) {
	if l.opts.Decrypt == nil {
		return nil, source.Errorf(at, "this is encrypted with a vault, and no vault password is given").
			WithHint("add --vault-password-file FILE or --ask-vault-pass")
	}
	plain, err := l.opts.Decrypt(text, at)
	if err != nil {
		return nil, atPlace(at, err)
	}
	return plain, nil
}

// atPlace gives an error a place unless it has one.
func atPlace(at source.Pos, err error) error {
	var all source.Errors
	all.Add(err)
	for i, e := range all {
		if e.Pos.IsZero() {
			all[i] = &source.Error{Pos: at, Msg: e.Msg, Hint: e.Hint, Err: err}
		}
	}
	return all.Err()
}

// withoutPath drops the path from an error that stands behind it anyway.
func withoutPath(err error) error {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err
	}
	return err
}
