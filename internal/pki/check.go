package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Check says what is wrong with a certificate, and the intermediate ones behind
// it, for one who trusts these authorities: another authority's, not yet or no
// longer valid, not for this use, or without some of the names. Nil is none.
func Check(chain, authorities []*x509.Certificate, names []string, server bool, now time.Time) error {
	cert := chain[0]
	switch {
	case now.After(cert.NotAfter):
		return fmt.Errorf("the certificate ended at %s", cert.NotAfter.Format(time.RFC3339))
	case now.Before(cert.NotBefore):
		return fmt.Errorf("the certificate begins only at %s", cert.NotBefore.Format(time.RFC3339))
	}
	opts := x509.VerifyOptions{
		Roots: pool(authorities), Intermediates: pool(chain[1:]), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	if _, err := cert.Verify(opts); err != nil {
		var other x509.UnknownAuthorityError
		if errors.As(err, &other) {
			return fmt.Errorf("the certificate is of another authority: %s", cert.Issuer)
		}
		return err
	}
	uses := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if server {
		uses = append(uses, x509.ExtKeyUsageServerAuth)
	}
	for _, use := range uses {
		opts.KeyUsages = []x509.ExtKeyUsage{use}
		if _, err := cert.Verify(opts); err != nil {
			return fmt.Errorf("the certificate is not for use as a %s", map[x509.ExtKeyUsage]string{
				x509.ExtKeyUsageClientAuth: "client (extended key usage clientAuth)",
				x509.ExtKeyUsageServerAuth: "server (extended key usage serverAuth)",
			}[use])
		}
	}
	var lacks []string
	for _, n := range Canonical(names) {
		if !slices.Contains(Names(cert), n) && cert.VerifyHostname(n) != nil {
			lacks = append(lacks, n)
		}
	}
	if len(lacks) > 0 {
		return fmt.Errorf("the certificate lacks the names %s (it has %s)", strings.Join(lacks, ", "), strings.Join(Names(cert), ", "))
	}
	return nil
}

// IssuedBy reports whether an authority signed a certificate.
func IssuedBy(cert, authority *x509.Certificate) bool {
	return cert.CheckSignatureFrom(authority) == nil
}

func pool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}
