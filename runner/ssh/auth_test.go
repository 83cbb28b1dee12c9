package ssh

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
	gssh "github.com/gliderlabs/ssh"
	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// refused connects and wants *tasks.Unreachable whose text holds all words.
func refused(t *testing.T, p *Pool, h Host, words ...string) {
	t.Helper()
	_, err := p.Connect(testContext(t), h, Become{})
	var u *tasks.Unreachable
	if !errors.As(err, &u) {
		t.Fatalf("got %s", explained(err))
	}
	t.Log(explained(err))
	for _, w := range words {
		if !strings.Contains(explained(err), w) {
			t.Errorf("it does not say %q", w)
		}
	}
}

func authorize(t *testing.T, s *sshd, key xssh.PublicKey, options string) {
	f, err := os.OpenFile(filepath.Join(s.dir, "authorized_keys"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(options + string(xssh.MarshalAuthorizedKey(key))); err != nil {
		t.Fatal(err)
	}
}

func TestKeys(t *testing.T) {
	s := startSSHD(t)
	dir := t.TempDir()
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		t.Run(kind, func(t *testing.T) {
			h := s.host()
			h.KeyFile = filepath.Join(dir, kind)
			authorize(t, s, writeKey(t, h.KeyFile, kind, "").PublicKey(), "")
			mustExec(t, connect(t, s.pool(nil), h, Become{}), ":")
		})
	}
	t.Run("default file", func(t *testing.T) {
		p := s.pool(nil)
		home, _ := os.UserHomeDir()
		_ = os.Mkdir(filepath.Join(home, ".ssh"), 0o700)
		authorize(t, s, writeKey(t, filepath.Join(home, ".ssh/id_ecdsa"), "ecdsa", "").PublicKey(), "")
		h := s.host()
		h.KeyFile = ""
		mustExec(t, connect(t, p, h, Become{}), ":")
	})
	t.Run("not authorized", func(t *testing.T) {
		h := s.host()
		h.KeyFile = filepath.Join(dir, "other")
		key := writeKey(t, h.KeyFile, "ed25519", "").PublicKey()
		refused(t, s.pool(nil), h, h.KeyFile, fingerprint(key), "the server accepts: publickey", "--private-key")
	})
	t.Run("missing", func(t *testing.T) {
		h := s.host()
		h.KeyFile = filepath.Join(dir, "none")
		refused(t, s.pool(nil), h, "offered: nothing", h.KeyFile+": no such file")
	})
	t.Run("no key", func(t *testing.T) {
		h := s.host()
		h.KeyFile = filepath.Join(dir, "text")
		write(t, h.KeyFile, "hello\n")
		refused(t, s.pool(nil), h, "no key found")
	})
	t.Run("certificate", func(t *testing.T) {
		ca := writeKey(t, filepath.Join(dir, "ca"), "ed25519", "")
		authorize(t, s, ca.PublicKey(), `cert-authority,principals="boss" `)
		h := s.host()
		h.KeyFile = filepath.Join(dir, "certified")
		cert := &xssh.Certificate{Key: writeKey(t, h.KeyFile, "rsa", "").PublicKey(), CertType: xssh.UserCert, ValidPrincipals: []string{"boss"},
			ValidBefore: xssh.CertTimeInfinity, Permissions: xssh.Permissions{}}
		if err := cert.SignCert(rand.Reader, ca); err != nil {
			t.Fatal(err)
		}
		write(t, h.KeyFile+"-cert.pub", string(xssh.MarshalAuthorizedKey(cert)))
		mustExec(t, connect(t, s.pool(nil), h, Become{}), ":")
	})
}

func TestEncryptedKey(t *testing.T) {
	s := startSSHD(t)
	h := s.host()
	h.KeyFile = filepath.Join(t.TempDir(), "locked")
	authorize(t, s, writeKey(t, h.KeyFile, "ed25519", "open sesame").PublicKey(), "")
	t.Run("asked once for all hosts", func(t *testing.T) {
		var asked []string
		p := s.pool(func(o *Options) {
			o.AskPassphrase = func(_ context.Context, file string) (string, error) {
				asked = append(asked, file)
				return []string{"wrong", "open sesame"}[min(len(asked), 2)-1], nil
			}
		})
		done := make(chan error)
		for _, name := range []string{"a", "b", "c"} {
			h := h
			h.Name = name
			go func() { _, err := p.Connect(testContext(t), h, Become{}); done <- err }()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(explained(err))
			}
		}
		if len(asked) != 2 || asked[0] != h.KeyFile {
			t.Errorf("asked for %v", asked)
		}
	})
	t.Run("nobody to ask", func(t *testing.T) {
		refused(t, s.pool(nil), h, h.KeyFile+" is encrypted", "ssh-add")
	})
	t.Run("never right", func(t *testing.T) {
		p := s.pool(func(o *Options) { o.AskPassphrase = func(context.Context, string) (string, error) { return "no", nil } })
		refused(t, p, h, "three passphrases were wrong")
	})
	t.Run("not asked for a key that the server does not take", func(t *testing.T) {
		h := h
		h.KeyFile = filepath.Join(t.TempDir(), "other")
		writeKey(t, h.KeyFile, "ed25519", "x")
		p := s.pool(func(o *Options) {
			o.AskPassphrase = func(context.Context, string) (string, error) { t.Error("asked"); return "x", nil }
		})
		refused(t, p, h, "refuses the login")
	})
	t.Run("the handshake's clock stands still meanwhile", func(t *testing.T) {
		p := s.pool(func(o *Options) {
			o.Timeout = 3 * time.Second
			o.AskPassphrase = func(context.Context, string) (string, error) {
				time.Sleep(3500 * time.Millisecond)
				return "open sesame", nil
			}
		})
		if _, err := p.Connect(testContext(t), h, Become{}); err != nil {
			t.Error(explained(err))
		}
	})
}

