package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

// Operations on clusters that serve nobody, or that are to lose what was
// written since: instead of a siege, keys that must be there afterwards, and
// others that must not.

// client speaks with the members from the controller's place.
func (c *cluster) client(t *testing.T) *clientv3.Client {
	t.Helper()
	var urls []string
	for _, e := range c.endpoints(t) {
		urls = append(urls, e.URL)
	}
	o := c.options()
	if c.scheme() == "http" {
		o.TLS = nil
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: urls, TLS: o.TLS, Logger: zap.NewNop(), DialTimeout: 30 * time.Second,
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			return c.lab.DialContext(ctx, "tcp4", addr)
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// fill writes keys, waits until all members have them, and returns them.
func (c *cluster) fill(t *testing.T) (keys []string) {
	t.Helper()
	client := c.client(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run := rand.Text()
	for n := range 200 {
		key := fmt.Sprintf("fill/%s/%03d", run, n)
		if _, err := client.Put(ctx, key, key); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	c.healthy(t)
	return keys
}

// keptOnly fails the test unless what is to be kept is there, and what is to
// be gone is not.
func keptOnly(t *testing.T, c *cluster) {
	t.Helper()
	client := c.client(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	got, err := client.Get(ctx, "fill/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]string{}
	for _, kv := range got.Kvs {
		there[string(kv.Key)] = string(kv.Value)
	}
	for _, key := range c.kept {
		if there[key] != key {
			t.Fatalf("%s is lost", key)
		}
	}
	for _, key := range c.gone {
		if there[key] != "" {
			t.Fatalf("%s was written after the backup, and is there", key)
		}
	}
}

// backedUp has a backup, and keys that are newer.
func backedUp(t *testing.T, c *cluster) []string {
	t.Helper()
	c.kept = c.fill(t)
	c.generation++
	file := filepath.Join(c.dir, fmt.Sprintf("backup%d.db", c.generation))
	c.play(t, "backup.yml", "-e", "etcd_backup="+file).want(0)
	c.gone = c.fill(t)
	return []string{"-e", "etcd_backup=" + file, "-e", "etcd_confirm=restore"}
}

// backedUpAndLost has a backup, and bare hosts.
func backedUpAndLost(t *testing.T, c *cluster) []string {
	t.Helper()
	args := backedUp(t, c)
	do(t, c.lab.Reset)
	return args
}

// majorityLost leaves a minority; the hosts of the others are new.
func majorityLost(t *testing.T, c *cluster) []string {
	t.Helper()
	c.kept, c.gone = c.fill(t), nil
	do(t, c.lab.Reset, c.names[(len(c.names)-1)/2:]...)
	return nil
}

// fragmented has databases that are mostly unused, once compacted.
func fragmented(t *testing.T, c *cluster) []string {
	t.Helper()
	client := c.client(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	large := strings.Repeat("x", 200_000)
	for range 100 {
		if _, err := client.Put(ctx, "large", large); err != nil {
			t.Fatal(err)
		}
	}
	c.dbSize = 0
	for _, e := range c.healthy(t).Endpoints {
		c.dbSize = max(c.dbSize, e.DBSize)
	}
	return []string{"-e", "etcd_defrag_history=10"}
}

func isSmaller(t *testing.T, c *cluster) {
	t.Helper()
	for _, e := range c.healthy(t).Endpoints {
		if e.DBSize > c.dbSize/2 {
			t.Errorf("%s: the database has %d bytes, %d before", e.Name, e.DBSize, c.dbSize)
		}
	}
}
