package tasks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// A member that a killed run has stopped, and not yet started with the older version,
// is no reason to refuse the way back: the launch behind starts it.
func TestEtcdVersionLeftDown(t *testing.T) {
	t.Parallel()
	c := newEtcdCluster(t, 3)
	c.converge()
	hosts := &etcdHosts{t: t}
	of := map[string]*member{}
	for _, m := range c.hosts {
		hosts.hosts = append(hosts.hosts, &etcdHost{name: m.name, dir: m.dir, conn: m.conn})
		of[m.name] = m
	}
	back := func(state string) error {
		t.Helper()
		res, err := hosts.run(&attempt{}, func(h *etcdHost) *value.Dict {
			api, _ := of[h.name].args.Get("etcd")
			return value.NewDict("state", state, "version", "3.6.1", "etcd", api, "launch", of[h.name].args)
		}, func() tasks.Module { return &tasks.EtcdVersion{} })
		if res.Changed {
			t.Errorf("%s changes %q", state, res.Changes)
		}
		return err
	}

	// the older program: the same one under another version
	for _, m := range c.hosts {
		was, _ := m.args.Get("command")
		bin := filepath.Join(m.dir, "etcd-v3.6.1-linux-amd64", "daemon")
		mustDo(t, os.MkdirAll(filepath.Dir(bin), 0o755))
		copyFile(t, was.(string), bin)
		m.args.Set("command", bin)
		if m != c.hosts[1] {
			continue
		}
		// here the run was killed when all that was left to do was to start it
		m.end(t)
		record := filepath.Join(m.dir, "daemon.run")
		text, err := os.ReadFile(record)
		mustDo(t, err)
		mustDo(t, os.WriteFile(record, []byte(strings.ReplaceAll(string(text), was.(string), bin)), 0o755))
	}
	for _, state := range []string{"downgrade", "announce"} {
		if err := back(state); err != nil {
			t.Errorf("%s: %s", state, explain(err))
		}
	}
	for _, m := range c.hosts {
		api, _ := m.args.Get("etcd")
		api.(*value.Dict).Set("older", true)
	}
	c.converge()
}
