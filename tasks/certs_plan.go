package tasks

import (
	"crypto/x509"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/pki"
)

// certPlan is what is to be done for one host.
type certPlan struct {
	issue    string // why a certificate is issued, "" if it is not
	replace  string // why the host's files change all the same
	makesKey bool   // the host makes the new key
	warnings []string
}

// put reports whether the host gets new files.
func (p certPlan) put() bool { return p.issue != "" || p.replace != "" }

// why is the reason for the change.
func (p certPlan) why() string {
	if p.issue != "" {
		return p.issue
	}
	return p.replace
}

// trust is what hosts are to trust after a step of a rotation; known is false
// where only a run can make it.
func (c *Certs) trust(s *certStore) (bundle []*x509.Certificate, known bool) {
	switch {
	case s.bundle == nil:
		return nil, false
	case c.Rotate == "introduce" && s.next == nil:
		return nil, false
	case c.Rotate == "introduce" && !slices.ContainsFunc(s.bundle, s.next.Equal):
		return append(slices.Clone(s.bundle), s.next), true
	case c.Rotate == "retire" && s.next != nil:
		return []*x509.Certificate{s.next}, true
	case c.Rotate == "retire":
		return nil, false
	}
	return s.bundle, true
}

// signs is who signs after a step of a rotation, nil where only a run can make it.
func (c *Certs) signs(s *certStore) *x509.Certificate {
	if c.Rotate == "promote" {
		return s.next
	}
	return s.signer()
}

// planFor decides what to do for a host. The error is a reason to touch nothing.
func (c *Certs) planFor(t *Target, h *certHost, now time.Time) (p certPlan, err error) {
	s, err := openStore(t.Files, c.PKI)
	if err != nil {
		return p, err
	}
	if c.Rotate != "" && c.Rotate != "introduce" && s.next == nil && !t.Check {
		return p, Failf("there is no %s: no change of the authority is under way", s.path("new")).WithHint("begin with rotate: introduce")
	}
	if err := c.knows(s, h); err != nil {
		return p, err
	}
	signer := c.signs(s)
	if signer != nil {
		if !signer.IsCA {
			return p, Failf("%s is no authority's certificate: it may not sign others", s.path("ca.crt"))
		}
		if now.After(signer.NotAfter) {
			return p, Failf("the authority in %s ended at %s", s.path("ca.crt"), endOf(signer)).
				WithHint("no certificate of it is accepted any more: stop the servers, move %s away and, on all hosts, %s, and run again", s.dir, h.dir)
		}
	}
	switch {
	case c.Rotate == "finish":
		return p, nil // hosts have all they need
	case c.Rotate == "retire":
		err = c.mayRetire(t, s, h)
	case c.Keys == "given":
		err = c.planGiven(t, s, h, &p, now)
	case c.Keys == "controller":
		err = c.planKept(t, s, h, &p, signer, now)
	default:
		p.issue = c.hostReason(h, signer, now)
		p.makesKey = p.issue != "" && len(h.tools) > 0
		if p.issue != "" && c.Keys == "host" && len(h.tools) == 0 {
			err = Failf("this host has neither openssl nor ssh-keygen, so it can't make a private key").
				WithHint("install one of them, or let the controller make the key: keys: auto (etcd_keys in the playbooks for etcd)")
		}
	}
	if err == nil && p.issue != "" && s.bundle != nil && c.Rotate == "" {
		_, err = s.authority() // without it no host need begin
	}
	if err == nil && !p.put() {
		if bundle, known := c.trust(s); !known || !sameText(h.have.ca, string(pki.Bundle(bundle))) {
			p.replace = "trust other authorities"
		}
	}
	return p, err
}

// knows refuses a host whose authorities are none of those here: their servers
// would no longer understand each other.
func (c *Certs) knows(s *certStore, h *certHost) error {
	theirs, err := pki.ParseCerts([]byte(h.have.ca))
	if err != nil {
		return nil // there are none, or no server could start with them
	}
	for _, cert := range theirs {
		if slices.ContainsFunc(s.bundle, cert.Equal) {
			return nil
		}
	}
	here := "there is no " + s.path("ca.crt")
	if s.bundle != nil {
		here = s.path("ca.crt") + " is another one"
	}
	return Failf("this host has a certificate of the authority %s, and %s", theirs[0].Subject.CommonName, here).
		WithHint("bring back the folder in which its ca.crt and ca.key are kept, or say where it is with pki (etcd_pki in the playbooks for etcd); if no server uses %s any more, move it away on all hosts", h.dir)
}

