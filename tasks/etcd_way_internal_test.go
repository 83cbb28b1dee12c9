package tasks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/internal/pki"
)

// pkiFiles are the files of an administrator, in a folder.
type pkiFiles struct {
	t   *testing.T
	dir string
}

func (f pkiFiles) found(names ...string) tls.Certificate {
	f.t.Helper()
	own, err := pki.NewKey()
	if err != nil {
		f.t.Fatal(err)
	}
	a, err := pki.Found(own, "test", time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	pair := func(o pki.Order) (cert, key []byte) {
		o.Now, o.Life = time.Now(), time.Hour
		cert, key, err := newPair(a, o)
		if err != nil {
			f.t.Fatal(err)
		}
		return cert, key
	}
	cert, key := pair(pki.Order{Name: "admin"})
	for name, text := range map[string][]byte{"ca.crt": pki.Encode(a.Cert), "admin.crt": cert, "admin.key": key} {
		if err := os.WriteFile(filepath.Join(f.dir, name), text, 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	server, err := tls.X509KeyPair(pair(pki.Order{Server: true, Names: names}))
	if err != nil {
		f.t.Fatal(err)
	}
	return server
}

func (f pkiFiles) config() (*tls.Config, error) {
	return TLSFiles{CA: filepath.Join(f.dir, "ca.crt"), Cert: filepath.Join(f.dir, "admin.crt"), Key: filepath.Join(f.dir, "admin.key")}.config(diskFiles{})
}

type diskFiles struct{ Files }

func (diskFiles) Find(_, name string) (string, error) { return name, nil }
func (diskFiles) Read(name string) ([]byte, error)    { return os.ReadFile(name) }

// get asks for a page over connections of this way.
func (w etcdWay) get(url string) (string, error) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: w.DialContext}}
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// A client that lives on reaches a member before and after it is moved to TLS, and
// after its authority was replaced.
func TestEtcdWay(t *testing.T) {
	t.Parallel()
	files := pkiFiles{t, t.TempDir()}
	dial := (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })

	var mu sync.Mutex
	var now tls.Certificate
	secure := httptest.NewUnstartedServer(hello)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		trusted, err := (pkiFiles{t, files.dir}).config()
		if err != nil {
			return nil, err
		}
		return &tls.Config{Certificates: []tls.Certificate{now}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted.RootCAs}, nil
	}}
	plain := httptest.NewServer(hello)
	defer plain.Close()

	moving := etcdWay{dial: dial, secure: true, either: true, config: files.config}
	if text, err := moving.get(plain.URL); text != "hello" {
		t.Errorf("http, before there are certificates: %q, %v", text, err)
	}
	strict := etcdWay{dial: dial, secure: true, config: files.config}
	if _, err := strict.get(plain.URL); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("TLS without certificates: %v", err)
	}

	now = files.found("127.0.0.1")
	secure.StartTLS()
	defer secure.Close()
	there := strings.Replace(secure.URL, "https://", "http://", 1) // the TLS is in the way
	for range 2 {
		for _, w := range []etcdWay{moving, strict} {
			if text, err := w.get(there); text != "hello" {
				t.Errorf("https (either: %v): %q, %v", w.either, text, err)
			}
		}
		if text, err := moving.get(plain.URL); text != "hello" {
			t.Errorf("http: %q, %v", text, err)
		}
		mu.Lock()
		now = files.found("127.0.0.1") // another authority
		mu.Unlock()
	}
	if _, err := strict.get(plain.URL); err == nil {
		t.Error("http passes for https")
	}
	mu.Lock()
	now = files.found("192.0.2.1")
	mu.Unlock()
	for _, w := range []etcdWay{moving, strict} {
		var name x509.HostnameError
		if _, err := w.get(there); !errors.As(err, &name) {
			t.Errorf("another host's certificate (either: %v): %v", w.either, err)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := moving.DialContext(cancelled, "tcp", plain.Listener.Addr().String()); err == nil {
		t.Error("a cancelled dial connects")
	}
}
