package etcdproof

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

func endpoints(servers ...*etcdtest.Server) (all []etcd.Endpoint) {
	for _, s := range servers {
		all = append(all, etcd.Endpoint{Name: s.Name, URL: s.Client})
	}
	return all
}

func more(t *testing.T, c *Clients, n int) {
	t.Helper()
	from := c.Operations()
	etcdtest.Eventually(t, func(context.Context) error {
		if got := c.Operations() - from; got < n {
			return fmt.Errorf("%d operations, want %d", got, n)
		}
		return nil
	})
}

// Each member in turn is killed and started again.
func TestMembersComeAndGo(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 3)
	etcdtest.Start(t, servers...)
	c := Start(t, endpoints(servers...), etcd.Options{})
	more(t, c, 200)
	for _, s := range servers {
		s.Stop()
		more(t, c, 100)
		etcdtest.Start(t, s)
		more(t, c, 100)
	}
	c.Check()
}

// A key that changes behind the clients' backs must be noticed.
func TestClientsNoticeLoss(t *testing.T) {
	servers := etcdtest.Servers(t, etcdtest.Version, 1)
	etcdctl := etcdtest.Program(t, etcdtest.Version, "etcdctl")
	etcdtest.Start(t, servers...)
	c := Start(t, endpoints(servers...), etcd.Options{})
	more(t, c, 2*registers*opsPerKey)
	out, err := exec.Command(etcdctl, "--endpoints="+servers[0].Client, "del", c.key(0, 0)).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "1" {
		t.Fatalf("del: %v %s", err, out)
	}
	c.stop()
	c.done.Wait()
	c.readAll(t.Context(), 0, c.keys())
	err = c.history.Check()
	if err == nil {
		t.Fatal("a deleted key was not noticed")
	}
	_, file, _ := strings.Cut(err.Error(), ": see ")
	os.Remove(file)
}
