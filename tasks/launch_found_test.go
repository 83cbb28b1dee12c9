package tasks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A cluster is founded once: not again by a host that was made anew, while those
// that know of it are stopped.
func TestLaunchFoundsOnce(t *testing.T) {
	t.Parallel()
	c := newEtcdCluster(t, 3)
	anew := c.hosts[2]
	refuse := func(what, want string) {
		t.Helper()
		for _, c.check = range []bool{true, false} {
			_, _, err := c.run()
			if err == nil || !strings.Contains(explain(err), want) {
				t.Errorf("%s, check %v: %v, want %q", what, c.check, err, want)
			}
		}
		if anew.process() != 0 {
			t.Errorf("%s: %s was started", what, anew.name)
		}
	}
	c.limit = []int{2}
	refuse("bare, and the others can't be reached", "can't be told without looking at peer1, peer2")
	c.limit, c.outside = nil, []int{1, 2}
	if _, _, err := c.run(); err != nil {
		t.Fatalf("the first founder, and all others are bare: %v", explain(err))
	}
	c.outside = nil
	c.converge()

	for _, m := range c.hosts {
		m.end(t)
	}
	for _, name := range []string{"data", "daemon.run", "daemon.pid"} {
		if err := os.RemoveAll(filepath.Join(anew.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	c.outside = []int{0, 1}
	refuse("the others are stopped", "while members that have some are down: peer1, peer2")
	c.outside, c.limit = []int{0}, []int{0, 2}
	refuse("of the others one is stopped, one can't be reached", "while members that have some are down: peer1")
	c.outside, c.limit = nil, nil
	_, order, err := c.run()
	if err == nil || !strings.Contains(explain(err), "replace.yml") || anew.process() != 0 {
		t.Errorf("all at once, after %v: %v", order, err)
	}
	if c.hosts[0].process() == 0 || c.hosts[1].process() == 0 {
		t.Error("those that have data were not started")
	}
}