func TestAgent(t *testing.T) {
	s := startSSHD(t)
	dir := t.TempDir()
	keys := agent.NewKeyring()
	text, _ := os.ReadFile(s.client)
	key, err := xssh.ParseRawPrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "agent")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	connections := make(chan net.Conn, 100)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			connections <- c
			go func() { _ = agent.ServeAgent(keys, c) }()
		}
	}()
	h := s.host()
	h.KeyFile = ""
	p := s.pool(func(o *Options) { o.Agent = socket })
	for _, name := range []string{"a", "b"} {
		h.Name = name
		mustExec(t, connect(t, p, h, Become{}), ":")
	}
	if n := len(connections); n != 1 {
		t.Errorf("%d connections to the agent", n)
	}
	t.Run("only the public half is in a file", func(t *testing.T) {
		h := h
		h.KeyFile = filepath.Join(dir, "half")
		write(t, h.KeyFile+".pub", string(xssh.MarshalAuthorizedKey(s.keyOf(t))))
		h.Args = "-o IdentitiesOnly=yes"
		mustExec(t, connect(t, s.pool(func(o *Options) { o.Agent = socket }), h, Become{}), ":")
	})
	t.Run("IdentitiesOnly", func(t *testing.T) {
		h := h
		h.Args = "-o IdentitiesOnly=yes"
		refused(t, s.pool(func(o *Options) { o.Agent = socket }), h, "offered: nothing")
	})
	t.Run("an agent that is gone", func(t *testing.T) {
		refused(t, s.pool(func(o *Options) { o.Agent = socket + "x" }), h, "the agent's keys: ", "no such file")
	})
}

func (s *sshd) keyOf(t testing.TB) xssh.PublicKey {
	text, err := os.ReadFile(s.client)
	if err != nil {
		t.Fatal(err)
	}
	k, err := xssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k.PublicKey()
}

// fake is a server in this process, for what sshd can't be made to do.
func fake(t *testing.T, s *gssh.Server) Host {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.AddHostKey(writeKey(t, filepath.Join(t.TempDir(), "host"), "ed25519", ""))
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { s.Close() })
	a := ln.Addr().(*net.TCPAddr)
	return Host{Name: "peer", Address: "127.0.0.1", Port: a.Port, User: "u"}
}

func anyHost(t *testing.T) *Pool {
	return newPool(t, Options{Config: "none", Agent: "none", HostKeys: Off, Timeout: 20 * time.Second})
}

func TestPassword(t *testing.T) {
	servers := map[string]func() *gssh.Server{
		"password": func() *gssh.Server {
			return &gssh.Server{PasswordHandler: func(_ gssh.Context, pw string) bool { return pw == "right" }}
		},
		"keyboard-interactive": func() *gssh.Server {
			return &gssh.Server{KeyboardInteractiveHandler: func(_ gssh.Context, ask xssh.KeyboardInteractiveChallenge) bool {
				a, err := ask("u", "", []string{"Password: "}, []bool{false})
				return err == nil && a[0] == "right"
			}}
		},
	}
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			h := fake(t, server())
			h.Password = "right"
			connect(t, anyHost(t), h, Become{})
			h.Password = "wrong"
			refused(t, anyHost(t), h, "offered: the password", "the server accepts: "+name, "is the password right")
			h.Password = ""
			refused(t, anyHost(t), h, "offered: nothing", "the server accepts: "+name, "-k")
		})
	}
	t.Run("second factor", func(t *testing.T) {
		h := fake(t, &gssh.Server{KeyboardInteractiveHandler: func(_ gssh.Context, ask xssh.KeyboardInteractiveChallenge) bool {
			_, err := ask("u", "", []string{"Password: ", "Code: "}, []bool{false, true})
			return err == nil
		}})
		h.Password = "right"
		refused(t, anyHost(t), h, "only a person can give")
	})
}
