package etcd_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

// authority signs certificates for 127.0.0.1.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// sign writes NAME.crt and NAME.key.
func (a *authority) sign(name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(a.t, err)
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.Subject = pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	check(a.t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	check(a.t, err)
	check(a.t, os.WriteFile(a.path(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(a.t, os.WriteFile(a.path(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	cert, err := x509.ParseCertificate(der)
	check(a.t, err)
	return cert, key
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Client certificates, passwords and a dialler of one's own, all at once.
func TestTLSAndAuthentication(t *testing.T) {
	ca := newAuthority(t)
	ca.sign("server", &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	ca.sign("client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	server := etcdtest.Servers(t, etcdtest.Version, 1)[0]
	server.Client = strings.Replace(server.Client, "http:", "https:", 1)
	server.Args = append(server.Args, "--cert-file="+ca.path("server.crt"), "--key-file="+ca.path("server.key"),
		"--client-cert-auth", "--trusted-ca-file="+ca.path("ca.crt"))
	etcdtest.Start(t, server)

	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	pair, err := tls.LoadX509KeyPair(ca.path("client.crt"), ca.path("client.key"))
	check(t, err)
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	open := func(o etcd.Options) *etcd.Cluster {
		c, err := etcd.Open(t.Context(), []etcd.Endpoint{{Name: "peer1", URL: server.Client, Dial: dial}}, o)
		check(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	good := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}
	c := open(etcd.Options{TLS: good})
	healthy(t, c, etcd.Expect{Members: []string{"peer1"}})
	check(t, c.TestWrite(t.Context()))

	stranger := open(etcd.Options{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}})
	if text := words(etcd.Judge(stranger.Observe(t.Context()), etcd.Expect{})); !strings.Contains(text, "certificate signed by unknown authority") {
		t.Errorf("with another authority: %s", text)
	}
	nobody := open(etcd.Options{TLS: &tls.Config{RootCAs: pool}})
	if nobody.Observe(t.Context()).Reached() {
		t.Error("reached without a client certificate")
	}

	etcdctl := etcdtest.Program(t, etcdtest.Version, "etcdctl")
	for _, args := range []string{"user add root:secret", "user grant-role root root", "auth enable"} {
		cmd := exec.Command(etcdctl, append(strings.Fields(args), "--endpoints="+server.Client, "--cacert="+ca.path("ca.crt"),
			"--cert="+ca.path("client.crt"), "--key="+ca.path("client.key"))...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("etcdctl %s: %v\n%s", args, err, out)
		}
	}
	if err := c.TestWrite(t.Context()); err == nil {
		t.Error("wrote without a password")
	}
	c = open(etcd.Options{TLS: good, Username: "root", Password: "secret"})
	healthy(t, c, etcd.Expect{Members: []string{"peer1"}})
	check(t, c.TestWrite(t.Context()))
	c = open(etcd.Options{TLS: good, Username: "root", Password: "wrong"})
	if text := words(etcd.Judge(c.Observe(t.Context()), etcd.Expect{})); !strings.Contains(text, "authentication failed") {
		t.Errorf("with a wrong password: %s", text)
	}
}
