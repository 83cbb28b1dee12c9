package hosts

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// A hostKey is an Ed25519 key in the forms that SSH servers want.
type hostKey struct {
	private ed25519.PrivateKey
	public  ssh.PublicKey
	pem     string // OpenSSH's format
}

// authorized is the public key as a line of authorized_keys.
func (k hostKey) authorized(comment string) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.public))) + " " + comment + "\n"
}

// dropbear is the private key in dropbear's own format: the type and, as
// strings of SSH (RFC 4251), seed and public key in one.
func (k hostKey) dropbear() string {
	return string(ssh.Marshal(struct{ Type, Key string }{ssh.KeyAlgoED25519, string(k.private)}))
}

// newKey makes a key and writes it to the file, the public part beside it.
func newKey(file, comment string) (hostKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return hostKey{}, err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return hostKey{}, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return hostKey{}, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return hostKey{}, err
	}
	k, err := readKey(file)
	if err != nil {
		return hostKey{}, err
	}
	return k, os.WriteFile(file+".pub", []byte(k.authorized(comment)), 0o644)
}

func readKey(file string) (hostKey, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return hostKey{}, err
	}
	raw, err := ssh.ParseRawPrivateKey(data)
	if err != nil {
		return hostKey{}, fmt.Errorf("%s: %w", file, err)
	}
	private, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return hostKey{}, fmt.Errorf("%s: %w", file, errors.New("not an Ed25519 key"))
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return hostKey{}, err
	}
	return hostKey{private: *private, public: public, pem: string(data)}, nil
}
