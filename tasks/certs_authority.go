package tasks

import (
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/etcdplay/etcdplay/internal/pki"
)

// authorityName is how authorities are called; see pki.Found.
const authorityName = "etcdplay CA"

// prepareController does what is done once for all hosts: the authority, a step
// of its rotation, and the certificates of clients. Who has nothing to change
// there needs no permission to.
func (c *Certs) prepareController(ctx context.Context, t *Target) error {
	if c.Keys == "given" {
		return nil
	}
	asking := t.Fresh()
	asking.Check = true
	if err := c.keepController(asking); err != nil || !asking.Result().Changed {
		return err
	}
	if !t.Check {
		unlock, err := c.lock(ctx)
		if err != nil {
			return err
		}
		defer unlock()
	}
	return c.keepController(t) // another run may have been before
}

func (c *Certs) keepController(t *Target) error {
	s, err := openStore(t.Files, c.PKI)
	if err != nil {
		return err
	}
	now := time.Now()
	signer := c.signs(s) // not the one that is found below: what is there is issued anew, as foreseen
	if s.bundle == nil {
		if c.Rotate != "" {
			return Failf("there is no %s: no authority could be replaced", s.path("ca.crt")).WithHint("bring the cluster up with TLS first")
		}
		if err := c.found(t, s, now); err != nil {
			return err
		}
	}
	if err := c.rotate(t, s, now); err != nil || c.Rotate == "retire" || c.Rotate == "finish" {
		return err
	}
	return c.clients(t, s, signer, now)
}

// lock waits until no other run changes the folder.
func (c *Certs) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(c.PKI, 0o700); err != nil {
		return nil, Failf("can't make %s: %w", c.PKI, err).
			WithHint("certificates are kept on this machine: give a folder that you may write to with pki (etcd_pki in the playbooks for etcd)")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	name := filepath.Join(c.PKI, ".lock")
	unlock, err = lockFile(ctx, name)
	if err != nil {
		return nil, Failf("can't lock %s: %w", name, err).WithHint("is another run at work there, or may you not write there?")
	}
	return unlock, nil
}

// found makes the authority. The key comes first: a key without a certificate,
// of a run that was killed, gets one.
func (c *Certs) found(t *Target, s *certStore, now time.Time) error {
	if !t.Would("make the certificate authority %s", s.path("ca.crt")) {
		return nil
	}
	a, err := s.newAuthority("ca", now)
	if err == nil {
		s.bundle = []*x509.Certificate{a.Cert}
	}
	return err
}

// newAuthority writes NAME.key and NAME.crt.
func (s *certStore) newAuthority(name string, now time.Time) (*pki.Authority, error) {
	keyText, err := s.read(name + ".key")
	if err != nil {
		return nil, err
	}
	if keyText == nil {
		key, err := pki.NewKey()
		if err != nil {
			return nil, err
		}
		if keyText, err = pki.EncodeKey(key); err != nil {
			return nil, err
		}
		if err := s.write(name+".key", keyText, 0o600, true); err != nil {
			return nil, err
		}
	}
	key, err := pki.ParseKey(keyText)
	if err != nil {
		return nil, Failf("%s: %w", s.path(name+".key"), err)
	}
	a, err := pki.Found(key, authorityName, now)
	if err != nil {
		return nil, err
	}
	return a, s.write(name+".crt", pki.Encode(a.Cert), 0o644, false)
}

// rotate takes one step to another authority; one that is done already is none.
func (c *Certs) rotate(t *Target, s *certStore, now time.Time) error {
	switch c.Rotate {
	case "introduce":
		if s.promoted() { // by a run that was killed, maybe before it wrote the key
			return s.promote(t)
		}
		return s.introduce(t, now)
	case "promote":
		return s.promote(t)
	case "retire":
		return s.retire(t)
	case "finish":
		if t.Would("end the change of the authority: remove %s", s.path("new")) {
			return s.finish()
		}
	}
	return nil
}

// introduce makes another authority, and trusts it too.
func (s *certStore) introduce(t *Target, now time.Time) error {
	if s.next == nil && t.Would("make another certificate authority: %s", s.path(filepath.Join("new", "ca.crt"))) {
		a, err := s.newAuthority(filepath.Join("new", "ca"), now)
		if err != nil {
			return err
		}
		s.next = a.Cert
	}
	if (s.next == nil || !slices.ContainsFunc(s.bundle, s.next.Equal)) && t.Would("trust it too: %s", s.path("ca.crt")) {
		s.bundle = append(s.bundle, s.next)
		return s.write("ca.crt", pki.Encode(s.bundle...), 0o644, false)
	}
	return nil
}

