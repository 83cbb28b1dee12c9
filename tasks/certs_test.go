package tasks_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/etcdplay/etcdplay/internal/pki"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

// certPeers are hosts with a folder for certificates each, and a controller.
type certPeers struct {
	t     *testing.T
	root  string
	peers []tasks.Peer
	args  *value.Dict

	everyone []tasks.Peer // with those that don't take part; nil: there are none
}

func newCertPeers(t *testing.T, n int) *certPeers {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("needs openssl, with which hosts make keys")
	}
	c := &certPeers{t: t, root: t.TempDir(), args: value.NewDict("clients", []any{"admin"})}
	for i := range n {
		conn := &tasktest.Conn{Shell: tasktest.Shells(t)[0], Home: c.root}
		t.Cleanup(func() { _ = conn.Close() })
		c.peers = append(c.peers, tasks.Peer{Name: fmt.Sprintf("peer%d", i+1), Address: fmt.Sprintf("192.168.161.%d", i+3), Conn: conn})
	}
	return c
}

// pki is a file of the controller's.
func (c *certPeers) pki(name string) string { return filepath.Join(c.root, "pki", name) }

// host is a file of a host's.
func (c *certPeers) host(peer, name string) string { return filepath.Join(c.root, peer, "pki", name) }

func (c *certPeers) read(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(name)
	mustDo(c.t, err)
	return string(text)
}

func (c *certPeers) cert(name string) *x509.Certificate {
	c.t.Helper()
	certs, err := pki.ParseCerts([]byte(c.read(name)))
	mustDo(c.t, err)
	return certs[0]
}

