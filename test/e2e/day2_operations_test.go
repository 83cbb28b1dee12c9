package e2e

import (
	"slices"
	"strings"
	"testing"
)

// An operation is a shipped playbook that is run on a living cluster.
type operation struct {
	name string // of the test
	book string
	args []string
	// fresh are the variables of the cluster that it starts from; nil: whatever
	// cluster there is.
	fresh map[string]string
	// prepare brings about what it starts from, also after it was run before,
	// and returns further arguments.
	prepare func(t *testing.T, c *cluster) []string
	// schemes are those that members are to be reached by; nil: the cluster's.
	schemes []string
	// besieged happens to the cluster in use, right before the operation.
	besieged func(t *testing.T, c *cluster)
	// holds fails the test unless the operation did what it is for.
	holds func(t *testing.T, c *cluster)
	// then is a playbook that gives the cluster back to its users.
	then string
	// killIn is in which step of its own make test kills the controller; 0:
	// that is left to make chaos.
	killIn int
	// fault befalls a host in it, in make test; "" leaves it to make chaos.
	fault string
	// faultIn is in which step of its own a fault befalls a host; 0: the second.
	faultIn int
	// quick is one that make test runs without killing anything.
	quick bool
	// offline: nobody uses the cluster meanwhile, for it serves nobody.
	offline bool
	// looks is one that changes nothing.
	looks bool
}

var operations = []operation{
	{name: "site.yml, other arguments", book: "site.yml", prepare: otherArgs, holds: hasArgs},
	{name: "restart", book: "restart.yml", prepare: rememberProcesses, holds: wereRestarted, killIn: 3},
	{name: "reconfigure", book: "reconfigure.yml", prepare: otherArgs, holds: hasArgs, fault: "reboots"},
	{name: "stop", book: "stop.yml", holds: stopped, then: "start.yml"},
	{name: "start", book: "start.yml", besieged: stop},
	{name: "scale-out", book: "scale-out.yml", prepare: oneHostMore, killIn: 3},
	{name: "scale-in", book: "scale-in.yml", prepare: theLeaderLeaves, holds: wasRemoved},
	{name: "replace, an empty disk", book: "replace.yml", args: []string{"-e", "etcd_member=peer2"}, besieged: newDisk, killIn: 3},
	{name: "replace, lost data", book: "replace.yml", args: []string{"-e", "etcd_member=peer2"}, besieged: lostData},
	{name: "restore", book: "restore.yml", prepare: backedUp, holds: keptOnly, offline: true},
	{name: "restore on bare hosts", book: "restore.yml", prepare: backedUpAndLost, holds: keptOnly, offline: true},
	{name: "recover-quorum", book: "recover-quorum.yml", prepare: majorityLost, holds: keptOnly, offline: true, killIn: 3},
	{name: "backup", book: "backup.yml", faultIn: 1, quick: true},
	{name: "defrag", book: "defrag.yml", prepare: fragmented, holds: isSmaller, quick: true},
	{name: "auth", book: "auth.yml", prepare: withoutAuth, holds: asksWhoYouAre, quick: true},
	{name: "auth, off again", book: "auth.yml", args: []string{"-e", "etcd_auth=false"}, prepare: withAuth, holds: asksNobody, quick: true},
	{name: "rotate-certs", book: "rotate-certs.yml", prepare: rememberCertificates, holds: areRenewed, quick: true},
	{name: "rotate-ca", book: "rotate-ca.yml", prepare: rememberCertificates, holds: areRenewed},
	{
		name: "tls-enable", book: "tls-enable.yml", fresh: map[string]string{"etcd_tls": "false"}, schemes: []string{"http", "https"},
		prepare: withTLS, killIn: 13,
	},
	upgrade("upgrade", "3.5.35", "3.6.16").killed(4),
	upgrade("upgrade", "3.6.16", "3.7.3"),
	{
		name: "upgrade from 3.6.16 to 3.7.3, right after 3.5.35", book: "upgrade.yml", args: []string{"-e", "etcd_version=3.7.3"},
		fresh: map[string]string{"etcd_version": "3.5.35"}, prepare: upgradedBefore, holds: runs("3.7.3"),
	},
	upgrade("downgrade", "3.6.16", "3.5.35"),
	upgrade("downgrade", "3.7.3", "3.6.16"),
	{name: "destroy", book: "destroy.yml", prepare: neverUnasked, holds: isSetAside, then: "site.yml", offline: true, quick: true},
	looking("preflight"), looking("status"), looking("verify"), looking("alarms"), looking("adopt"),
	{
		name: "alarms", book: "alarms.yml", fresh: map[string]string{"etcd_quota_backend_bytes": "16777216"},
		prepare: full, holds: isWritten, offline: true, quick: true,
	},
}

// looking is a playbook that changes nothing.
func looking(name string) operation {
	return operation{name: name + ", of what is well", book: name + ".yml", offline: true, looks: true, quick: true}
}

func upgrade(what, from, to string) operation {
	return operation{
		name: what + " from " + from + " to " + to, book: what + ".yml", args: []string{"-e", "etcd_version=" + to},
		fresh: map[string]string{"etcd_version": from}, prepare: forgetVersion, holds: runs(to),
	}
}

// killed has the controller killed in the nth step.
func (op operation) killed(n int) operation {
	op.killIn = n
	return op
}

// ready brings about what the operation starts from, lays siege to the cluster,
// and returns the operation's arguments.
func (op operation) ready(t *testing.T, c *cluster) (*siege, []string) {
	t.Helper()
	args := op.args
	if op.fresh != nil || c.spoilt || !slices.Contains(c.names, "peer2") { // whom faults befall
		c.again(t, op.fresh)
	}
	c.spoilt = true
	if op.prepare != nil {
		args = append(args, op.prepare(t, c)...)
	}
	if op.offline {
		return nil, args
	}
	s := c.besiege(t, op.schemes...)
	if op.besieged != nil {
		op.besieged(t, c)
	}
	return s, args
}

// on runs the operation on the cluster, after something else, if anything, was
// done with it; then everything must be as it should. It returns the changes of
// the run to the end.
func (op operation) on(t *testing.T, c *cluster, first func(s *siege, args []string)) []string {
	t.Helper()
	s, args := op.ready(t, c)
	if first != nil {
		first(s, args)
	}
	return op.finish(t, c, s, args)
}

// finish runs the operation to its end, and ends the siege.
func (op operation) finish(t *testing.T, c *cluster, s *siege, args []string) []string {
	t.Helper()
	r := c.begin(t, s, "", op.book, args...)
	r.end().want(0)
	if steps := r.all(); op.looks && len(steps) > 0 {
		t.Errorf("it changed something: %q", steps)
	}
	if op.holds != nil {
		op.holds(t, c)
	}
	if op.then != "" {
		c.play(t, op.then).want(0)
	}
	c.healthy(t)
	if s != nil {
		s.lift(t)
	}
	c.spoilt = op.fresh != nil || t.Failed()
	t.Logf("%s: %d changes", strings.Join(append([]string{op.book}, args...), " "), len(r.all()))
	return r.all()
}
