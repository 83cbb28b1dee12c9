package tasks_test

import (
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

// Some clusters come into being only when all of their members are there, and
// need no more than a majority afterwards.
func TestLaunchFirstQuorum(t *testing.T) {
	t.Parallel()
	sh := tasktest.Shells(t)[0]
	all := func(t *testing.T) *cluster {
		c := newCluster(t, sh, 3)
		for _, m := range c.hosts {
			m.args.Set("ready", value.NewDict("url", "http://"+m.addr+"/allz", "timeout", 3))
		}
		return c
	}
	t.Run("without it", func(t *testing.T) {
		_, _, err := all(t).run()
		if err == nil || !strings.Contains(err.Error(), "peer2: daemon on peer1 did not get ready") {
			t.Errorf("two of three are a majority, but: %v", err)
		}
	})
	for _, cut := range []string{"", "peer2", "peer3"} {
		t.Run("cut off before "+cut, func(t *testing.T) {
			c := all(t)
			for _, m := range c.hosts {
				m.args.Set("first_quorum", 3)
			}
			if c.stop = cut; cut != "" {
				if _, _, err := c.run(); err != nil {
					t.Fatal(explain(err))
				}
				c.stop = ""
			}
			c.converge()
			c.hosts[1].kill(t)
			res, _ := c.converge()
			wantState(t, res, map[string]string{"peer1": "running", "peer2": "started", "peer3": "running"})
		})
	}
	t.Run("afterwards a majority is asked", func(t *testing.T) {
		c := all(t)
		for _, m := range c.hosts {
			m.args.Set("first_quorum", 3)
		}
		c.converge()
		c.hosts[1].kill(t)
		c.hosts[2].kill(t)
		if _, _, err := c.run(); err == nil || !strings.Contains(err.Error(), "did not get ready") {
			t.Errorf("peer2 makes a majority, which this cluster is not ready with: %v", err)
		}
	})
}
