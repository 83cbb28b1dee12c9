package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// A load writes to a cluster while something is done to it, and remembers what
// was acknowledged.
type load struct {
	t      *testing.T
	client *clientv3.Client
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	acked   []string
	longest time.Duration // between two acknowledgements
}

// dialEtcd is a client of some members, from the controller's place, with the
// administrator's certificate.
func dialEtcd(t *testing.T, lab *hosts.Lab, names ...string) *clientv3.Client {
	t.Helper()
	var endpoints []string
	for _, name := range names {
		h, err := lab.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		endpoints = append(endpoints, "https://"+net.JoinHostPort(h.Address, "2379"))
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: endpoints, TLS: adminTLS(t, lab), Logger: zap.NewNop(), DialTimeout: 30 * time.Second,
		DialKeepAliveTime: 2 * time.Second, DialKeepAliveTimeout: 2 * time.Second,
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			return lab.DialContext(ctx, "tcp4", addr)
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func adminTLS(t *testing.T, lab *hosts.Lab) *tls.Config {
	t.Helper()
	pki := pkiOf(lab)
	admin, err := tls.LoadX509KeyPair(filepath.Join(pki, "admin.crt"), filepath.Join(pki, "admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(pki, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{admin}, RootCAs: x509.NewCertPool()}
	c.RootCAs.AppendCertsFromPEM(ca)
	return c
}

// startLoad writes unique keys until the load is stopped.
func startLoad(t *testing.T, client *clientv3.Client) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{t: t, client: client, cancel: cancel, done: make(chan struct{})}
	go l.write(ctx)
	t.Cleanup(func() { cancel(); <-l.done })
	eventually(t, "the first write", func() bool { return l.count() > 0 })
	return l
}

func (l *load) write(ctx context.Context) {
	defer close(l.done)
	last := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("load/%06d", n)
		one, cancel := context.WithTimeout(ctx, 10*time.Second)
		_, err := l.client.Put(one, key, key)
		cancel()
		if err != nil {
			continue // whether it was written is not known; nobody was told so
		}
		l.mu.Lock()
		l.acked = append(l.acked, key)
		l.longest = max(l.longest, time.Since(last))
		l.mu.Unlock()
		last = time.Now()
		time.Sleep(2 * time.Millisecond)
	}
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// stop ends the load and fails the test if an acknowledged write is missing,
// or if no write was acknowledged since `before` of them were.
func (l *load) stop(before int) {
	l.t.Helper()
	eventually(l.t, "another write", func() bool { return l.count() > before })
	l.cancel()
	<-l.done
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	got, err := l.client.Get(ctx, "load/", clientv3.WithPrefix())
	if err != nil {
		l.t.Fatal(err)
	}
	there := map[string]string{}
	for _, kv := range got.Kvs {
		there[string(kv.Key)] = string(kv.Value)
	}
	for _, key := range l.acked {
		if there[key] != key {
			l.t.Errorf("the acknowledged write %s is lost", key)
		}
	}
	l.t.Logf("%d writes were acknowledged, %s at most after the one before", len(l.acked), l.longest.Round(time.Millisecond))
}
