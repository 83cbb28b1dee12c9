package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// EtcdVersion leads an etcd cluster from one version to another, beside launch.
type EtcdVersion struct {
	State   string        `arg:"state,required" choices:"upgrade,downgrade,announce,clean,reached" doc:"upgrade, downgrade: whether the members may go there. announce: tell the cluster that it goes back. clean: wait until no log holds entries in the form of 3.5. reached: wait until all members run it and the cluster works as it does"`
	Version string        `arg:"version,required" doc:"The version to go to, like 3.6.16"`
	Etcd    *EtcdMember   `arg:"etcd,required" doc:"How to ask this host's member"`
	Launch  *Launch       `arg:"launch,required" doc:"How the member will be run: the arguments of launch, with the new program"`
	Timeout time.Duration `arg:"timeout" default:"60s" doc:"How long the cluster may take"`
}

// Doc implements Module.
func (*EtcdVersion) Doc() Doc {
	return Doc{
		Summary: "Lead an etcd cluster to another version",
		Text: `upgrade and downgrade look at everything before any member is touched. All members
must serve, with no learner and no alarm. Forward, no minor version may be skipped, and
it must be reached from a patch that is safe: 3.6 from 3.5.32, 3.7 from 3.6.11. The
new program, which must be on the hosts already, must take the member's flags and
variables; settings that 3.7 would silently ignore are refused, with what replaces
them; and for 3.6 nothing of the old v2 API may be stored.

downgrade goes back one minor version at most; announce asks the cluster whether it
can, tells it to, and waits until every member writes its data in the older form. Only
then launch lets the members go back.

3.7 can't read log entries in the form of 3.5, which a cluster that came from there a
short while ago still has: then former is true, and the members must be restarted
with a small snapshot-count, until clean finds none.`,
		Examples: `- etcd_version:
    state: upgrade
    version: 3.7.3
    etcd: "{{ member_api }}"
    launch: "{{ member_daemon }}"
`,
		Returns: []Return{
			{"oldest", "the oldest version that a member runs"},
			{"former", "whether a member's log holds, or may hold, entries that 3.7 can't read"},
		},
		Check: "Nothing is told to the cluster. Whether the program takes the flags is seen only where it is installed already.",
	}
}

// Order implements Orderer: one run speaks to all hosts.
func (*EtcdVersion) Order() Order { return Once }

// Validate implements Validator.
func (v *EtcdVersion) Validate() error {
	var errs []error
	if _, err := etcd.ParseVersion(v.Version); err != nil {
		errs = append(errs, &ArgError{Arg: "version", Msg: "version: " + err.Error()})
	}
	if v.Etcd != nil {
		errs = append(errs, v.Etcd.validate("etcd"))
	}
	if v.Launch != nil {
		if err := v.Launch.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("launch: %w", err))
		}
	}
	return errors.Join(errs...)
}

// A versioned host is one with its own arguments and what was seen on it.
type versionedHost struct {
	args *EtcdVersion
	fit  *fitness // nil: its version stays
	// left: an earlier run was stopped between this member's end and its start; the
	// next launch starts it.
	left bool
}

// Gather implements Gatherer: it looks whether the version fits the host.
func (v *EtcdVersion) Gather(ctx context.Context, t *Target) (any, error) {
	h := &versionedHost{args: v}
	if v.State == "reached" {
		return h, nil
	}
	d, err := v.Launch.look(ctx, t)
	if err != nil {
		return nil, err
	}
	h.left = !d.running() && v.leftDown(d)
	if v.State == "announce" { // what fits was seen before
		return h, nil
	}
	h.fit, err = v.Launch.seeFit(ctx, t, d)
	return h, err
}

// snapshotSoon is the flag of members that are to write a snapshot at once; see
// upgrade.yml.
const snapshotSoon = "--snapshot-count=10"

// leftDown reports whether the member was to be started by this very operation.
func (v *EtcdVersion) leftDown(d *daemon) bool {
	text, _ := d.recorded()
	return d.lastVersion(v.Launch.Command) == v.Version || strings.Contains(text, snapshotSoon)
}

// Run implements Module.
func (v *EtcdVersion) Run(ctx context.Context, t *Target) (Result, error) {
	cluster, err := openEtcd(ctx, t, seatsOf(t, func(h *versionedHost) *EtcdMember { return h.args.Etcd }))
	if err != nil {
		return Result{}, err
	}
	defer cluster.Close()
	switch v.State {
	case "upgrade":
		return v.upgrade(ctx, t, cluster)
	case "downgrade":
		return v.downgrade(ctx, t, cluster)
	case "announce":
		return v.announce(ctx, t, cluster)
	case "clean":
		return v.clean(ctx, t, cluster)
	}
	if t.Check {
		return Result{Msg: "decided at run time"}, nil
	}
	err = v.await(ctx, t, func() error { return etcd.Reached(cluster.Look(ctx), v.Version) })
	return Result{Msg: "all members run " + v.Version}, err
}

