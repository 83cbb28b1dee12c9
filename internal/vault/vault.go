// Package vault reads and writes the format of Ansible Vault, versions 1.1 and
// 1.2, https://docs.ansible.com/ansible/latest/vault_guide/: a header line and
// hexadecimal text that holds a salt, an HMAC and AES-256 in counter mode under
// keys derived from a password.
package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// DefaultLabel is the vault id of a secret without a label. Version 1.1 of the
// format, which names no label, stands for it.
const DefaultLabel = "default"

const (
	magic      = "$ANSIBLE_VAULT"
	rounds     = 10_000 // fixed by the format
	saltSize   = 32
	keySize    = 32 // of the cipher and of the HMAC
	lineLength = 80
)

var (
	// ErrFormat means that a text is no vault, or a damaged one.
	ErrFormat = errors.New("this is no text of Ansible Vault")
	// ErrPassword means that no password at hand opens a vault. Another
	// password may.
	ErrPassword = errors.New("wrong vault password")
	// ErrNoPassword means that there is no password at hand at all.
	ErrNoPassword = errors.New("no vault password is given: add --vault-password-file FILE or --ask-vault-pass")
)

// A Secret is a password and the vault id it goes by.
type Secret struct {
	Label    string // "" is DefaultLabel
	Password []byte
}

func (s Secret) label() string {
	if s.Label == "" {
		return DefaultLabel
	}
	return s.Label
}

// A Vault opens and seals with a set of secrets. Its methods may be called from
// several goroutines.
type Vault struct {
	secrets []Secret

	mu   sync.Mutex
	keys map[keyOf]keys // deriving takes some milliseconds
}

type keyOf struct{ password, salt string }

type keys struct{ cipher, mac, iv []byte }

// New makes a Vault.
func New(secrets ...Secret) *Vault {
	return &Vault{secrets: secrets, keys: map[keyOf]keys{}}
}

// Labels are the labels of the secrets, in order.
func (v *Vault) Labels() []string {
	var out []string
	for _, s := range v.secrets {
		out = append(out, s.label())
	}
	return out
}

// IsSealed reports whether a text has the header of a vault.
func IsSealed(text []byte) bool { return bytes.HasPrefix(text, []byte(magic+";")) }

// Label is the vault id that a sealed text names.
func Label(sealed []byte) (string, error) {
	label, _, err := parse(sealed)
	return label, err
}

// Decrypt opens a sealed text, trying the secrets of its label before the
// others.
func (v *Vault) Decrypt(sealed []byte) ([]byte, error) {
	label, body, err := parse(sealed)
	if err != nil {
		return nil, err
	}
	if len(v.secrets) == 0 {
		return nil, ErrNoPassword
	}
	for _, first := range []bool{true, false} {
		for _, s := range v.secrets {
			if (s.label() == label) != first {
				continue
			}
			k, err := v.derive(s.Password, body.salt)
			if err != nil {
				return nil, err
			}
			if hmac.Equal(sign(k.mac, body.sealed), body.mac) {
				return unpad(crypt(k, body.sealed))
			}
		}
	}
	return nil, fmt.Errorf("%w: none of the given ones (%s) opens this vault of id %q", ErrPassword, strings.Join(v.Labels(), ", "), label)
}

// opens reports whether a secret is the one of a vault.
func (v *Vault) opens(s Secret, b body) bool {
	k, err := v.derive(s.Password, b.salt)
	return err == nil && hmac.Equal(sign(k.mac, b.sealed), b.mac)
}

// Encrypt seals a text with the secret of a label. The label "" takes the only
// secret there is.
func (v *Vault) Encrypt(plain []byte, label string) ([]byte, error) {
	s, err := v.secret(label)
	if err != nil {
		return nil, err
	}
	return v.seal(plain, s)
}

