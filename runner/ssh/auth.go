package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
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
	accepts []string // the methods that the server takes
	offered []string // what was offered, in words
	missing []string // keys that could not be offered, and why
}

// methods are the ways to log in, in order.
func (a *attempt) methods() goph.Auth {
	auth := goph.Auth{xssh.PublicKeysCallback(a.signers)}
	pass := a.route.host.Password
	if pass == "" {
		return auth
	}
	return append(auth,
		xssh.PasswordCallback(func() (string, error) {
			a.offered = append(a.offered, "the password")
			return pass, nil
		}),
		xssh.KeyboardInteractive(a.answer))
}

// look notes what the server takes; it chooses no method.
func (a *attempt) look(c *xssh.ClientAuthContext) (xssh.AuthMethod, error) {
	for _, m := range c.AllowedMethods {
		if !slices.Contains(a.accepts, m) {
			a.accepts = append(a.accepts, m)
		}
	}
	return nil, nil
}

// answer gives the password to the one question that hides its answer. What
// else a server may ask (a second factor) only a person could answer.
func (a *attempt) answer(_, _ string, questions []string, echos []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for i, q := range questions {
		if echos[i] || len(questions) > 1 {
			a.missing = append(a.missing, fmt.Sprintf("an answer to %q, which only a person can give", strings.TrimSpace(q)))
			return nil, errors.New("a question that only a person can answer")
		}
		answers[i] = a.route.host.Password
		a.offered = append(a.offered, "the password (keyboard-interactive)")
	}
	return answers, nil
}

// signers are the keys to offer, each once: those that the user named for this
// host, then the agent's, then the usual files. sshd counts each as a try.
func (a *attempt) signers() ([]xssh.Signer, error) {
	o := offer{attempt: a}
	if a.route.agent != "" {
		keys, err := a.ring.agentKeys(a.route.agent)
		if err != nil { // there may be other keys
			a.missing = append(a.missing, "the agent's keys: "+err.Error())
		}
		for _, s := range keys {
			o.inAgent = append(o.inAgent, patient{s, a.wait})
		}
	}
	for _, f := range a.route.keyFiles[:a.route.explicit] {
		o.file(f, true)
	}
	if !a.route.onlyKeys {
		for _, s := range o.inAgent {
			o.add(s, "the agent's key")
		}
	}
	for _, f := range a.route.keyFiles[a.route.explicit:] {
		o.file(f, false)
	}
	return o.signers, nil
}

// An offer is the list of keys in the making.
type offer struct {
	*attempt
	inAgent []xssh.Signer
	signers []xssh.Signer
}

func (o *offer) add(s xssh.Signer, name string) {
	if slices.ContainsFunc(o.signers, func(t xssh.Signer) bool { return sameKey(s.PublicKey(), t.PublicKey()) }) {
		return
	}
	o.offered = append(o.offered, fmt.Sprintf("%s (%s)", name, fingerprint(s.PublicKey())))
	o.signers = append(o.signers, s)
}

// file adds a key file and its certificates. named says that the user named
// it, so that its absence is worth a word.
func (o *offer) file(name string, named bool) {
	f, err := o.ring.file(name)
	if err != nil {
		// Where only the public half lies here, the agent may hold the other.
		pub, e := readPublic(name)
		if e != nil {
			pub, e = readPublic(name + ".pub")
		}
		if e == nil && o.fromAgent(pub, name) {
			return
		}
		if named || !errors.Is(err, fs.ErrNotExist) {
			o.missing = append(o.missing, err.Error())
		}
		return
	}
	s := f.signerFor(o.ctx, o.wait)
	for _, c := range o.certificates(name, s) {
		o.add(c, "the certificate of "+name)
	}
	if !o.fromAgent(f.pub, name) { // the agent's needs no passphrase
		o.add(s, "key "+name)
	}
}

// fromAgent adds the agent's key, if it holds the one that pub belongs to.
func (o *offer) fromAgent(pub xssh.PublicKey, name string) bool {
	i := slices.IndexFunc(o.inAgent, func(s xssh.Signer) bool { return sameKey(s.PublicKey(), pub) })
	if i >= 0 {
		o.add(o.inAgent[i], "key "+name+" from the agent")
	}
	return i >= 0
}

// certificates are those for a key: NAME-cert.pub beside it, and those that
// ssh_config names.
func (a *attempt) certificates(name string, s xssh.Signer) (out []xssh.Signer) {
	for _, f := range append([]string{name + "-cert.pub"}, a.route.certFiles...) {
		pub, err := readPublic(f)
		if err != nil {
			continue
		}
		if cert, ok := pub.(*xssh.Certificate); ok && sameKey(cert.Key, s.PublicKey()) {
			if c, err := xssh.NewCertSigner(cert, s); err == nil {
				out = append(out, c)
			}
		}
	}
	return out
}

func sameKey(a, b xssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// failed puts a refused login into words.
func (a *attempt) failed(err error) (msg, hint string) {
	offered := "nothing"
	if len(a.offered) > 0 {
		offered = strings.Join(a.offered, ", ")
	}
	msg = fmt.Sprintf("%s refuses the login of %s; offered: %s", a.route.target(), a.route.user, offered)
	if len(a.missing) > 0 {
		msg += "; not offered: " + strings.Join(a.missing, "; ")
	}
	if len(a.accepts) > 0 {
		msg += "; the server accepts: " + strings.Join(a.accepts, ", ")
	}
	takesPassword := slices.Contains(a.accepts, "password") || slices.Contains(a.accepts, "keyboard-interactive")
	switch {
	case strings.Contains(err.Error(), "Too many auth"):
		msg += "; it wants no more tries"
		hint = "it counts each key as a try (MaxAuthTries): name the right one with --private-key, and set IdentitiesOnly yes in ssh_config"
	case a.route.host.Password != "" && takesPassword && !slices.ContainsFunc(a.offered, isKey):
		hint = "is the password right, and the user (-u, ansible_user)?"
	case !slices.Contains(a.accepts, "publickey") && takesPassword:
		hint = "the server takes no keys: give the password with -k or ansible_password"
	default:
		hint = "is the user right (-u, ansible_user), and one of these keys in its ~/.ssh/authorized_keys? Another key: --private-key, ansible_ssh_private_key_file"
		if a.route.host.Password == "" && takesPassword {
			hint += "; the password: -k"
		}
	}
	return msg, hint
}

// isKey tells an offered key from a password.
func isKey(offered string) bool { return strings.Contains(offered, "SHA256:") }