// mayRetire refuses to trust the old authority no longer while a host's
// certificate is of it. Check mode supposes that the steps before were taken.
func (c *Certs) mayRetire(t *Target, s *certStore, h *certHost) error {
	chain, err := pki.ParseCerts([]byte(h.have.cert))
	if t.Check || err == nil && pki.IssuedBy(chain[0], s.next) {
		return nil
	}
	return Failf("the certificate on this host is not of the new authority").WithHint("first rotate: promote")
}

// hostReason is why a host needs a new certificate, "" if it does not.
func (c *Certs) hostReason(h *certHost, signer *x509.Certificate, now time.Time) string {
	if h.have.cert == "" {
		return "there is none yet"
	}
	chain, err := pki.ParseCerts([]byte(h.have.cert))
	if err != nil {
		return err.Error()
	}
	if h.have.keySum != h.have.madeOf {
		return "its key was changed"
	}
	return c.reason(chain[0], signer, c.wantedNames(), true, now)
}

// reason is why a certificate of ours has to be issued anew, "" if it need not.
func (c *Certs) reason(cert, signer *x509.Certificate, names []string, server bool, now time.Time) string {
	switch {
	case signer == nil || !pki.IssuedBy(cert, signer):
		return "it is another authority's"
	case c.Renew:
		return "as asked for"
	case now.After(cert.NotAfter):
		return "it ended at " + endOf(cert)
	// one that ends with its authority would end then again
	case cert.NotAfter.Sub(now) < time.Duration(c.RenewBefore)*24*time.Hour && cert.NotAfter.Before(signer.NotAfter):
		return "it ends at " + endOf(cert)
	case server && !slices.Equal(pki.Names(cert), names):
		return "it is for " + strings.Join(pki.Names(cert), ", ") + ", not for " + strings.Join(names, ", ")
	}
	if err := pki.Check([]*x509.Certificate{cert}, []*x509.Certificate{signer}, nil, server, now); err != nil {
		return err.Error()
	}
	return ""
}

// planKept plans with certificates whose keys are made and kept here.
func (c *Certs) planKept(t *Target, s *certStore, h *certHost, p *certPlan, signer *x509.Certificate, now time.Time) error {
	chain, certText, keyText, err := s.pair(c.kept(t))
	if err != nil {
		return err
	}
	switch {
	case chain == nil:
		p.issue = "there is none yet"
	case keyFits(chain[0], keyText) != nil:
		p.issue = keyFits(chain[0], keyText).Error()
	default:
		p.issue = c.reason(chain[0], signer, c.wantedNames(), true, now)
	}
	p.replace = h.differs(certText, keyText)
	return nil
}

// planGiven checks what the user's own authority issued.
func (c *Certs) planGiven(t *Target, s *certStore, h *certHost, p *certPlan, now time.Time) error {
	const where = "issue one with your authority and put it there, with its key"
	if s.bundle == nil {
		return Failf("there is no %s with your authority's certificate", s.path("ca.crt")).
			WithHint("put it there; or let etcdplay be the authority: keys: auto (etcd_keys in the playbooks for etcd)")
	}
	check := func(name string, names []string, server bool) (cert, key []byte, err error) {
		chain, certText, keyText, err := s.pair(name)
		if err != nil {
			return nil, nil, err
		}
		file := s.path(name + ".crt")
		if chain == nil {
			return nil, nil, Failf("there is no %s", file).WithHint(where)
		}
		if err := pki.Check(chain, s.bundle, names, server, now); err != nil {
			return nil, nil, Failf("%s: %w", file, err).WithHint(where)
		}
		if err := keyFits(chain[0], keyText); err != nil {
			return nil, nil, Failf("%s: %w", s.path(name+".key"), err).WithHint("put the key of %s there", file)
		}
		if server && chain[0].NotAfter.Sub(now) < time.Duration(c.RenewBefore)*24*time.Hour {
			p.warnings = append(p.warnings, fmt.Sprintf("%s ends at %s: replace it in good time", file, endOf(chain[0])))
		}
		return certText, keyText, nil
	}
	certText, keyText, err := check(c.kept(t), c.wantedNames(), true)
	if err != nil {
		return err
	}
	for _, name := range c.Clients {
		if _, _, err := check(name, nil, false); err != nil {
			return err
		}
	}
	p.replace = h.differs(certText, keyText)
	return nil
}

// kept is the name of the member's files in the store, without their ends.
func (c *Certs) kept(t *Target) string { return filepath.Join("members", c.commonName(t)) }

// differs is why the host's files are to be replaced by these, "" if they need not.
func (h *certHost) differs(certText, keyText []byte) string {
	switch {
	case h.have.cert == "":
		return "there is none yet"
	case !sameText(h.have.cert, string(certText)):
		return "another one is kept on the controller"
	case h.have.keySum != sumOf(keyText):
		return "its key was changed"
	}
	return ""
}
