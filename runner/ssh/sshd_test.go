package ssh

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
	xssh "golang.org/x/crypto/ssh"
)

// An sshd is OpenSSH's server on a loopback port, one process a connection.
type sshd struct {
	t      testing.TB
	dir    string
	addr   string
	client string // the private key file that may log in
	keys   map[string]xssh.Signer

	mu    sync.Mutex
	conns []net.Conn
	procs []*exec.Cmd
	count int // connections so far
}

// startSSHD starts a server with further lines of sshd_config.
func startSSHD(t testing.TB, lines ...string) *sshd {
	t.Helper()
	bin := "/usr/sbin/sshd"
	if _, err := os.Stat(bin); err != nil {
		t.Skip("OpenSSH's server is not installed")
	}
	if os.Getuid() == 0 {
		_ = os.MkdirAll("/run/sshd", 0o755) // sshd wants it when root runs it
	}
	dir := t.TempDir()
	s := &sshd{t: t, dir: dir, client: filepath.Join(dir, "id"), keys: map[string]xssh.Signer{}}
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		s.keys[kind] = writeKey(t, filepath.Join(dir, "host_"+kind), kind, "")
	}
	pub := writeKey(t, s.client, "ed25519", "").PublicKey()
	write(t, filepath.Join(dir, "authorized_keys"), string(xssh.MarshalAuthorizedKey(pub)))
	// SHLVL keeps bash from reading the login files of whoever runs the tests.
	config := "HostKey " + dir + "/host_ed25519\n" + strings.Join(lines, "\n") + `
AuthorizedKeysFile ` + dir + `/authorized_keys
StrictModes no
UsePAM no
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding yes
SetEnv SHLVL=5
Subsystem sftp internal-sftp
LogLevel ERROR
`
	write(t, filepath.Join(dir, "sshd_config"), config)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			f, err := c.(*net.TCPConn).File()
			if err != nil {
				continue
			}
			cmd := exec.Command(bin, "-i", "-e", "-f", filepath.Join(dir, "sshd_config"))
			cmd.Stdin, cmd.Stdout = f, f
			cmd.Stderr = &logged{t: t}
			s.mu.Lock()
			if err := cmd.Start(); err == nil {
				s.conns, s.procs = append(s.conns, c), append(s.procs, cmd)
				s.count++
			}
			s.mu.Unlock()
			f.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); s.cut() })
	return s
}

// cut cuts all connections off, as a broken network would, and ends their servers.
func (s *sshd) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
	for _, p := range s.procs {
		_ = p.Process.Kill()
		_ = p.Wait()
	}
	s.conns, s.procs = nil, nil
}

func (s *sshd) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// host is the server as a Host with a key that it accepts.
func (s *sshd) host() Host {
	a, port, _ := net.SplitHostPort(s.addr)
	h := Host{Name: "peer", Address: a, KeyFile: s.client}
	fmt.Sscan(port, &h.Port)
	return h
}

// known writes a known_hosts file with the server's keys of some kinds.
func (s *sshd) known(kinds ...string) string {
	f := filepath.Join(s.dir, "known_hosts_"+strings.Join(kinds, "_"))
	text := ""
	for _, k := range kinds {
		text += knownLine(s.addr, s.keys[k].PublicKey())
	}
	write(s.t, f, text)
	return f
}

// pool makes a pool that knows the server and nothing of the user's own files.
func (s *sshd) pool(change func(*Options)) *Pool {
	o := Options{Config: "none", KnownHosts: []string{s.known("ed25519")}, Agent: "none", HostKeys: Strict, Timeout: 10 * time.Second}
	if change != nil {
		change(&o)
	}
	return newPool(s.t, o)
}

func newPool(t testing.TB, o Options) *Pool {
	t.Helper()
	t.Setenv("HOME", t.TempDir()) // no keys of the user's own
	p, err := NewPool(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func connect(t testing.TB, p *Pool, h Host, b Become) *Conn {
	t.Helper()
	c, err := p.Connect(testContext(t), h, b)
	if err != nil {
		t.Fatal(explained(err))
	}
	return c
}

func mustExec(t testing.TB, c tasks.Conn, body string) script.Output {
	t.Helper()
	out, err := c.Exec(testContext(t), tasks.Command{Script: body})
	if err != nil {
		t.Fatalf("%q: %s", body, explained(err))
	}
	return out
}

// explained is an error with its hint, as users see it.
func explained(err error) string {
	switch e := err.(type) {
	case *tasks.Unreachable:
		return "unreachable " + e.Host + ": " + e.Error() + " [" + e.Hint + "]"
	case *tasks.Failure:
		return "failure: " + e.Error() + " [" + e.Hint + "]"
	case nil:
		return "no error"
	}
	return fmt.Sprintf("%T: %v", err, err)
}

func writeKey(t testing.TB, file, kind, passphrase string) xssh.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "ecdsa":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = xssh.MarshalPrivateKey(key, "")
	} else {
		block, err = xssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(pem.EncodeToMemory(block)))
	s, err := xssh.NewSignerFromSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func loginName(t testing.TB) string {
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

// logged shows what a server says when a test fails.
type logged struct {
	t    testing.TB
	mu   sync.Mutex
	done bool
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.done {
		select {
		case <-l.t.Context().Done():
			l.done = true
		default:
			l.t.Logf("sshd: %s", strings.TrimSpace(string(b)))
		}
	}
	return len(b), nil
}

var _ io.Writer = (*logged)(nil)
