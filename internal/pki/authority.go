// Package pki makes and reads the certificates of a cluster: an authority of its
// own, the certificates of members and people, and bundles of authorities.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const (
	// authorityLife is how long an authority lasts.
	authorityLife = 10 * 365 * 24 * time.Hour
	// Backdate is how far before now certificates begin, for hosts whose clock is behind.
	Backdate = time.Hour
)

// An Authority signs certificates.
type Authority struct {
	Cert *x509.Certificate
	key  crypto.Signer
}

// Found makes an authority of a key. Its common name is the given one and a word
// of the key's, so that authorities of one name can be told apart.
func Found(key crypto.Signer, name string, now time.Time) (*Authority, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(public)
	word := hex.EncodeToString(sum[:])[:8]
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name + " " + word},
		NotBefore:    now.Add(-Backdate),
		NotAfter:     now.Add(authorityLife),
		KeyUsage:     x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:         true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{cert, key}, nil
}

// ErrKeyMismatch means that a private key belongs to another certificate.
var ErrKeyMismatch = errors.New("the private key belongs to another certificate")

// OpenAuthority is the authority of a certificate and its key, both PEM. Of a
// bundle it is the first that counts.
func OpenAuthority(certPEM, keyPEM []byte) (*Authority, error) {
	certs, err := ParseCerts(certPEM)
	if err != nil {
		return nil, err
	}
	key, err := ParseKey(keyPEM)
	if err != nil {
		return nil, err
	}
	if !certs[0].IsCA {
		return nil, fmt.Errorf("%s is no authority: it may not sign certificates", certs[0].Subject)
	}
	if !Matches(certs[0], key) {
		return nil, ErrKeyMismatch
	}
	return &Authority{certs[0], key}, nil
}

// KeyPEM is the authority's private key in PKCS#8.
func (a *Authority) KeyPEM() ([]byte, error) { return EncodeKey(a.key) }

// NewKey makes a private key: ECDSA on P-256.
func NewKey() (crypto.Signer, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func newSerial() (*big.Int, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	b[0] = b[0]&0x7f | 0x40 // positive, and of one length
	return new(big.Int).SetBytes(b), nil
}
