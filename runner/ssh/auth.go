package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/melbahja/goph"
	xssh "golang.org/x/crypto/ssh"
)

// An attempt is one login: what it offers, and what comes to light on the way.
type attempt struct {
	ctx     context.Context
	ring    *keyring
	route   *route
	wait    func(bool)
	offered []string // what was offered, in words
	missing []string // keys that could not be
	accepts []string // what the server would take, as far as it was seen
	locked  error
}

// errNotGiven ends the login where the server asks for a password and there is none.
var errNotGiven = errors.New("no password was given")

// methods are the ways to log in, in order. Password and keyboard-interactive
// stand there even without a password: it comes to light whether the server
// would take one.
func (a *attempt) methods() goph.Auth {
	auth := goph.Auth{xssh.PublicKeysCallback(a.signers)}
	pass := a.route.host.Password
	if pass == "" {
		return append(auth,
			xssh.PasswordCallback(func() (string, error) { a.saw("password"); return "", errNotGiven }),
			xssh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) {
				a.saw("keyboard-interactive")
				return nil, errNotGiven
			}))
	}
	asked := false
	return append(auth,
		xssh.PasswordCallback(func() (string, error) {
			a.offered = append(a.offered, "the password")
			return pass, nil
		}),
		xssh.KeyboardInteractive(func(_, _ string, questions []string, echos []bool) ([]string, error) {
			a.saw("keyboard-interactive")
			answers := make([]string, len(questions))
			for i := range questions {
				if echos[i] || asked {
					return nil, fmt.Errorf("the server asks %q, which only a person can answer", strings.TrimSpace(questions[i]))
				}
				answers[i], asked = pass, true
				a.offered = append(a.offered, "the password (keyboard-interactive)")
			}
			return answers, nil
		}))
}

func (a *attempt) saw(method string) { a.accepts = append(a.accepts, method) }

// signers are the keys to offer: those that the user named, the agent's,
// the usual files.
func (a *attempt) signers() ([]xssh.Signer, error) {
	a.saw("publickey")
	var out []xssh.Signer
	var seen [][]byte
	add := func(s xssh.Signer, name string) {
		blob := s.PublicKey().Marshal()
		for _, b := range seen {
			if bytes.Equal(b, blob) {
				return
			}
		}
		seen = append(seen, blob)
		a.offered = append(a.offered, fmt.Sprintf("%s (%s)", name, fingerprint(s.PublicKey())))
		out = append(out, s)
	}
	inAgent := a.agent()
	files := func(names []string, named bool) {
		for _, n := range names {
			f, err := a.ring.file(n)
			if err != nil {
				// Of a key that is only a .pub file here, the agent may hold the rest.
				if pub, e := readPublic(n); e == nil {
					add2(add, inAgent, pub, n)
				} else if pub, e := readPublic(n + ".pub"); e == nil && errors.Is(err, fs.ErrNotExist) {
					add2(add, inAgent, pub, n)
				} else if named || !errors.Is(err, fs.ErrNotExist) {
					a.missing = append(a.missing, err.Error())
				}
				continue
			}
			s := f.signerFor(a.ctx, a.wait)
			for _, c := range a.certificates(n, s) {
				add(c, "certificate of "+n)
			}
			// The agent's copy needs no passphrase.
			if !add2(add, inAgent, f.pub, n) {
				add(s, "key "+n)
			}
		}
	}
	files(a.route.keyFiles[:a.route.explicit], true)
	if !a.route.onlyKeys {
		for _, s := range inAgent {
			add(s, "the agent's key")
		}
	}
	files(a.route.keyFiles[a.route.explicit:], false)
	return out, nil
}

// add2 adds the agent's signer for a public key, if it has one.
func add2(add func(xssh.Signer, string), inAgent []xssh.Signer, pub xssh.PublicKey, name string) bool {
	for _, s := range inAgent {
		if bytes.Equal(s.PublicKey().Marshal(), pub.Marshal()) {
			add(s, "the agent's key for "+name)
			return true
		}
	}
	return false
}

// agent lists the agent's keys. An agent that does not answer is no failure:
// there may be other keys.
func (a *attempt) agent() []xssh.Signer {
	if a.route.agent == "" {
		return nil
	}
	keys, err := a.ring.agentKeys(a.route.agent)
	if err != nil {
		a.missing = append(a.missing, "the agent: "+err.Error())
	}
	return keys
}

// certificates are those for a key: NAME-cert.pub beside it, and those that
// ssh_config names.
func (a *attempt) certificates(name string, s xssh.Signer) (out []xssh.Signer) {
	for _, f := range append([]string{name + "-cert.pub"}, a.route.certFiles...) {
		pub, err := readPublic(f)
		if err != nil {
			continue
		}
		if cert, ok := pub.(*xssh.Certificate); ok && bytes.Equal(cert.Key.Marshal(), s.PublicKey().Marshal()) {
			if c, err := xssh.NewCertSigner(cert, s); err == nil {
				out = append(out, c)
			}
		}
	}
	return out
}

// failed puts a refused login into words.
func (a *attempt) failed() (msg, hint string) {
	offered := "nothing"
	if len(a.offered) > 0 {
		offered = strings.Join(a.offered, ", ")
	}
	msg = fmt.Sprintf("%s refuses the login of %s; offered: %s", a.route.target(), a.route.user, offered)
	if len(a.accepts) > 0 {
		msg += "; the server accepts: " + strings.Join(a.accepts, ", ")
	}
	if len(a.missing) > 0 {
		msg += "; not offered: " + strings.Join(a.missing, "; ")
	}
	hint = fmt.Sprintf("is the user right (-u, ansible_user), and is a key of these in its ~/.ssh/authorized_keys? Another key: --private-key, ansible_ssh_private_key_file")
	if a.route.host.Password == "" && strings.Contains(strings.Join(a.accepts, " "), "password") {
		hint += "; a password: -k"
	}
	return msg, hint
}
