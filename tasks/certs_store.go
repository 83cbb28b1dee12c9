package tasks

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/etcdplay/etcdplay/internal/pki"
)

// certStore is the controller's folder, as far as it can be read without secrets.
//
//	ca.crt, ca.key         the authorities to trust, the first of which signs; its key
//	NAME.crt, NAME.key     of people and programs
//	members/NAME.crt, .key of members whose keys are made here, or given
//	new/ca.crt, new/ca.key the next authority: a rotation is under way
//	old/NAME.crt, .key     authorities of before
type certStore struct {
	files Files
	dir   string

	bundle []*x509.Certificate // ca.crt; nil if there is none
	next   *x509.Certificate   // new/ca.crt; nil if there is none
}

func openStore(files Files, dir string) (*certStore, error) {
	s := &certStore{files: files, dir: dir}
	var err error
	if s.bundle, err = s.certs("ca.crt"); err != nil {
		return nil, err
	}
	next, err := s.certs(filepath.Join("new", "ca.crt"))
	if err != nil {
		return nil, err
	}
	if next != nil {
		s.next = next[0]
	}
	return s, nil
}

func (s *certStore) path(name string) string { return filepath.Join(s.dir, name) }

// read is a file's text, nil if there is none.
func (s *certStore) read(name string) ([]byte, error) {
	text, err := s.files.Read(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, Failf("can't read %s: %w", s.path(name), err)
	}
	return text, nil
}

// certs reads certificates; nil if there is no such file.
func (s *certStore) certs(name string) ([]*x509.Certificate, error) {
	text, err := s.read(name)
	if err != nil || text == nil {
		return nil, err
	}
	certs, err := pki.ParseCerts(text)
	if err != nil {
		return nil, Failf("%s: %w", s.path(name), err).WithHint("bring the file back from a copy; it is never overwritten")
	}
	return certs, nil
}

// write puts a file into the folder.
func (s *certStore) write(name string, text []byte, mode fs.FileMode, secret bool) error {
	if err := s.files.Write(s.path(name), text, mode, secret); err != nil {
		return Failf("can't write %s: %w", s.path(name), err).WithHint("certificates are kept on this machine: give a folder that you may write to with pki (etcd_pki in the playbooks for etcd)")
	}
	return nil
}

// signer is the authority that signs, nil if it is still to be made.
func (s *certStore) signer() *x509.Certificate {
	if len(s.bundle) == 0 {
		return nil
	}
	return s.bundle[0]
}

// promoted reports whether the next authority signs already.
func (s *certStore) promoted() bool { return s.next != nil && s.signer().Equal(s.next) }

// authority opens the authority that signs, with its key.
func (s *certStore) authority() (*pki.Authority, error) {
	if s.bundle == nil {
		return nil, Failf("there is no %s", s.path("ca.crt"))
	}
	key, err := s.read("ca.key")
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, Failf("a certificate is to be issued, and %s is not there", s.path("ca.key")).
			WithHint("bring the authority's key back, or, if an authority of your own signs, issue the certificate there and say keys: given (etcd_keys in the playbooks for etcd)")
	}
	a, err := pki.OpenAuthority(pki.Encode(s.bundle...), key)
	if errors.Is(err, pki.ErrKeyMismatch) {
		return nil, Failf("%s is not the key of the first authority in %s", s.path("ca.key"), s.path("ca.crt")).
			WithHint("if a change of the authority was interrupted, run it again (rotate-ca.yml)")
	}
	if err != nil {
		return nil, Failf("%s: %w", s.path("ca.key"), err)
	}
	return a, nil
}

// pair reads NAME.crt and NAME.key. Without a certificate all are nil.
func (s *certStore) pair(name string) (chain []*x509.Certificate, certText, keyText []byte, err error) {
	if chain, err = s.certs(name + ".crt"); err != nil || chain == nil {
		return nil, nil, nil, err
	}
	if certText, err = s.read(name + ".crt"); err != nil {
		return nil, nil, nil, err
	}
	keyText, err = s.read(name + ".key")
	return chain, certText, keyText, err
}

// keyFits says what is wrong with a private key.
func keyFits(cert *x509.Certificate, keyText []byte) error {
	if keyText == nil {
		return errors.New("its private key is not there")
	}
	key, err := pki.ParseKey(keyText)
	if err != nil {
		return err
	}
	if !pki.Matches(cert, key) {
		return pki.ErrKeyMismatch
	}
	return nil
}

func endOf(c *x509.Certificate) string { return c.NotAfter.UTC().Format(time.RFC3339) }

// sameText compares PEM texts, of which a shell has cut the end.
func sameText(a, b string) bool {
	return bytes.Equal(bytes.TrimSpace([]byte(a)), bytes.TrimSpace([]byte(b)))
}