func (v *Vault) seal(plain []byte, s Secret) ([]byte, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails, as crypto/rand says
	k, err := v.derive(s.Password, salt)
	if err != nil {
		return nil, err
	}
	sealed := crypt(k, pad(plain))
	inner := strings.Join([]string{hex.EncodeToString(salt), hex.EncodeToString(sign(k.mac, sealed)), hex.EncodeToString(sealed)}, "\n")
	var b bytes.Buffer
	if s.label() == DefaultLabel {
		b.WriteString(magic + ";1.1;AES256\n")
	} else {
		b.WriteString(magic + ";1.2;AES256;" + s.label() + "\n")
	}
	for text := hex.EncodeToString([]byte(inner)); text != ""; {
		n := min(lineLength, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.Bytes(), nil
}

func (v *Vault) secret(label string) (Secret, error) {
	if len(v.secrets) == 0 {
		return Secret{}, ErrNoPassword
	}
	if label == "" && len(v.secrets) == 1 {
		return v.secrets[0], nil
	}
	for _, s := range v.secrets {
		if label != "" && s.label() == label {
			return s, nil
		}
	}
	if label == "" {
		return Secret{}, fmt.Errorf("several vault ids are given (%s): choose one with --encrypt-vault-id", strings.Join(v.Labels(), ", "))
	}
	return Secret{}, fmt.Errorf("no password is given for the vault id %q, only for %s", label, strings.Join(v.Labels(), ", "))
}

func (v *Vault) derive(password, salt []byte) (keys, error) {
	id := keyOf{string(password), string(salt)}
	v.mu.Lock()
	k, ok := v.keys[id]
	v.mu.Unlock()
	if ok {
		return k, nil
	}
	raw, err := pbkdf2.Key(sha256.New, string(password), salt, rounds, 2*keySize+aes.BlockSize)
	if err != nil {
		return k, fmt.Errorf("the key of the vault cannot be derived: %w", err) // a system in FIPS mode
	}
	k = keys{raw[:keySize], raw[keySize : 2*keySize], raw[2*keySize:]}
	v.mu.Lock()
	v.keys[id] = k
	v.mu.Unlock()
	return k, nil
}

func sign(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

func crypt(k keys, text []byte) []byte {
	block, err := aes.NewCipher(k.cipher)
	if err != nil {
		panic(err) // only for key lengths that AES does not have
	}
	out := make([]byte, len(text))
	cipher.NewCTR(block, k.iv).XORKeyStream(out, text)
	return out
}

// pad fills up to whole blocks as PKCS #7 has it, RFC 5652, 6.3.
func pad(text []byte) []byte {
	n := aes.BlockSize - len(text)%aes.BlockSize
	return append(bytes.Clone(text), bytes.Repeat([]byte{byte(n)}, n)...)
}

func unpad(text []byte) ([]byte, error) {
	if len(text) == 0 || len(text)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("%w: its length is wrong", ErrFormat)
	}
	n := int(text[len(text)-1])
	if n == 0 || n > aes.BlockSize || !bytes.Equal(text[len(text)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, fmt.Errorf("%w: its padding is wrong", ErrFormat)
	}
	return text[:len(text)-n], nil
}

type body struct{ salt, mac, sealed []byte }

// parse takes a sealed text apart. Blanks around lines are those of an indented
// YAML scalar.
func parse(text []byte) (label string, b body, err error) {
	header, rest, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	fields := strings.Split(strings.TrimSpace(header), ";")
	if len(fields) < 3 || fields[0] != magic {
		return "", b, fmt.Errorf("%w: it does not begin with %s;1.1;AES256", ErrFormat, magic)
	}
	label = DefaultLabel
	switch {
	case fields[2] != "AES256":
		return "", b, fmt.Errorf("%w: the cipher %s is not known", ErrFormat, fields[2])
	case fields[1] == "1.1":
	case fields[1] == "1.2" && len(fields) >= 4:
		label = strings.TrimSpace(fields[3])
	default:
		return "", b, fmt.Errorf("%w: the version %s is not known", ErrFormat, fields[1])
	}
	inner, err := hex.DecodeString(strings.Join(strings.Fields(rest), ""))
	if err != nil {
		return "", b, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	parts := strings.Split(string(inner), "\n")
	if len(parts) != 3 {
		return "", b, fmt.Errorf("%w: it is cut short", ErrFormat)
	}
	for i, to := range []*[]byte{&b.salt, &b.mac, &b.sealed} {
		if *to, err = hex.DecodeString(parts[i]); err != nil {
			return "", b, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	return label, b, nil
}
