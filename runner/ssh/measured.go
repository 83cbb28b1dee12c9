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
	r     io.Reader
	size  int64
	sum   string // SHA-256 in hex
	close func()
}

// measure reads what is to be sent once, for its size and sum.
func measure(r io.Reader) (*measured, error) {
	h := sha256.New()
	m := &measured{close: func() {}}
	if s, ok := r.(io.ReadSeeker); ok {
		if start, err := s.Seek(0, io.SeekCurrent); err == nil {
			if m.size, err = io.Copy(h, s); err == nil {
				_, err = s.Seek(start, io.SeekStart)
			}
			m.r, m.sum = s, hex.EncodeToString(h.Sum(nil))
			return m, err
		}
	}
	head, err := io.ReadAll(io.LimitReader(io.TeeReader(r, h), inMemory))
	if err != nil {
		return nil, err
	}
	m.r, m.size = bytes.NewReader(head), int64(len(head))
	if m.size == inMemory {
		f, err := os.CreateTemp("", "etcdplay-put-")
		if err != nil {
			return nil, err
		}
		m.close = func() { f.Close(); os.Remove(f.Name()) }
		n, err := io.Copy(io.MultiWriter(f, h), r)
		if err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
		if err != nil {
			m.close()
			return nil, err
		}
		m.r, m.size = io.MultiReader(m.r, f), m.size+n
	}
	m.sum = hex.EncodeToString(h.Sum(nil))
	return m, nil
}
