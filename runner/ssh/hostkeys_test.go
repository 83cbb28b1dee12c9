package ssh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skeema/knownhosts"
	xssh "golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// trusting is a pool with a known_hosts file of that text.
func trusting(t *testing.T, s *sshd, text string, change func(*Options)) (p *Pool, file string) {
	file = filepath.Join(t.TempDir(), "known_hosts")
	write(t, file, text)
	return s.pool(func(o *Options) {
		o.KnownHosts = []string{file}
		if change != nil {
			change(o)
		}
	}), file
}

func TestKnownHostKeys(t *testing.T) {
	s := startSSHD(t)
	all := startSSHDWithAllKeys(t)
	hashed := func(key xssh.PublicKey) string {
		return xknownhosts.HashHostname(knownhosts.Normalize(all.addr)) + " " + string(xssh.MarshalAuthorizedKey(key))
	}
	for name, text := range map[string]string{
		"ed25519 alone": knownLine(all.addr, all.keys["ed25519"].PublicKey()),
		"ecdsa alone":   knownLine(all.addr, all.keys["ecdsa"].PublicKey()),
		"rsa alone":     knownLine(all.addr, all.keys["rsa"].PublicKey()),
		"hashed":        hashed(all.keys["rsa"].PublicKey()),
		"among others":  "# comment\n\nother ssh-ed25519 AAAA\n" + knownLine(all.addr, all.keys["ed25519"].PublicKey()),
		"behind a broken line": "this is no line of known_hosts\n" + all.addr + " ssh-new-kind AAAAC3NzaC1lZDI1NTE5\n" +
			knownLine(all.addr, all.keys["ecdsa"].PublicKey()),
		"wildcard": "127.0.0.* " + string(xssh.MarshalAuthorizedKey(all.keys["ed25519"].PublicKey())),
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := trusting(t, all, text, nil)
			c := connect(t, p, all.host(), Become{})
			mustExec(t, c, ":")
			if k, _, _, _, err := xssh.ParseAuthorizedKey([]byte(c.HostKey())); err != nil || !strings.Contains(text, strings.Fields(c.HostKey())[1]) {
				t.Errorf("the key in use is %v, %v", k, err)
			}
		})
	}
	t.Run("several lines of one kind", func(t *testing.T) {
		text := knownLine(all.addr, writeKey(t, filepath.Join(t.TempDir(), "k"), "ed25519", "").PublicKey()) +
			knownLine(all.addr, all.keys["ed25519"].PublicKey())
		p, _ := trusting(t, all, text, nil)
		connect(t, p, all.host(), Become{})
	})
	t.Run("HostKeyAlias", func(t *testing.T) {
		p, _ := trusting(t, all, knownLine("the-alias", all.keys["rsa"].PublicKey()), nil)
		h := all.host()
		h.Args = "-o HostKeyAlias=the-alias"
		connect(t, p, h, Become{})
	})
	t.Run("changed", func(t *testing.T) {
		other := writeKey(t, filepath.Join(t.TempDir(), "k"), "ed25519", "").PublicKey()
		for _, policy := range []Policy{Strict, Ask, AcceptNew} {
			p, file := trusting(t, all, "# one\n"+knownLine(all.addr, other), func(o *Options) { o.HostKeys = policy })
			refused(t, p, all.host(), "CHANGED", file+":2", fingerprint(all.keys["ed25519"].PublicKey()), "ssh-keygen -R '["+"127.0.0.1]:")
		}
	})
	t.Run("changed to another kind", func(t *testing.T) {
		p, file := trusting(t, s, knownLine(s.addr, s.keys["rsa"].PublicKey()), nil) // s has ed25519 only
		refused(t, p, s.host(), "CHANGED", file+":1")
	})
	t.Run("revoked", func(t *testing.T) {
		p, file := trusting(t, all, knownLine(all.addr, all.keys["ed25519"].PublicKey())+
			"@revoked * "+string(xssh.MarshalAuthorizedKey(all.keys["ed25519"].PublicKey())), nil)
		refused(t, p, all.host(), "revoked", file+":2")
	})
}

func startSSHDWithAllKeys(t *testing.T) *sshd {
	s := startSSHD(t)
	config := filepath.Join(s.dir, "sshd_config")
	text, _ := os.ReadFile(config)
	write(t, config, fmt.Sprintf("HostKey %[1]s/host_ecdsa\nHostKey %[1]s/host_rsa\n%[2]s", s.dir, text))
	return s
}

func TestHostCertificate(t *testing.T) {
	s := startSSHD(t)
	ca := writeKey(t, filepath.Join(s.dir, "ca"), "ed25519", "")
	cert := &xssh.Certificate{Key: s.keys["ed25519"].PublicKey(), CertType: xssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: xssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "host-cert.pub"), string(xssh.MarshalAuthorizedKey(cert)))
	config := filepath.Join(s.dir, "sshd_config")
	text, _ := os.ReadFile(config)
	write(t, config, "HostCertificate "+s.dir+"/host-cert.pub\n"+string(text))
	p, _ := trusting(t, s, "@cert-authority * "+string(xssh.MarshalAuthorizedKey(ca.PublicKey())), nil)
	c := connect(t, p, s.host(), Become{})
	if want := strings.TrimSpace(string(xssh.MarshalAuthorizedKey(cert.Key))); c.HostKey() != want {
		t.Errorf("the host key is %q, want the certified key %q", c.HostKey(), want)
	}
	t.Run("another authority", func(t *testing.T) {
		p, _ := trusting(t, s, "@cert-authority * "+string(xssh.MarshalAuthorizedKey(s.keyOf(t))), nil)
		refused(t, p, s.host(), "the host's key")
	})
}

