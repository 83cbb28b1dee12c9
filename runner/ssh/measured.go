package ssh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

// inMemory is how much of a file that can't be read twice is held in memory,
// in bytes; more goes through a temporary file.
const inMemory = 8 << 20

// measured is a file to send: its size and sum are known before it goes.
type measured struct {
	r     io.ReadSeeker
	start int64 // where in r the file begins
	size  int64
	sum   string // SHA-256 in hex
	close func()
}

// measure reads what is to be sent once, for its size and sum.
func measure(r io.Reader) (*measured, error) {
	m := &measured{close: func() {}}
	if s, ok := r.(io.ReadSeeker); ok {
		if start, err := s.Seek(0, io.SeekCurrent); err == nil {
			m.r, m.start = s, start
			return m, m.read()
		}
	}
	head, err := io.ReadAll(io.LimitReader(r, inMemory))
	if err != nil {
		return nil, err
	}
	if len(head) < inMemory {
		m.r = bytes.NewReader(head)
		return m, m.read()
	}
	f, err := os.CreateTemp("", "etcdplay-put-")
	if err != nil {
		return nil, err
	}
	m.r, m.close = f, func() { f.Close(); os.Remove(f.Name()) }
	if _, err = io.Copy(f, io.MultiReader(bytes.NewReader(head), r)); err == nil {
		if err = m.from(0); err == nil {
			err = m.read()
		}
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// read sets size and sum.
func (m *measured) read() error {
	h := sha256.New()
	var err error
	if m.size, err = io.Copy(h, m.r); err != nil {
		return err
	}
	m.sum = hex.EncodeToString(h.Sum(nil))
	return m.from(0)
}

// from lets the file be read from its byte n on.
func (m *measured) from(n int64) error {
	_, err := m.r.Seek(m.start+n, io.SeekStart)
	return err
}

// sumOf is the SHA-256 of the file's first n bytes, in hex.
func (m *measured) sumOf(n int64) (string, error) {
	if err := m.from(0); err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := io.CopyN(h, m.r, n); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
