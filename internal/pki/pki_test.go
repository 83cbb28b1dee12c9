package pki_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/internal/pki"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func authority(t *testing.T) *pki.Authority {
	t.Helper()
	a, err := pki.Found(newKey(t), "etcd CA", now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func member(t *testing.T, a *pki.Authority, names ...string) *x509.Certificate {
	t.Helper()
	c, err := a.Issue(newKey(t).Public(), pki.Order{Name: "peer1", Names: names, Server: true, Now: now, Life: 365 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCheck(t *testing.T) {
	t.Parallel()
	ours, other := authority(t), authority(t)
	names := []string{"peer1", "192.168.161.3", "::1"}
	cert := member(t, ours, names...)
	person, err := ours.Issue(newKey(t).Public(), pki.Order{Name: "admin", Now: now, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		cert   *x509.Certificate
		trust  []*x509.Certificate
		names  []string
		server bool
		at     time.Time
		wrong  string // "" is nothing
	}{
		{"a member", cert, []*x509.Certificate{ours.Cert}, names, true, now, ""},
		{"for hosts whose clock is behind", cert, []*x509.Certificate{ours.Cert}, names, true, now.Add(-59 * time.Minute), ""},
		{"with one of two authorities", cert, []*x509.Certificate{other.Cert, ours.Cert}, names, true, now, ""},
		{"a person", person, []*x509.Certificate{ours.Cert}, nil, false, now, ""},
		{"expired", cert, []*x509.Certificate{ours.Cert}, names, true, now.AddDate(2, 0, 0), "ended at"},
		{"not yet", cert, []*x509.Certificate{ours.Cert}, names, true, now.Add(-2 * time.Hour), "begins only at"},
		{"another authority", cert, []*x509.Certificate{other.Cert}, names, true, now, "another authority"},
		{"a person as a member", person, []*x509.Certificate{ours.Cert}, nil, true, now, "not for use as a server"},
		{"without a name", cert, []*x509.Certificate{ours.Cert}, []string{"peer1", "peer9", "10.0.0.9"}, true, now, "lacks the names 10.0.0.9, peer9"},
	} {
		err := pki.Check([]*x509.Certificate{c.cert}, c.trust, c.names, c.server, c.at)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %q", c.name, err, c.wrong)
		}
	}
}

func TestIssueEndsWithItsAuthority(t *testing.T) {
	t.Parallel()
	a := authority(t)
	c, err := a.Issue(newKey(t).Public(), pki.Order{Name: "x", Now: now.AddDate(9, 6, 0), Life: 365 * 24 * time.Hour})
	if err != nil || !c.NotAfter.Equal(a.Cert.NotAfter) {
		t.Errorf("ends at %v (%v), its authority at %v", c.NotAfter, err, a.Cert.NotAfter)
	}
	if _, err := a.Issue(newKey(t).Public(), pki.Order{Name: "x", Now: now.AddDate(11, 0, 0)}); err == nil {
		t.Error("an authority that has ended still signs")
	}
}

func TestPublicKey(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	request := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	forged := bytes.Clone(der)
	forged[len(forged)-1] ^= 1
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text []byte
		good bool
	}{
		"a request":         {request, true},
		"a public key":      {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}), true},
		"a forged request":  {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: forged}), false},
		"a private key":     {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: spki}), false},
		"nothing":           {nil, false},
		"a damaged request": {request[:len(request)/2], false},
	} {
		got, err := pki.PublicKey(c.text)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(got) {
			t.Errorf("%s: another key", name)
		}
	}
}

func TestOpenAuthority(t *testing.T) {
	t.Parallel()
	a, b := authority(t), authority(t)
	keyA, err := a.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pki.OpenAuthority(pki.Encode(a.Cert, b.Cert), keyA); err != nil {
		t.Error(err)
	}
	if _, err := pki.OpenAuthority(pki.Encode(b.Cert, a.Cert), keyA); !errors.Is(err, pki.ErrKeyMismatch) {
		t.Errorf("another's key: %v", err)
	}
	leaf := member(t, a)
	if _, err := pki.OpenAuthority(pki.Encode(leaf), keyA); err == nil {
		t.Error("a member passes for an authority")
	}
	if a.Cert.Subject.String() == b.Cert.Subject.String() {
		t.Error("two authorities can't be told apart")
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	a := authority(t)
	good := pki.Encode(a.Cert, a.Cert)
	for name, text := range map[string][]byte{
		"empty":        nil,
		"no PEM":       []byte("hello"),
		"cut off":      good[:len(good)-40],
		"not base64":   bytes.ReplaceAll(good, []byte("MII"), []byte("?!?")),
		"not a cert":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}),
		"another kind": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}),
	} {
		if certs, err := pki.ParseCerts(text); err == nil {
			t.Errorf("%s: %d certificates", name, len(certs))
		}
		if _, err := pki.ParseKey(text); err == nil {
			t.Errorf("%s: a key", name)
		}
	}
	locked := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	if _, err := pki.ParseKey(locked); err == nil || !strings.Contains(err.Error(), "passphrase") {
		t.Errorf("a key with a passphrase: %v", err)
	}
}

func TestKeysAndNames(t *testing.T) {
	t.Parallel()
	a := authority(t)
	key := newKey(t)
	text, err := pki.EncodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	back, err := pki.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Issue(back.Public(), pki.Order{Name: "x", Names: []string{"B", "0:0::1", "a", "a"}, Now: now, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if !pki.Matches(cert, key) || pki.Matches(cert, newKey(t)) {
		t.Error("the wrong key matches, or the right one doesn't")
	}
	if got := pki.Names(cert); !slices.Equal(got, []string{"::1", "a", "b"}) {
		t.Errorf("names: %q", got)
	}
}

func TestBundle(t *testing.T) {
	t.Parallel()
	a, b := authority(t).Cert, authority(t).Cert
	one, other := pki.Bundle([]*x509.Certificate{a, b}), pki.Bundle([]*x509.Certificate{b, a, a})
	if !bytes.Equal(one, other) {
		t.Error("the order counts")
	}
	if certs, err := pki.ParseCerts(other); err != nil || len(certs) != 2 {
		t.Errorf("%d authorities, %v", len(certs), err)
	}
}