func TestUnknownHost(t *testing.T) {
	s := startSSHD(t)
	print := fingerprint(s.keys["ed25519"].PublicKey())
	line := strings.TrimSpace(knownLine(s.addr, s.keys["ed25519"].PublicKey()))
	remembered := func(t *testing.T, file string) bool {
		text, _ := os.ReadFile(file)
		for l := range strings.Lines(string(text)) {
			if strings.TrimSpace(l) == line {
				return true
			}
		}
		return false
	}
	t.Run("strict", func(t *testing.T) {
		p, file := trusting(t, s, "", nil)
		refused(t, p, s.host(), "not known", print, "--host-key accept-new", "ssh_host_ed25519_key.pub")
		if remembered(t, file) {
			t.Error("it was remembered")
		}
	})
	t.Run("nobody to ask", func(t *testing.T) {
		p, _ := trusting(t, s, "", func(o *Options) { o.HostKeys = "" })
		refused(t, p, s.host(), "not known", print)
	})
	for _, answer := range []bool{true, false} {
		t.Run(fmt.Sprint("the answer is ", answer), func(t *testing.T) {
			var mu sync.Mutex
			var got []Question
			p, file := trusting(t, s, "other,127.0.0.9 ssh-ed25519 AAAA", func(o *Options) {
				o.HostKeys = Ask
				o.Timeout = 3 * time.Second
				o.AskHostKey = func(_ context.Context, q Question) (bool, error) {
					time.Sleep(3500 * time.Millisecond) // longer than the handshake may take
					mu.Lock()
					defer mu.Unlock()
					got = append(got, q)
					return answer, nil
				}
			})
			if answer {
				// Two inventory names of one server ask once.
				h := s.host()
				h.Name = "twin"
				done := make(chan error)
				go func() { _, err := p.Connect(testContext(t), h, Become{}); done <- err }()
				connect(t, p, s.host(), Become{})
				if err := <-done; err != nil {
					t.Error(explained(err))
				}
			} else {
				refused(t, p, s.host(), "not trusted by the user")
			}
			if len(got) != 1 || got[0].Fingerprint != print || got[0].File != file || got[0].KeyType != "ssh-ed25519" || got[0].Address != knownhosts.Normalize(s.addr) {
				t.Errorf("asked %+v", got)
			}
			if remembered(t, file) != answer {
				t.Error("remembered: ", !answer)
			}
		})
	}
	t.Run("accept-new, many at once", func(t *testing.T) {
		p, file := trusting(t, s, "# no newline at the end", func(o *Options) { o.HostKeys = AcceptNew })
		var all sync.WaitGroup
		for i := range 8 {
			h := s.host()
			h.Name = fmt.Sprint("h", i)
			all.Go(func() {
				if _, err := p.Connect(testContext(t), h, Become{}); err != nil {
					t.Error(explained(err))
				}
			})
		}
		all.Wait()
		text, _ := os.ReadFile(file)
		if string(text) != "# no newline at the end\n"+line+"\n" {
			t.Errorf("known_hosts is now:\n%s", text)
		}
		again, _ := NewPool(Options{Config: "none", Agent: "none", KnownHosts: []string{file}, HostKeys: Strict})
		defer again.Close()
		connect(t, again, s.host(), Become{})
	})
	t.Run("accept-new without a folder", func(t *testing.T) {
		p := s.pool(func(o *Options) { o.KnownHosts, o.HostKeys = nil, AcceptNew })
		connect(t, p, s.host(), Become{})
		home, _ := os.UserHomeDir()
		if !remembered(t, filepath.Join(home, ".ssh/known_hosts")) {
			t.Error("not remembered")
		}
	})
	t.Run("can't be remembered", func(t *testing.T) {
		p := s.pool(func(o *Options) { o.KnownHosts, o.HostKeys = []string{"/proc/none/known_hosts"}, AcceptNew })
		refused(t, p, s.host(), "can't be remembered")
	})
	t.Run("off", func(t *testing.T) {
		p, file := trusting(t, s, knownLine(s.addr, s.keys["rsa"].PublicKey()), nil)
		h := s.host()
		h.HostKeys = Off
		connect(t, p, h, Become{})
		if remembered(t, file) {
			t.Error("it was remembered")
		}
	})
	t.Run("cancelled while asked", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p, _ := trusting(t, s, "", func(o *Options) {
			o.HostKeys = Ask
			o.AskHostKey = func(context.Context, Question) (bool, error) {
				cancel()
				time.Sleep(200 * time.Millisecond)
				return true, nil
			}
		})
		if _, err := p.Connect(ctx, s.host(), Become{}); !errors.Is(err, context.Canceled) {
			t.Error(explained(err))
		}
	})
}
