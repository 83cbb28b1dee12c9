package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/skeema/knownhosts"
	xssh "golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// knownHosts checks host keys and remembers new ones.
type knownHosts struct {
	opts   Options
	person *person

	mu  sync.Mutex
	dbs map[string]trusted // by the names of the files
}

func newKnownHosts(o Options, p *person) *knownHosts {
	return &knownHosts{opts: o, person: p, dbs: map[string]trusted{}}
}

// A keyError is a host key that is not trusted.
type keyError struct {
	msg, hint string
	err       error
}

func (e *keyError) Error() string { return e.msg }
func (e *keyError) Unwrap() error { return e.err }

// algorithms are the host key algorithms to ask a server for: first those of
// which a key is known, so that it presents one that can be checked; with the
// others behind them, so that a server which has only others is told apart as
// changed. For an unknown server ed25519 comes first, as with OpenSSH.
func (k *knownHosts) algorithms(r *route) ([]string, error) {
	db, err := k.db(r.knownHosts)
	if err != nil {
		return nil, err
	}
	var all []string
	seen := map[string]bool{}
	usual := []string{xssh.KeyAlgoED25519, xssh.KeyAlgoECDSA256, xssh.KeyAlgoECDSA384, xssh.KeyAlgoECDSA521,
		xssh.KeyAlgoRSASHA512, xssh.KeyAlgoRSASHA256}
	for _, a := range append(db.HostKeyAlgorithms(r.keyName()), choose(usual, r.hostKeys)...) {
		if !seen[a] {
			seen[a] = true
			all = append(all, a)
		}
	}
	return all, nil
}

// check checks the key that a server presents. wait is told before a user is
// asked and after, to hold the handshake's clock.
func (k *knownHosts) check(ctx context.Context, r *route, remote net.Addr, key xssh.PublicKey, wait func(bool)) error {
	if r.policy == Off {
		return nil
	}
	db, err := k.db(r.knownHosts)
	if err != nil {
		return err
	}
	err = db.HostKeyCallback()(r.keyName(), remote, key)
	var revoked *xknownhosts.RevokedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return &keyError{
			msg: fmt.Sprintf("the host's key %s is revoked in %s", fingerprint(key), db.place(revoked.Revoked.Filename, revoked.Revoked.Line)),
			err: err,
		}
	case knownhosts.IsHostKeyChanged(err):
		return changed(db, r, key, err)
	case knownhosts.IsHostUnknown(err):
		wait(true)
		defer wait(false)
		return k.unknown(ctx, r, remote, key)
	}
	return &keyError{
		msg:  "the host's key is not accepted: " + err.Error(),
		hint: "is its certificate valid, for this name, and signed by an authority that known_hosts holds for it (@cert-authority)?",
		err:  err,
	}
}

// changed is a key other than the known one.
func changed(db trusted, r *route, key xssh.PublicKey, err error) error {
	var e *xknownhosts.KeyError
	errors.As(err, &e)
	var places []string
	for _, w := range e.Want {
		places = append(places, db.place(w.Filename, w.Line))
	}
	return &keyError{
		msg: fmt.Sprintf("the host's key has CHANGED: it now has %s %s, known_hosts another (%s)",
			key.Type(), fingerprint(key), strings.Join(places, ", ")),
		hint: fmt.Sprintf("somebody may be in between. If the host was really set up anew: ssh-keygen -R %s -f %s",
			quoteBrackets(knownhosts.Normalize(r.keyName())), db.name(e.Want[0].Filename)),
		err: err,
	}
}

// unknown is a host of which no key is known.
func (k *knownHosts) unknown(ctx context.Context, r *route, remote net.Addr, key xssh.PublicKey) error {
	file := r.knownHosts[0]
	e := &keyError{msg: fmt.Sprintf("the host's key is not known: %s %s", key.Type(), fingerprint(key))}
	e.hint = fmt.Sprintf("compare it with what the host shows (ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub), then accept new keys with --host-key accept-new",
		strings.TrimPrefix(strings.SplitN(key.Type(), "-sha2", 2)[0], "ssh-"))
	if r.policy == Strict {
		return e
	}
	if err := k.person.hold(ctx); err != nil {
		return err
	}
	defer k.person.release()
	// It may have come to be known for another name of the same server.
	db, err := k.db(r.knownHosts)
	if err != nil {
		return err
	}
	if err := db.HostKeyCallback()(r.keyName(), remote, key); err == nil {
		return nil
	} else if knownhosts.IsHostKeyChanged(err) {
		return changed(db, r, key, err)
	}
	if r.policy == Ask {
		if k.opts.AskHostKey == nil {
			return e
		}
		ok, err := k.opts.AskHostKey(ctx, Question{
			Host: r.host.Name, Address: knownhosts.Normalize(r.keyName()),
			KeyType: key.Type(), Fingerprint: fingerprint(key), File: file,
		})
		if err != nil {
			return &keyError{msg: e.msg, hint: e.hint, err: err}
		}
		if !ok {
			return &keyError{msg: e.msg + ": not trusted by the user", hint: e.hint}
		}
	}
	if err := remember(file, r.keyName(), key); err != nil {
		return &keyError{msg: "the host's new key can't be remembered: " + err.Error(), err: err}
	}
	k.mu.Lock()
	k.dbs = map[string]trusted{} // to be read anew
	k.mu.Unlock()
	return nil
}

// remember adds a line to a known_hosts file, in one write.
func remember(file, name string, key xssh.PublicKey) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	line := knownhosts.Line([]string{name}, key) + "\n"
	if st, err := f.Stat(); err == nil && st.Size() > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, st.Size()-1); err == nil && last[0] != '\n' {
			line = "\n" + line // its last line was not ended
		}
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// db reads known_hosts files, once.
func (k *knownHosts) db(files []string) (trusted, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := strings.Join(files, "\x00")
	if db, ok := k.dbs[key]; ok {
		return db, nil
	}
	db, err := readTrusted(files)
	if err != nil {
		return db, &keyError{msg: "known_hosts: " + err.Error()}
	}
	k.dbs[key] = db
	return db, nil
}

func fingerprint(key xssh.PublicKey) string { return xssh.FingerprintSHA256(key) }

// quoteBrackets quotes [host]:port, which a shell would take for a pattern.
func quoteBrackets(s string) string {
	if strings.HasPrefix(s, "[") {
		return "'" + s + "'"
	}
	return s
}
