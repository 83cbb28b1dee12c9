package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/etcdplay/etcdplay/playbooks"
)

// The end of a cluster, by a full disk or because it is asked for.

// neverUnasked is a cluster that a wrong word did not destroy; it says the right one.
func neverUnasked(t *testing.T, c *cluster) []string {
	t.Helper()
	for _, word := range []string{"", "yes", "etcdcluster02"} {
		c.play(t, "destroy.yml", "-e", "etcd_confirm="+word).want(2).wantUnchanged().says("this ends the cluster", "Nothing was touched")
	}
	c.healthy(t)
	c.before = c.eachHost(t, asideCommand)
	return []string{"-e", "etcd_confirm=etcdcluster01"}
}

// asideCommand lists the databases that were moved aside.
const asideCommand = "ls -d /home/etcd/data.removed-*/member/snap/db 2>/dev/null || true"

// isSetAside wants no member to run, now or after a boot, and each's data to be kept.
func isSetAside(t *testing.T, c *cluster) {
	t.Helper()
	stopped(t, c)
	for name, list := range c.eachHost(t, asideCommand) {
		if had := len(strings.Fields(c.before[name])); len(strings.Fields(list)) != had+1 {
			t.Errorf("%s kept %q, and had %d before", name, list, had)
		}
	}
	for name, left := range c.eachHost(t, "ls -A /home/etcd/data 2>/dev/null; systemctl is-enabled etcd 2>/dev/null | grep -x enabled || true") {
		if left != "" {
			t.Errorf("%s would start, or find data: %q", name, left)
		}
	}
}

// full has databases that reached their quota: nothing is written any more. That
// has been told, the alarm was not taken back, and then there was room.
func full(t *testing.T, c *cluster) []string {
	t.Helper()
	client := c.client(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var err error
	var last *clientv3.PutResponse
	for large := strings.Repeat("x", 500_000); err == nil; {
		var put *clientv3.PutResponse
		if put, err = client.Put(ctx, "large", large); err == nil {
			last = put
		}
	}
	if !errors.Is(err, rpctypes.ErrNoSpace) {
		t.Fatal(err)
	}
	disarm := []string{"-e", "etcd_disarm=NOSPACE"}
	if text := c.play(t, "alarms.yml").want(0).wantUnchanged().text(); !strings.Contains(text, "NOSPACE: peer") || !strings.Contains(text, "defrag.yml") {
		t.Errorf("it is not told: %s", text)
	}
	c.play(t, "alarms.yml", disarm...).want(2).wantUnchanged().says("there is no room yet on peer", "etcd_quota_backend_bytes")
	if text := c.play(t, "status.yml").want(2).text(); !strings.Contains(text, "alarm NOSPACE") {
		t.Errorf("the status does not tell: %s", text)
	}
	if _, err := client.Compact(ctx, last.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	for _, url := range client.Endpoints() {
		if _, err := client.Defragment(ctx, url); err != nil {
			t.Fatal(err)
		}
	}
	return disarm
}

// isWritten wants the cluster to take writes.
func isWritten(t *testing.T, c *cluster) {
	t.Helper()
	c.kept, c.gone = c.fill(t), nil
	keptOnly(t, c)
}

// Every shipped playbook for etcd is among the operations.
func TestEveryPlaybookIsAnOperation(t *testing.T) {
	shipped, err := playbooks.ListShipped(playbooks.Shipped())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range shipped {
		if slices.Contains([]string{"local.yml", "nats.yml", "redis.yml"}, p.Name) {
			continue // other clusters
		}
		if !slices.ContainsFunc(operations, func(op operation) bool { return op.book == p.Name }) {
			t.Errorf("no operation tries %s", p.Name)
		}
	}
}