// upgrade refuses what is not supported, before anything is touched.
func (v *EtcdVersion) upgrade(ctx context.Context, t *Target, cluster *etcd.Cluster) (Result, error) {
	s, err := v.whole(ctx, t, cluster)
	if err != nil {
		return Result{}, err
	}
	var from []string
	for _, e := range s.Endpoints {
		if e.Version != "" { // else it is only supposed to answer
			from = append(from, e.Version)
		}
	}
	if err := etcd.CheckUpgrade(from, v.Version); err != nil {
		return Result{}, refused(err)
	}
	if err := etcd.CheckChange(s, from, v.Version, false); err != nil {
		return Result{}, refused(err)
	}
	return v.fits(t, s)
}

// downgrade refuses what is not supported, before anything is touched.
func (v *EtcdVersion) downgrade(ctx context.Context, t *Target, cluster *etcd.Cluster) (Result, error) {
	s, err := v.whole(ctx, t, cluster)
	if err != nil {
		return Result{}, err
	}
	if _, err := etcd.GoBack(s, v.Version); err != nil {
		return Result{}, refused(err)
	}
	return v.fits(t, s)
}

// announce tells the cluster that it goes back, and waits until it is ready.
func (v *EtcdVersion) announce(ctx context.Context, t *Target, cluster *etcd.Cluster) (Result, error) {
	s, err := v.whole(ctx, t, cluster)
	if err != nil {
		return Result{}, err
	}
	tell, err := etcd.GoBack(s, v.Version)
	if err != nil {
		return Result{}, refused(err)
	}
	if tell {
		if err := nextStep(ctx, t, "tell the cluster that it goes back"); err != nil {
			return t.Result(), err
		}
	}
	if tell && t.Would("tell the cluster that it goes back to %s (%s)", etcd.Minor(v.Version), s.Margin()) {
		var final error
		err := v.await(ctx, t, func() error {
			if final = cluster.Downgrade(ctx, s, etcd.Minor(v.Version)); errors.Is(final, etcd.ErrNotYet) {
				return final
			}
			return nil
		})
		if err != nil {
			return Result{}, err
		}
		if err := final; err != nil {
			return Result{}, Failf("%w", err).WithHint("nothing was changed; `etcdctl downgrade validate` asks the cluster again")
		}
	}
	if t.Check {
		return t.Result(), nil
	}
	return t.Result(), v.await(ctx, t, func() error { return etcd.Ready(cluster.Look(ctx), v.Version) })
}

// whole waits until nothing is wrong with the cluster.
func (v *EtcdVersion) whole(ctx context.Context, t *Target, cluster *etcd.Cluster) (s *etcd.State, err error) {
	left := map[string]bool{}
	for _, p := range t.Peers {
		if h, ok := p.Gathered.(*versionedHost); ok && h.left {
			left[h.args.Etcd.named(p)] = true
		}
	}
	deadline := time.Now().Add(calmPatience)
	for {
		s = cluster.Look(ctx).Suppose(func(name string) bool { return left[name] })
		if err = s.Whole(); err == nil || time.Now().After(deadline) {
			return s, refused(err)
		}
		t.Status(err.Error())
		if err := t.pause(ctx, pollMost); err != nil {
			return s, err
		}
	}
}

// fits tells what the hosts told.
func (v *EtcdVersion) fits(t *Target, s *etcd.State) (Result, error) {
	res, former := Result{}, false
	for _, p := range t.Peers {
		h, ok := p.Gathered.(*versionedHost)
		if !ok || h.fit == nil {
			continue
		}
		if f, ok := h.fit.problem.(*Failure); ok {
			f.Msg = p.Name + ": " + f.Msg
			return res, f
		}
		former = former || h.fit.former
	}
	oldest := s.Oldest()
	res.Msg = "from " + oldest + " to " + v.Version
	res.Set("oldest", oldest)
	res.Set("former", former)
	return res, nil
}

// clean waits until every member has a snapshot behind its entries of 3.5. A
// member takes one when it applies a write.
func (v *EtcdVersion) clean(ctx context.Context, t *Target, cluster *etcd.Cluster) (Result, error) {
	if t.Check {
		return Result{}, nil
	}
	const enough = 5 // test writes: more than ten log entries
	writes := 0
	return Result{}, v.await(ctx, t, func() error {
		for ; writes < enough; writes++ {
			if err := cluster.TestWrite(ctx); err != nil {
				return err
			}
		}
		if err := cluster.TestWrite(ctx); err != nil {
			return err
		}
		for _, p := range t.Peers {
			h, ok := p.Gathered.(*versionedHost)
			if !ok || p.Conn == nil || h.fit == nil || !h.fit.former {
				continue
			}
			seen, err := h.args.Gather(ctx, t.elsewhere(p))
			if err != nil {
				return err
			}
			if h = seen.(*versionedHost); h.fit != nil && h.fit.former {
				return fmt.Errorf("the log of %s still holds entries in the form of etcd 3.5", p.Name)
			}
		}
		return nil
	})
}

func (v *EtcdVersion) await(ctx context.Context, t *Target, done func() error) error {
	deadline := time.Now().Add(v.Timeout)
	for pause := pollFirst; ; pause = min(pause*2, pollMost) {
		no := done()
		if no == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return Failf("not within %s: %w", v.Timeout, no).WithHint("run it again: it goes on from here")
		}
		t.Status(no.Error())
		if err := t.pause(ctx, pause); err != nil {
			return err
		}
	}
}
