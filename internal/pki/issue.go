package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"time"
)

// An Order says what a certificate is to be.
type Order struct {
	Name   string   // common name
	Names  []string // DNS names and IP addresses
	Server bool     // for a member: it serves, and is a client of its peers
	Now    time.Time
	Life   time.Duration // from now on; never beyond the authority's own end
}

// Issue signs a certificate for a public key.
func (a *Authority) Issue(public crypto.PublicKey, o Order) (*x509.Certificate, error) {
	if !o.Now.Before(a.Cert.NotAfter) {
		return nil, fmt.Errorf("the authority %s ended at %s", a.Cert.Subject, a.Cert.NotAfter.Format(time.RFC3339))
	}
	if err := strong(public); err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: o.Name},
		NotBefore:    o.Now.Add(-Backdate),
		NotAfter:     o.Now.Add(o.Life),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},

		BasicConstraintsValid: true,
	}
	if template.NotAfter.After(a.Cert.NotAfter) {
		template.NotAfter = a.Cert.NotAfter
	}
	if o.Server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, n := range o.Names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Cert, public, a.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// PublicKey reads what a host sends to have signed: a certificate request, whose
// signature is checked, or a bare public key. Both are PEM.
func PublicKey(text []byte) (crypto.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("neither a certificate request nor a public key in PEM")
	}
	switch block.Type {
	case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
		req, err := x509.ParseCertificateRequest(block.Bytes)
		if err != nil {
			return nil, err
		}
		if err := req.CheckSignature(); err != nil {
			return nil, fmt.Errorf("the certificate request was not signed by its own key: %w", err)
		}
		return req.PublicKey, nil
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	}
	return nil, fmt.Errorf("a PEM block %q is neither a certificate request nor a public key", block.Type)
}

// strong refuses keys that TLS libraries refuse, before they do.
func strong(public crypto.PublicKey) error {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return fmt.Errorf("an RSA key of %d bits is too weak: 2048 at least", k.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize < 256 {
			return fmt.Errorf("an ECDSA key of %d bits is too weak: 256 at least", k.Curve.Params().BitSize)
		}
	}
	return nil
}