// run does what the runner does with a module that gathers and prepares. more
// are further arguments: name, value, name, value…
func (c *certPeers) run(check bool, more ...any) (map[string]tasks.Result, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	mods := make([]*tasks.Certs, len(c.peers))
	peers := make([]tasks.Peer, len(c.peers))
	copy(peers, c.peers)
	target := func(i int) *tasks.Target {
		return &tasks.Target{Host: peers[i], Peers: peers, Everyone: c.everyone, Conn: peers[i].Conn, Check: check, Files: tasktest.Files{}, Status: func(string) {}}
	}
	for i, p := range peers {
		args := c.args.Clone()
		args.Set("pki", filepath.Join(c.root, "pki"))
		args.Set("dir", filepath.Join(c.root, p.Name, "pki"))
		args.Set("names", []any{p.Name, p.Address, "localhost"})
		for j := 0; j < len(more); j += 2 {
			args.Set(more[j], more[j+1])
		}
		mods[i] = &tasks.Certs{}
		if err := tasks.Decode(mods[i], args); err != nil {
			return nil, err
		}
		if err := mods[i].Validate(); err != nil {
			return nil, err
		}
		var err error
		if peers[i].Gathered, err = mods[i].Gather(ctx, target(i)); err != nil {
			return nil, err
		}
	}
	results := map[string]tasks.Result{}
	for i, p := range peers {
		_, did, err := mods[i].Prepare(ctx, target(i))
		results[p.Name] = did
		if err != nil {
			return results, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	for i, p := range peers {
		res, err := mods[i].Run(ctx, target(i))
		res.Changes = append(results[p.Name].Changes, res.Changes...)
		results[p.Name] = res
		if err != nil {
			return results, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return results, nil
}

// converge checks that what is foreseen is done, and runs it.
func (c *certPeers) converge(more ...any) map[string]tasks.Result {
	c.t.Helper()
	foreseen, err := c.run(true, more...)
	if err != nil {
		c.t.Fatalf("check: %s", explain(err))
	}
	made, err := c.run(false, more...)
	if err != nil {
		c.t.Fatalf("run: %s", explain(err))
	}
	for name := range made {
		if diff := cmp.Diff(foreseen[name].Changes, made[name].Changes, cmpopts.EquateEmpty()); diff != "" {
			c.t.Errorf("%s: foreseen and made:\n%s", name, diff)
		}
	}
	return made
}

// settled fails the test if a run would change something.
func (c *certPeers) settled(more ...any) {
	c.t.Helper()
	for _, check := range []bool{true, false} {
		again, err := c.run(check, more...)
		if err != nil {
			c.t.Fatalf("again: %s", explain(err))
		}
		for name, res := range again {
			if len(res.Changes) > 0 {
				c.t.Errorf("%s: the second run (check %v) makes %q", name, check, res.Changes)
			}
		}
	}
}

// trusted fails the test unless every host's certificate and key serve and
// connect among hosts that trust these authorities.
func (c *certPeers) trusted() {
	c.t.Helper()
	for _, p := range c.peers {
		pair, err := tls.LoadX509KeyPair(c.host(p.Name, "current/member.crt"), c.host(p.Name, "current/member.key"))
		if err != nil {
			c.t.Errorf("%s: %v", p.Name, err)
			continue
		}
		for _, other := range c.peers {
			bundle, err := pki.ParseCerts([]byte(c.read(c.host(other.Name, "current/ca.crt"))))
			mustDo(c.t, err)
			if err := pki.Check([]*x509.Certificate{pair.Leaf}, bundle, []string{p.Name, p.Address, "localhost"}, true, time.Now()); err != nil {
				c.t.Errorf("%s does not trust %s: %v", other.Name, p.Name, err)
			}
		}
	}
	if _, err := tls.LoadX509KeyPair(c.pki("admin.crt"), c.pki("admin.key")); err != nil {
		c.t.Error(err)
	}
}

func TestCerts(t *testing.T) {
	t.Parallel()
	c := newCertPeers(t, 3)
	first := c.converge()
	c.trusted()
	c.settled()
	for name := range first {
		if strings.Contains(strings.Join(first[name].Changes, "\n"), "authority") != (name == "peer1") {
			t.Errorf("%s: %q", name, first[name].Changes)
		}
	}
	caOf := c.read(c.pki("ca.crt"))
	serial := c.cert(c.host("peer2", "current/member.crt")).SerialNumber

	t.Run("renewed when asked for, with a new key, and no other authority", func(t *testing.T) {
		before := c.read(c.host("peer2", "current/member.key"))
		c.converge("renew", true)
		c.trusted()
		if c.cert(c.host("peer2", "current/member.crt")).SerialNumber.Cmp(serial) == 0 || c.read(c.host("peer2", "current/member.key")) == before {
			t.Error("nothing was renewed")
		}
		if c.read(c.pki("ca.crt")) != caOf {
			t.Error("another authority")
		}
	})
	t.Run("only the version before is kept", func(t *testing.T) {
		mustDo(t, os.MkdirAll(c.host("peer1", "mine"), 0o755)) // not ours
		mustDo(t, os.MkdirAll(c.host("peer1", ".new.dead"), 0o755))
		c.converge("renew", true)
		entries, err := os.ReadDir(c.host("peer1", ""))
		mustDo(t, err)
		if len(entries) != 4 {
			t.Errorf("there are %v", entries)
		}
	})
	t.Run("other names", func(t *testing.T) {
		c.converge("names", []any{"peer1", "peer2", "peer3", "192.168.161.3", "192.168.161.4", "192.168.161.5", "localhost", "*.example.com"})
		c.trusted()
		c.settled("names", []any{"*.example.com", "peer1", "peer2", "peer3", "192.168.161.3", "192.168.161.4", "192.168.161.5", "localhost"})
		c.converge()
		c.settled()
	})
	t.Run("shortly before the end", func(t *testing.T) {
		c.settled("days", 400, "renew_before", 300)
		made := c.converge("days", 400, "renew_before", 370)
		for name, res := range made {
			if got := strings.Join(res.Changes, "\n"); !strings.Contains(got, "it ends at") {
				t.Errorf("%s: %s", name, got)
			}
		}
		c.settled("days", 400, "renew_before", 370)
	})
	t.Run("a key that someone changed", func(t *testing.T) {
		mustDo(t, os.WriteFile(c.host("peer3", "current/member.key"), []byte("hello"), 0o600))
		made := c.converge()
		if len(made["peer1"].Changes) > 0 || !strings.Contains(strings.Join(made["peer3"].Changes, "\n"), "its key was changed") {
			t.Errorf("made %v", made)
		}
		c.trusted()
		c.settled()
	})
	t.Run("a client's lost key", func(t *testing.T) {
		mustDo(t, os.Remove(c.pki("admin.key")))
		c.converge()
		c.trusted()
	})
	t.Run("a client's key that was written, and its certificate was not", func(t *testing.T) {
		mustDo(t, os.WriteFile(c.pki("admin.key"), []byte(c.read(c.pki("ca.key"))), 0o600))
		c.converge()
		c.trusted()
		c.settled()
	})
	t.Run("the authority's key is not needed when nothing is issued", func(t *testing.T) {
		mustDo(t, os.Rename(c.pki("ca.key"), c.pki("away")))
		c.settled()
		if _, err := c.run(false, "renew", true); err == nil || !strings.Contains(explain(err), "ca.key is not there") {
			t.Errorf("renewed without it: %v", err)
		}
		c.trusted()
		mustDo(t, os.Rename(c.pki("away"), c.pki("ca.key")))
	})
	t.Run("another authority's key", func(t *testing.T) {
		key := c.read(c.pki("ca.key"))
		mustDo(t, os.WriteFile(c.pki("ca.key"), []byte(c.read(c.pki("admin.key"))), 0o600))
		if _, err := c.run(false, "renew", true); err == nil || !strings.Contains(explain(err), "is not the key of") {
			t.Errorf("issued with another key: %v", err)
		}
		mustDo(t, os.WriteFile(c.pki("ca.key"), []byte(key), 0o600))
		c.converge("renew", true)
		c.trusted()
	})
}

// An authority that was being made when the run was killed is finished.
func TestCertsHalfAuthority(t *testing.T) {
	t.Parallel()
	c := newCertPeers(t, 1)
	c.converge()
	key := c.read(c.pki("ca.key"))
	ca := c.read(c.pki("ca.crt"))
	mustDo(t, os.Remove(c.pki("ca.crt")))
	for _, check := range []bool{true, false} {
		if _, err := c.run(check); err == nil || !strings.Contains(explain(err), "there is no "+c.pki("ca.crt")) {
			t.Errorf("running hosts get another authority: %v", err)
		}
	}
	mustDo(t, os.WriteFile(c.pki("ca.crt"), []byte(ca), 0o644))
	c.settled()
	mustDo(t, os.Remove(c.pki("ca.crt")))
	mustDo(t, os.RemoveAll(c.host("peer1", "")))
	c.converge()
	if c.read(c.pki("ca.key")) != key {
		t.Error("the key was replaced")
	}
	c.trusted()
	c.settled()
}

// Runs at the same time make one authority.
func TestCertsTogether(t *testing.T) {
	t.Parallel()
	c := newCertPeers(t, 2)
	var all sync.WaitGroup
	for _, p := range c.peers {
		all.Go(func() {
			alone := *c
			alone.peers = []tasks.Peer{p}
			if _, err := alone.run(false); err != nil {
				t.Errorf("%s: %s", p.Name, explain(err))
			}
		})
	}
	all.Wait()
	c.trusted()
	c.settled()
}

// rotation is a change of the authority, step by step, with what a server that
// reads its authorities only when it starts has in memory after each.
func TestCertsRotate(t *testing.T) {
	t.Parallel()
	c := newCertPeers(t, 3)
	c.converge()
	old := c.cert(c.pki("ca.crt"))
	digest := func(res map[string]tasks.Result) string {
		v, _ := res["peer1"].Data.Get("ca_digest")
		return v.(string)
	}
	var digests []string
	step := func(name string) {
		t.Helper()
		// a run that was killed is begun again: all steps up to this one, twice
		for range 2 {
			for _, s := range []string{"introduce", "promote", "retire"} {
				if s == name || s == "introduce" {
					if _, err := c.run(false, "rotate", s); err != nil {
						t.Fatalf("%s: %s", s, explain(err))
					}
				}
				if s == name {
					break
				}
			}
		}
		c.trusted()
		c.settled("rotate", name)
		res, err := c.run(true)
		mustDo(t, err)
		digests = append(digests, digest(res))
	}
	limited := *c
	limited.everyone, limited.peers = c.peers, c.peers[:2]
	if _, err := limited.run(false, "rotate", "introduce"); err == nil || !strings.Contains(explain(err), "can't be changed without peer3") {
		t.Errorf("some hosts alone: %v", err)
	}
	limited.settled()
	if _, err := c.run(false, "rotate", "retire"); err == nil || !strings.Contains(explain(err), "no change of the authority is under way") {
		t.Errorf("the last step first: %v", err)
	}
	made := c.converge("rotate", "introduce")
	if _, err := c.run(false, "rotate", "retire"); err == nil || !strings.Contains(explain(err), "is not of the new authority") {
		t.Errorf("the old authority retired while it is needed: %v", err)
	}
	if got := strings.Join(made["peer1"].Changes, "\n"); !strings.Contains(got, "make another certificate authority") || strings.Contains(got, "install a certificate") {
		t.Errorf("introduce makes %s", got)
	}
	step("introduce")
	if err := c.cert(c.host("peer1", "current/member.crt")).CheckSignatureFrom(old); err != nil {
		t.Errorf("introduce issues anew: %v", err)
	}
	made = c.converge("rotate", "promote")
	if got := strings.Join(made["peer2"].Changes, "\n"); !strings.Contains(got, "install a certificate") && !strings.Contains(got, "another authority's") {
		t.Errorf("promote makes %s", got)
	}
	step("promote")
	if c.cert(c.host("peer1", "current/member.crt")).CheckSignatureFrom(old) == nil || c.cert(c.pki("admin.crt")).CheckSignatureFrom(old) == nil {
		t.Error("the old authority still signs")
	}
	c.converge("rotate", "retire")
	step("retire")
	if err := pki.Check([]*x509.Certificate{c.cert(c.pki("admin.crt"))}, []*x509.Certificate{old}, nil, false, time.Now()); err == nil {
		t.Error("who trusts the old one alone lets new clients in")
	}
	if digests[0] != digests[1] || digests[1] == digests[2] {
		t.Errorf("the authorities to trust after each step: %v", digests)
	}
	c.converge("rotate", "finish")
	c.settled()
	c.trusted()
	if kept, _ := filepath.Glob(c.pki("old/*")); len(kept) != 2 {
		t.Errorf("kept of the old authority: %v", kept)
	}
	// the next one begins from the start
	c.converge("rotate", "introduce")
	if bundle, err := pki.ParseCerts([]byte(c.read(c.pki("ca.crt")))); err != nil || len(bundle) != 2 {
		t.Errorf("%d authorities, %v", len(bundle), err)
	}
}

// A change of the authority that was killed between its files goes on.
func TestCertsRotateHalf(t *testing.T) {
	t.Parallel()
	c := newCertPeers(t, 1)
	c.converge()
	c.converge("rotate", "introduce")
	before := map[string]string{}
	for _, name := range []string{"ca.key", "admin.key", "admin.crt"} {
		before[name] = c.read(c.pki(name))
	}
	installed, err := os.Readlink(c.host("peer1", "current"))
	mustDo(t, err)
	c.converge("rotate", "promote")
	// they were still to be written
	for name, text := range before {
		mustDo(t, os.WriteFile(c.pki(name), []byte(text), 0o600))
	}
	mustDo(t, os.Remove(c.host("peer1", "current")))
	mustDo(t, os.Symlink(installed, c.host("peer1", "current")))
	c.trusted()
	if _, err := c.run(false); err == nil || !strings.Contains(explain(err), "rotate-ca.yml") {
		t.Errorf("issued with the old key: %v", err)
	}
	made := c.converge("rotate", "introduce") // with which it begins again
	if got := strings.Join(made["peer1"].Changes, "\n"); !strings.Contains(got, "let the new authority sign") {
		t.Errorf("begun again, it makes %s", got)
	}
	c.trusted()
	c.settled("rotate", "introduce")
	c.settled()
	c.converge("rotate", "promote")
	c.converge("rotate", "retire")
	c.converge("rotate", "finish")
	c.trusted()
	c.settled()
	if _, err := c.run(false, "rotate", "promote"); err == nil || !strings.Contains(explain(err), "no change of the authority is under way") {
		t.Errorf("a step without a beginning: %v", err)
	}
}

// own is a user's authority.
type own struct {
	*pki.Authority
	t   *testing.T
	dir string
}

func newOwn(t *testing.T, dir string) own {
	t.Helper()
	key, err := pki.NewKey()
	mustDo(t, err)
	a, err := pki.Found(key, "Example Ltd", time.Now())
	mustDo(t, err)
	mustDo(t, os.MkdirAll(filepath.Join(dir, "members"), 0o700))
	mustDo(t, os.WriteFile(filepath.Join(dir, "ca.crt"), pki.Encode(a.Cert), 0o644))
	return own{a, t, dir}
}

// issue puts a certificate and its key where they belong.
func (o own) issue(name string, order pki.Order) {
	o.t.Helper()
	key, err := pki.NewKey()
	mustDo(o.t, err)
	text, err := pki.EncodeKey(key)
	mustDo(o.t, err)
	if order.Now.IsZero() {
		order.Now = time.Now()
	}
	if order.Life == 0 {
		order.Life = 90 * 24 * time.Hour
	}
	cert, err := o.Issue(key.Public(), order)
	mustDo(o.t, err)
	mustDo(o.t, os.WriteFile(filepath.Join(o.dir, name+".key"), text, 0o600))
	mustDo(o.t, os.WriteFile(filepath.Join(o.dir, name+".crt"), pki.Encode(cert), 0o644))
}

func TestCertsGiven(t *testing.T) {
	t.Parallel()
	member := func(n int) pki.Order {
		return pki.Order{Name: "x", Server: true, Names: []string{fmt.Sprintf("peer%d", n), fmt.Sprintf("192.168.161.%d", n+2), "localhost", "extra"}}
	}
	good := func(o own) {
		o.issue("members/peer1", member(1))
		o.issue("members/peer2", member(2))
		o.issue("admin", pki.Order{Name: "admin"})
	}
	t.Run("all right", func(t *testing.T) {
		c := newCertPeers(t, 2)
		c.args.Set("keys", "given")
		o := newOwn(t, c.pki(""))
		good(o)
		made := c.converge()
		c.trusted()
		c.settled()
		for name, res := range made {
			if got := strings.Join(res.Changes, "\n"); !strings.Contains(got, "install a certificate") || strings.Contains(got, "private key") {
				t.Errorf("%s: %s", name, got)
			}
		}
		o.issue("members/peer1", member(1))
		if made := c.converge(); len(made["peer1"].Changes) != 1 || len(made["peer2"].Changes) != 0 {
			t.Errorf("a new certificate makes %v", made)
		}
		c.trusted()
	})
	for name, k := range map[string]struct {
		spoil      func(own)
		says, hint string
	}{
		"none":              {func(o own) { mustDo(t, os.Remove(filepath.Join(o.dir, "members/peer2.crt"))) }, "there is no", "issue one"},
		"no key":            {func(o own) { mustDo(t, os.Remove(filepath.Join(o.dir, "members/peer2.key"))) }, "its private key is not there", "put the key of"},
		"no client":         {func(o own) { mustDo(t, os.Remove(filepath.Join(o.dir, "admin.crt"))) }, "admin.crt", "issue one"},
		"another authority": {func(o own) { newOwn(t, o.dir) }, "another authority", "issue one"},
		"expired": {func(o own) {
			order := member(2)
			order.Now, order.Life = time.Now().Add(-48*time.Hour), time.Hour
			o.issue("members/peer2", order)
		}, "ended at", "issue one"},
		"missing names":   {func(o own) { o.issue("members/peer2", pki.Order{Server: true, Names: []string{"peer2"}}) }, "lacks the names 192.168.161.4, localhost", "issue one"},
		"not for servers": {func(o own) { o.issue("members/peer2", pki.Order{Names: member(2).Names}) }, "not for use as a server", "issue one"},
		"another key": {func(o own) {
			mustDo(t, os.Rename(filepath.Join(o.dir, "admin.key"), filepath.Join(o.dir, "members/peer2.key")))
		}, "belongs to another certificate", "put the key of"},
		"damaged": {func(o own) {
			mustDo(t, os.WriteFile(filepath.Join(o.dir, "members/peer2.crt"), []byte("-----BEGIN CERTIFICATE-----\nMII"), 0o600))
		}, "damaged", ""},
		"a key with a passphrase": {func(o own) {
			text := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
			mustDo(t, os.WriteFile(filepath.Join(o.dir, "members/peer2.key"), text, 0o600))
		}, "passphrase", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCertPeers(t, 2)
			c.args.Set("keys", "given")
			o := newOwn(t, c.pki(""))
			good(o)
			k.spoil(o)
			// whoever fails, the first host must not be begun
			for _, check := range []bool{true, false} {
				all, err := c.run(check)
				if err == nil {
					t.Fatal("it was accepted")
				}
				if len(all) != 1 {
					t.Errorf("more than the first host was begun: %v", all)
				}
			}
			if _, err := os.Stat(c.host("peer1", "")); err == nil {
				t.Error("the first host was touched")
			}
			last := *c
			last.peers = c.peers[1:]
			_, err := last.run(false)
			if err == nil || !strings.Contains(explain(err), k.says) || !strings.Contains(explain(err), k.hint) {
				t.Errorf("it says %s, want %q and %q", explain(err), k.says, k.hint)
			}
		})
	}
}

// What a server presents is compared with what it should.
func TestCertsServing(t *testing.T) {
	t.Parallel()
	c := newCertPeers(t, 1)
	c.converge()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		ClientAuth: tls.RequireAnyClientCert, // which the task does not have
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.host("peer1", "current/member.crt"), c.host("peer1", "current/member.key"))
			return &pair, err
		},
	})
	mustDo(t, err)
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = conn.(*tls.Conn).Handshake(); conn.Close() }()
		}
	}()
	address := listener.Addr().String()
	c.converge("renew", true, "serving", []any{address})

	stale, err := net.Listen("tcp", "127.0.0.1:0")
	mustDo(t, err)
	defer stale.Close()
	pair, err := tls.LoadX509KeyPair(c.host("peer1", "current/member.crt"), c.host("peer1", "current/member.key"))
	mustDo(t, err)
	go func() {
		for {
			conn, err := stale.Accept()
			if err != nil {
				return
			}
			go func() {
				s := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}})
				_ = s.Handshake()
				s.Close()
			}()
		}
	}()
	if _, err := c.run(false, "renew", true, "serving", []any{stale.Addr().String()}); err == nil || !strings.Contains(explain(err), "presents another certificate") {
		t.Errorf("a server that keeps the old one: %v", err)
	}
	stale.Close()
	if _, err := c.run(false, "serving", []any{stale.Addr().String()}); err == nil || !strings.Contains(explain(err), "presents no certificate") {
		t.Errorf("no server: %v", err)
	}
}

// Nobody else than its owner reads a key, and it changes with its certificate.
func TestCertsSwitch(t *testing.T) {
	t.Parallel()
	c := newCertPeers(t, 1)
	c.converge()
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			dir, err := filepath.EvalSymlinks(c.host("peer1", "current"))
			if err != nil {
				t.Errorf("there is no version: %v", err)
				return
			}
			if _, err := tls.LoadX509KeyPair(filepath.Join(dir, "member.crt"), filepath.Join(dir, "member.key")); err != nil {
				t.Errorf("half a version: %v", err)
				return
			}
		}
	})
	for range 3 {
		c.converge("renew", true)
	}
	close(stop)
	watching.Wait()
	info, err := os.Stat(c.host("peer1", "current/member.key"))
	mustDo(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v", info.Mode())
	}
}
