package tasks

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"path"
	"time"

	"github.com/etcdplay/etcdplay/internal/pki"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// unknownYet stands for a value that check mode can't know.
const unknownYet = "decided at run time"

// Run implements Module.
func (c *Certs) Run(ctx context.Context, t *Target) (Result, error) {
	h := t.Host.Gathered.(*certHost)
	now := time.Now()
	s, err := openStore(t.Files, c.PKI)
	if err != nil {
		return t.Result(), err
	}
	files := installed{ca: pki.Bundle(s.bundle), cert: []byte(h.have.cert)}
	if h.plan.put() && !t.Check {
		if files, err = c.make(t, s, h, now); err != nil {
			return t.Result(), err
		}
	}
	res := t.Result()
	switch {
	case h.plan.put():
		res, err = t.Script(ctx, script.New().
			Set("CERTS_CA", string(files.ca)).Set("CERTS_CERT", string(files.cert)).Set("CERTS_KEY", string(files.key)).
			Call("certs_put", path.Clean(c.Dir), h.new, files.version(), c.Owner, c.Group, string(c.Mode), c.change(t, h)))
	case h.attrs.Changed:
		res, err = t.Script(ctx, script.New().Call("certs_look", path.Clean(c.Dir), c.Owner, c.Group, string(c.Mode)))
	}
	res.Data = nil
	if err != nil {
		return res, err
	}
	res.Warnings = append(res.Warnings, h.plan.warnings...)
	if signer := s.signer(); signer != nil && firstOf(t) && signer.NotAfter.Sub(now) < 365*24*time.Hour {
		res.Warnings = append(res.Warnings, fmt.Sprintf("the authority in %s ends at %s: replace it in good time (rotate-ca.yml)", s.path("ca.crt"), endOf(signer)))
	}
	c.tell(t, &res, s, h, files)
	if len(c.Serving) == 0 || t.Check {
		return res, nil
	}
	return res, c.presented(ctx, t, files)
}

// change is what becomes of the host, in words.
func (c *Certs) change(t *Target, h *certHost) string {
	if h.plan.issue == "" && h.have.cert != "" {
		return fmt.Sprintf("update the certificates in %s (%s)", path.Join(h.dir, "current"), h.plan.why())
	}
	return fmt.Sprintf("install a certificate for %s in %s (%s)", c.commonName(t), path.Join(h.dir, "current"), h.plan.why())
}

// installed are files for a host. Without a key it has its own.
type installed struct{ ca, cert, key []byte }

// version names the folder: the day of issue, and what tells it from others.
func (f installed) version() string {
	chain, err := pki.ParseCerts(f.cert)
	if err != nil {
		return "" // check mode
	}
	sum := sha256.New()
	for _, text := range [][]byte{f.ca, f.cert, f.key} {
		fmt.Fprintf(sum, "%d\n%s", len(text), text)
	}
	return chain[0].NotBefore.Add(pki.Backdate).UTC().Format("2006-01-02") + "-" + hex.EncodeToString(sum.Sum(nil))[:8]
}

// make issues what the plan says, and brings together what the host gets.
func (c *Certs) make(t *Target, s *certStore, h *certHost, now time.Time) (f installed, err error) {
	f = installed{ca: pki.Bundle(s.bundle), cert: []byte(h.have.cert + "\n")}
	order := pki.Order{Name: c.commonName(t), Names: c.wantedNames(), Server: true, Now: now, Life: c.life()}
	switch {
	case c.Keys == "controller" || c.Keys == "given":
		if h.plan.issue != "" {
			if err := c.makePair(s, c.kept(t), order, true); err != nil {
				return f, err
			}
		}
		_, f.cert, f.key, err = s.pair(c.kept(t))
		return f, err
	case h.plan.issue == "": // only the authorities change
		return f, nil
	}
	a, err := s.authority()
	if err != nil {
		return f, err
	}
	if !h.plan.makesKey {
		f.cert, f.key, err = newPair(a, order)
		return f, err
	}
	public, err := pki.PublicKey([]byte(h.request))
	if err != nil {
		return f, Failf("what the host gave to have signed is wrong: %w", err)
	}
	cert, err := a.Issue(public, order)
	if err != nil {
		return f, Failf("can't issue a certificate for %s: %w", order.Name, err)
	}
	f.cert = pki.Encode(cert)
	return f, nil
}

// tell sets what register sees.
func (c *Certs) tell(t *Target, res *Result, s *certStore, h *certHost, f installed) {
	current := path.Join(h.dir, "current")
	res.Set("ca", path.Join(current, "ca.crt"))
	res.Set("cert", path.Join(current, "member.crt"))
	res.Set("key", path.Join(current, "member.key"))
	digest, ends, print := unknownYet, "", ""
	if bundle, known := c.trust(s); known {
		digest = sumOf(pki.Bundle(bundle))
	}
	if chain, err := pki.ParseCerts(f.cert); err == nil && !(t.Check && h.plan.issue != "") {
		ends, print = endOf(chain[0]), pki.Fingerprint(chain[0])
	}
	res.Set("ca_digest", digest)
	res.Set("ends", ends)
	res.Set("fingerprint", print)
	if h.plan.issue != "" && !t.Check && len(h.tools) == 0 && c.Keys == "auto" {
		res.Warnings = append(res.Warnings, "this host has neither openssl nor ssh-keygen: its private key was made on the controller and sent over SSH; it is not kept there")
	}
}

// sumOf is a text's SHA-256 in hex, as the host's programs print it.
func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// presented fails if a server does not present the certificate by now.
func (c *Certs) presented(ctx context.Context, t *Target, f installed) error {
	chain, err := pki.ParseCerts(f.cert)
	if err != nil {
		return err
	}
	for _, address := range c.Serving {
		got, err := presentedAt(ctx, t.Conn, address)
		switch {
		case err != nil:
			return Failf("%s presents no certificate: %w", address, err).WithHint("does the server run, and with TLS?")
		case !got.Equal(chain[0]):
			return Failf("%s presents another certificate, which ends at %s", address, endOf(got)).
				WithHint("restart the server if it does not read its certificate anew, or look from where it reads it")
		}
	}
	return nil
}

// presentedAt is the certificate that a server presents at an address that the
// host can reach. Whom it accepts does not matter.
func presentedAt(ctx context.Context, conn Conn, address string) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	raw, err := conn.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	var got *x509.Certificate
	config := &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // it is compared with the one that is wanted
		VerifyConnection: func(cs tls.ConnectionState) error {
			got = cs.PeerCertificates[0]
			return nil
		},
	}
	// a server may refuse a client without a certificate only after it has shown its own
	if err := tls.Client(raw, config).HandshakeContext(ctx); err != nil && got == nil {
		return nil, err
	}
	return got, nil
}
