package main

import (
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/vault"
)

// What is kept secret on the controller is encrypted with the first password.
func TestSeal(t *testing.T) {
	t.Parallel()
	first := vault.Secret{Label: "prod", Password: []byte("one")}
	s := &sealed{vault: vault.New(first, vault.Secret{Label: "dev", Password: []byte("two")})}
	text, err := s.Seal([]byte("key"))
	if err != nil || !vault.IsSealed(text) {
		t.Fatalf("%q, %v", text, err)
	}
	alone := &sealed{vault: vault.New(first)}
	if plain, err := alone.Decrypt(text, source.Pos{}); err != nil || string(plain) != "key" {
		t.Errorf("%q, %v", plain, err)
	}
	without := &sealed{vault: vault.New()}
	if text, err := without.Seal([]byte("key")); err != nil || string(text) != "key" {
		t.Errorf("without a password: %q, %v", text, err)
	}
}
