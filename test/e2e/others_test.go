package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// groupOf writes an inventory whose group has all hosts of the lab, with
// variables.
func groupOf(t *testing.T, lab *hosts.Lab, group string, vars ...string) string {
	t.Helper()
	lines := []string{"[" + group + "]"}
	for _, h := range lab.Hosts {
		lines = append(lines, hostLine(t, lab, h.Name))
	}
	lines = append(lines, "["+group+":vars]")
	return write(t, "hosts.ini", strings.Join(append(lines, vars...), "\n")+"\n")
}

// foreseenBy fails the test unless check mode told exactly what the run did.
func (r result) foreseenBy(check result) result {
	r.t.Helper()
	want, got := check.changes(), r.changes()
	for host := range got {
		if !slices.Equal(want[host], got[host]) {
			r.t.Errorf("%s: foreseen and done differ\nforeseen:\n  %s\ndone:\n  %s", host, strings.Join(want[host], "\n  "), strings.Join(got[host], "\n  "))
		}
	}
	if len(got) == 0 {
		r.t.Error("nothing was done")
	}
	return r
}

// order lists the hosts as a task came to its end on them.
func (r result) order(task string) (names []string) {
	for _, e := range r.events {
		if e.Event == "result" && e.Task == task {
			names = append(names, e.Host)
		}
	}
	return names
}

// succeeds tries until there is no error, or fails the test with the last one
// after a generous time.
func succeeds(t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	eventually(t, what, func() bool {
		last := err
		if err = try(); err != nil && (last == nil || last.Error() != err.Error()) {
			t.Logf("not yet: %v", err)
		}
		return err == nil
	})
}
