package e2e

import (
	"cmp"
	"context"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// A fault befalls a host in the middle of an operation, and is mended when the
// run has come to its end, whatever that was.
type fault struct {
	name       string
	hit, mend  func(*hosts.Lab, context.Context, ...string) error
	everywhere bool // all hosts at once
}

var faults = []fault{
	{name: "loses power", hit: (*hosts.Lab).Kill, mend: (*hosts.Lab).Boot},
	{name: "is cut off", hit: (*hosts.Lab).Cut, mend: (*hosts.Lab).Mend},
	{name: "reboots", hit: reboot, mend: nothing},
	{name: "loses power like all others", hit: (*hosts.Lab).Kill, mend: (*hosts.Lab).Boot, everywhere: true},
}

func reboot(l *hosts.Lab, ctx context.Context, names ...string) error {
	if err := l.Stop(ctx, names...); err != nil {
		return err
	}
	return l.Boot(ctx, names...)
}

func nothing(*hosts.Lab, context.Context, ...string) error { return nil }

// A host fails while an operation is under way; when it is back the operation
// is run again.
func TestFaultsInOperations(t *testing.T) {
	c := day2(t, 3, nil)
	for _, op := range operations {
		for _, f := range faults {
			if op.fault == f.name || thorough() && !op.offline && !op.looks {
				t.Run(op.name+", peer2 "+f.name, func(t *testing.T) { op.strikes(t, c, f) })
			}
		}
	}
}

// strikes runs the operation with a fault in its middle.
func (op operation) strikes(t *testing.T, c *cluster, f fault) {
	t.Helper()
	s, args := op.ready(t, c)
	victims := []string{"peer2"}
	if f.everywhere {
		victims = c.names
	}
	r := c.begin(t, s, "", op.book, args...)
	r.reachesOwn(cmp.Or(op.faultIn, 2))
	do(t, func(ctx context.Context, names ...string) error { return f.hit(c.lab, ctx, names...) }, victims...)
	res := r.end()
	all := r.all()
	t.Logf("it ended with %d after %q\n%s", res.code, all[len(all)-1], res.said())
	do(t, func(ctx context.Context, names ...string) error { return f.mend(c.lab, ctx, names...) }, victims...)
	op.finish(t, c, s, args)
}
