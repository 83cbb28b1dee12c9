package main

import (
	"os"
	"sync"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/vault"
)

// sealed opens vault text and remembers what came out, so that the run can
// keep it from being told.
type sealed struct {
	vault *vault.Vault

	mu     sync.Mutex
	opened []string
	tell   func(string)
}

// longest is how long a single decrypted value may be to count as a secret:
// whole vaulted files are variables and keys, told apart elsewhere.
const longest = 4096

// Decrypt opens vault text that stands at a place.
func (s *sealed) Decrypt(text []byte, at source.Pos) ([]byte, error) {
	plain, err := s.vault.Decrypt(text)
	if err != nil {
		return nil, source.Errorf(at, "%w", err)
	}
	if len(plain) <= longest {
		s.remember(string(plain))
	}
	return plain, nil
}

func (s *sealed) remember(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tell != nil {
		s.tell(text)
		return
	}
	s.opened = append(s.opened, text)
}

// OnSecret names who hears of every secret, those of before first.
func (s *sealed) OnSecret(tell func(string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range s.opened {
		tell(text)
	}
	s.opened, s.tell = nil, tell
}

// ReadFile reads a file, opened if it is sealed.
func (s *sealed) ReadFile(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil || !vault.IsSealed(text) {
		return text, err
	}
	return s.Decrypt(text, source.Pos{File: name})
}

// Seal encrypts a text with the first vault password; without one it stays as
// it is.
func (s *sealed) Seal(text []byte) ([]byte, error) {
	labels := s.vault.Labels()
	if len(labels) == 0 {
		return text, nil
	}
	return s.vault.Encrypt(text, labels[0])
}
