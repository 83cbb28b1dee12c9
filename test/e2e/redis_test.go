package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// A cluster that changes its own configuration: Redis with Sentinel, which says
// who is the primary from the first start on.
func TestRedis(t *testing.T) {
	lab := bare(t, hosts.Options{
		Name:  "redis",
		Kinds: []hosts.Kind{hosts.Plain, hosts.Plain, hosts.Firewalld},
	})
	const controller = "192.168.161.1"
	inv := groupOf(t, lab, "redis", "redis_clients=['"+controller+"']")

	foreseen := play(t, lab, "redis.yml", "-i", inv, "--check").want(0)
	done := play(t, lab, "redis.yml", "-i", inv).want(0).foreseenBy(foreseen)
	for _, task := range []string{"Start Redis", "Start Sentinel"} {
		if order := done.order(task); !slices.Equal(order, peers) {
			t.Errorf("%s: the order was %v", task, order)
		}
	}
	again := func(t *testing.T, args ...string) result {
		t.Helper()
		return play(t, lab, append([]string{"redis.yml", "-i", inv}, args...)...).want(0)
	}
	cluster := redisCluster{lab}
	cluster.wantPrimary(t, "peer1")
	cluster.set(t, "peer1", "first", "one")

	t.Run("a second run changes nothing", func(t *testing.T) {
		play(t, lab, "redis.yml", "-i", inv, "--check").want(0).wantUnchanged()
		again(t).wantUnchanged()
		again(t, "--limit", "peer2").wantUnchanged()
	})
	t.Run("the ports are open for those who may come in", func(t *testing.T) {
		for _, name := range peers {
			wantOpen(t, lab, name, 6379)
			wantOpen(t, lab, name, 26379)
		}
		if ports := on(t, lab, "peer3", "firewall-cmd --zone=public --list-ports"); ports != "" {
			t.Errorf("everybody may come in: %s", ports)
		}
		rules := on(t, lab, "peer3", "firewall-cmd --zone=public --list-rich-rules")
		for _, from := range []string{controller, cluster.address(t, "peer1"), cluster.address(t, "peer2")} {
			if n := strings.Count(rules, `address="`+from+`"`); n != 2 {
				t.Errorf("%d rules let %s in:\n%s", n, from, rules)
			}
		}
	})
	var primary string
	t.Run("the primary is lost and comes back as a replica", func(t *testing.T) {
		do(t, lab.Kill, "peer1")
		primary = cluster.failedOver(t, "peer1", "peer2", "peer3")
		cluster.set(t, primary, "second", "two")
		play(t, lab, "redis.yml", "-i", inv, "--timeout", "3s").want(4).wantUnchanged()
		do(t, lab.Boot, "peer1")
		again(t).wantUnchanged() // it waits until Sentinel has made peer1 a replica
		cluster.wantPrimary(t, primary)
		cluster.wantData(t, "first", "one")
		cluster.wantData(t, "second", "two")
	})
	t.Run("a former primary gets a new disk", func(t *testing.T) {
		do(t, lab.Reset, "peer1")
		again(t)
		if seed := on(t, lab, "peer1", "grep ^replicaof /var/lib/redis/redis.conf"); !strings.Contains(seed, cluster.address(t, primary)) {
			t.Errorf("peer1 was told to follow %q, and the primary is %s", seed, primary)
		}
		cluster.wantPrimary(t, primary)
		cluster.wantData(t, "second", "two")
		again(t).wantUnchanged()
	})
	t.Run("other settings restart one host after another", func(t *testing.T) {
		got := again(t, "-e", `{"redis_config": {"maxmemory": "64mb"}}`).changed()
		want := []string{"peer1 Start Redis", "peer2 Start Redis", "peer3 Start Redis"}
		if !slices.Equal(got, want) {
			t.Errorf("this was changed: %v", got)
		}
		for _, name := range peers {
			if out := cluster.cli(t, name, "config", "get", "maxmemory"); !strings.Contains(out, "67108864") {
				t.Errorf("%s: %s", name, out)
			}
		}
		cluster.wantData(t, "first", "one")
	})
}

// redisCluster asks the Redis servers of a lab.
type redisCluster struct{ lab *hosts.Lab }

func (c redisCluster) address(t *testing.T, host string) string {
	t.Helper()
	h, err := c.lab.Host(host)
	if err != nil {
		t.Fatal(err)
	}
	return h.Address
}

// cli runs redis-cli on a host, with the host's own server.
func (c redisCluster) cli(t *testing.T, host string, words ...string) string {
	t.Helper()
	return on(t, c.lab, host, "redis-cli --raw -h "+c.address(t, host)+" "+strings.Join(words, " "))
}

// wantPrimary fails the test unless this host alone is a primary.
func (c redisCluster) wantPrimary(t *testing.T, want string) {
	t.Helper()
	for _, name := range peers {
		role, _, _ := strings.Cut(c.cli(t, name, "role"), "\n")
		if (role == "master") != (name == want) {
			t.Errorf("%s is %s, and the primary is to be %s", name, role, want)
		}
	}
}

// failedOver waits until a host other than the lost one is the primary.
func (c redisCluster) failedOver(t *testing.T, lost string, others ...string) (primary string) {
	t.Helper()
	succeeds(t, "a replica is promoted", func() error {
		for _, name := range others {
			if strings.HasPrefix(c.cli(t, name, "role"), "master") {
				primary = name
				return nil
			}
		}
		return fmt.Errorf("%s is lost, and neither of %v is the primary", lost, others)
	})
	return primary
}

// set writes a value on the primary; while it waits for its replicas it takes
// none.
func (c redisCluster) set(t *testing.T, host, key, val string) {
	t.Helper()
	succeeds(t, "a value is written", func() error {
		if out := c.cli(t, host, "set", key, val); out != "OK" {
			return fmt.Errorf("%s answers %s", host, out)
		}
		return nil
	})
}

// wantData waits until every host has a value.
func (c redisCluster) wantData(t *testing.T, key, want string) {
	t.Helper()
	for _, name := range peers {
		succeeds(t, name+" has the data", func() error {
			if got := c.cli(t, name, "get", key); got != want {
				return fmt.Errorf("%s has %q for %s, not %q", name, got, key, want)
			}
			return nil
		})
	}
}
