package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"

	"github.com/melbahja/goph"
	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// A keyring holds the private keys and the agents, each read or connected once
// for all hosts.
type keyring struct {
	opts   Options
	mu     sync.Mutex
	files  map[string]*keyFile
	agents map[string]*agentConn
	person *person
}

// agentTimeout is how long an agent may take to list its keys.
const agentTimeout = 5 * time.Second

type agentConn struct {
	conn net.Conn
	keys []xssh.Signer
}

func newKeyring(o Options, p *person) *keyring {
	return &keyring{opts: o, person: p, files: map[string]*keyFile{}, agents: map[string]*agentConn{}}
}

// A keyFile is a private key in a file. Where it is encrypted, the passphrase
// is asked for when the key is first to sign: the server wants it then.
type keyFile struct {
	name string
	ring *keyring
	pub  xssh.PublicKey

	mu     sync.Mutex
	signer xssh.Signer // nil as long as it is encrypted
}

// file reads a key file.
func (k *keyring) file(name string) (*keyFile, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f := k.files[name]; f != nil {
		return f, nil
	}
	signer, err := goph.GetSigner(name, "")
	f := &keyFile{name: name, ring: k, signer: signer}
	var locked *xssh.PassphraseMissingError
	switch {
	case err == nil:
		f.pub = signer.PublicKey()
	case errors.As(err, &locked):
		if f.pub = locked.PublicKey; f.pub == nil {
			// The old PEM format hides it; ssh-keygen leaves it beside.
			if f.pub, err = readPublic(name + ".pub"); err != nil {
				return nil, fmt.Errorf("%s is encrypted in an old format: its .pub file is wanted beside it: %w", name, err)
			}
		}
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	default:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	k.files[name] = f
	return f, nil
}

func readPublic(name string) (xssh.PublicKey, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	pub, _, _, _, err := xssh.ParseAuthorizedKey(text)
	return pub, err
}

// signerFor gives the key as a signer that asks under ctx.
func (f *keyFile) signerFor(ctx context.Context, wait func(bool)) xssh.Signer {
	return &fileSigner{ctx: ctx, f: f, wait: wait}
}

type fileSigner struct {
	ctx  context.Context
	f    *keyFile
	wait func(bool)
}

func (s *fileSigner) PublicKey() xssh.PublicKey { return s.f.pub }

func (s *fileSigner) Sign(rand io.Reader, data []byte) (*xssh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm lets RSA keys sign with SHA-2 (RFC 8332).
func (s *fileSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*xssh.Signature, error) {
	signer, err := s.f.unlock(s.ctx, s.wait)
	if err != nil {
		return nil, err
	}
	if as, ok := signer.(xssh.AlgorithmSigner); ok {
		return as.SignWithAlgorithm(rand, data, algorithm)
	}
	return signer.Sign(rand, data)
}

// A lockedError is a key that could not be decrypted.
type lockedError struct{ file, why string }

func (e *lockedError) Error() string { return "the key " + e.file + " is encrypted, and " + e.why }

// unlock decrypts the key, once for all hosts.
func (f *keyFile) unlock(ctx context.Context, wait func(bool)) (xssh.Signer, error) {
	if s := f.unlocked(); s != nil {
		return s, nil
	}
	wait(true) // this may take a person's time, or that of another host's question
	defer wait(false)
	if err := f.ring.person.hold(ctx); err != nil {
		return nil, err
	}
	defer f.ring.person.release()
	if s := f.unlocked(); s != nil { // by another host meanwhile
		return s, nil
	}
	ask := f.ring.opts.AskPassphrase
	if ask == nil {
		return nil, &lockedError{f.name, "there is nobody to ask for its passphrase"}
	}
	for range 3 {
		phrase, err := ask(ctx, f.name)
		if err != nil {
			return nil, &lockedError{f.name, "its passphrase was not given: " + err.Error()}
		}
		if s, err := goph.GetSigner(f.name, phrase); err == nil {
			f.mu.Lock()
			f.signer = s
			f.mu.Unlock()
			return s, nil
		}
	}
	return nil, &lockedError{f.name, "three passphrases were wrong"}
}

func (f *keyFile) unlocked() xssh.Signer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.signer
}

// agentKeys lists the keys of the agent at a socket, once for all hosts.
func (k *keyring) agentKeys(socket string) ([]xssh.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if a := k.agents[socket]; a != nil {
		return a.keys, nil
	}
	conn, err := net.DialTimeout("unix", socket, agentTimeout)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(agentTimeout))
	keys, err := agent.NewClient(conn).Signers()
	if err != nil {
		conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{}) // to sign may take a person: a touch, a confirmation
	k.agents[socket] = &agentConn{conn, keys}
	return keys, nil
}

// Close ends the connections to the agents.
func (k *keyring) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs error
	for s, a := range k.agents {
		errs = errors.Join(errs, a.conn.Close())
		delete(k.agents, s)
	}
	return errs
}

// patient is an agent's key: it holds the handshake's clock while it signs.
type patient struct {
	xssh.Signer
	wait func(bool)
}

func (p patient) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*xssh.Signature, error) {
	p.wait(true)
	defer p.wait(false)
	if as, ok := p.Signer.(xssh.AlgorithmSigner); ok {
		return as.SignWithAlgorithm(rand, data, algorithm)
	}
	return p.Sign(rand, data)
}