// promote lets the next authority sign. The certificate comes first: signer
// tells what the key is to be.
func (s *certStore) promote(t *Target) error {
	old := s.signer()
	key, err := s.read("ca.key")
	if err != nil {
		return err
	}
	nextKey, err := s.read(filepath.Join("new", "ca.key"))
	if err != nil {
		return err
	}
	if s.next != nil && s.promoted() && keyFits(s.next, key) == nil {
		return nil
	}
	if !t.Would("let the new authority sign: %s", s.path("ca.key")) {
		return nil
	}
	if err := keyFits(s.next, nextKey); err != nil {
		return Failf("%s: %w", s.path(filepath.Join("new", "ca.key")), err)
	}
	if !s.promoted() {
		name := filepath.Join("old", pki.Fingerprint(old)[:16])
		if err := s.write(name+".crt", pki.Encode(old), 0o644, false); err != nil {
			return err
		}
		if key != nil {
			if err := s.write(name+".key", key, 0o600, true); err != nil {
				return err
			}
		}
		s.bundle = append([]*x509.Certificate{s.next}, slices.DeleteFunc(s.bundle, s.next.Equal)...)
		if err := s.write("ca.crt", pki.Encode(s.bundle...), 0o644, false); err != nil {
			return err
		}
	}
	return s.write("ca.key", nextKey, 0o600, true)
}

// retire trusts the new authority alone.
func (s *certStore) retire(t *Target) error {
	if s.next != nil && !s.promoted() {
		if t.Check {
			s.bundle = append([]*x509.Certificate{s.next}, s.bundle...)
		} else {
			return Failf("the new authority does not sign yet").WithHint("first rotate: promote")
		}
	}
	if s.next != nil && len(s.bundle) == 1 {
		return nil
	}
	if t.Would("trust the new authority alone: %s", s.path("ca.crt")) {
		s.bundle = []*x509.Certificate{s.next}
		return s.write("ca.crt", pki.Encode(s.next), 0o644, false)
	}
	return nil
}

// finish removes the new authority's folder in one step: half of it would look
// like the beginning of another change.
func (s *certStore) finish() error {
	aside := s.path(".ended")
	err := os.RemoveAll(aside)
	if err == nil {
		err = os.Rename(s.path("new"), aside)
	}
	if err == nil {
		err = os.RemoveAll(aside)
	}
	if err != nil {
		return Failf("can't remove %s: %w", s.path("new"), err)
	}
	return nil
}

// clients keeps the certificates of people and programs.
func (c *Certs) clients(t *Target, s *certStore, signer *x509.Certificate, now time.Time) error {
	for _, name := range c.Clients {
		chain, _, keyText, err := s.pair(name)
		if err != nil {
			return err
		}
		why := "there is none yet"
		if chain != nil {
			if why = c.reason(chain[0], signer, nil, false, now); why == "" && keyFits(chain[0], keyText) != nil {
				why = keyFits(chain[0], keyText).Error()
			}
		}
		if why == "" || !t.Would("make the client certificate %s (%s)", s.path(name+".crt"), why) {
			continue
		}
		// their keys are not sealed: other programs read them
		if err := c.makePair(s, name, pki.Order{Name: name, Now: now, Life: c.life()}, false); err != nil {
			return err
		}
	}
	return nil
}

func (c *Certs) life() time.Duration { return time.Duration(c.Days) * 24 * time.Hour }

// makePair makes a key and a certificate and keeps both.
func (c *Certs) makePair(s *certStore, name string, o pki.Order, secret bool) error {
	a, err := s.authority()
	if err != nil {
		return err
	}
	certText, keyText, err := newPair(a, o)
	if err != nil {
		return err
	}
	if err := s.write(name+".key", keyText, 0o600, secret); err != nil {
		return err
	}
	return s.write(name+".crt", certText, 0o644, false)
}

// newPair makes a key and a certificate.
func newPair(a *pki.Authority, o pki.Order) (certText, keyText []byte, err error) {
	key, err := pki.NewKey()
	if err != nil {
		return nil, nil, err
	}
	if keyText, err = pki.EncodeKey(key); err != nil {
		return nil, nil, err
	}
	cert, err := a.Issue(key.Public(), o)
	if err != nil {
		return nil, nil, Failf("can't issue a certificate for %s: %w", o.Name, err)
	}
	return pki.Encode(cert), keyText, nil
}
