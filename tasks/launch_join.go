package tasks

import (
	"context"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// mayStart refuses the start of a member that lost its data, or that the cluster
// which is there does not expect.
func (u *turn) mayStart(ctx context.Context) error {
	empty := !u.d.hasData()
	if empty && u.d.launched() && !u.joining() {
		return Failf("%s is empty, but %s has run on this host: its data was lost", u.dataDir(), u.Launch.Name).
			WithHint("replace.yml removes the member from the cluster and adds it anew")
	}
	if empty && u.FirstArgs == nil {
		return Failf("%s has no data on this host, and no new one is to be made", u.Launch.Name).
			WithHint("site.yml founds a cluster, scale-out.yml adds a member, replace.yml takes the place of one that lost its data")
	}
	s := &etcd.State{}
	passed := u.passed()
	_, before, need := u.standing(u.t)
	enough := before >= u.majority(u.t)
	if empty && enough {
		if err := u.awaitOld(ctx); err != nil {
			return err
		}
	}
	// A member that has never had a quorum does not answer, and keeps us waiting.
	cluster, err := u.open(ctx, func(name string, d *daemon) bool {
		serves := before >= need || enough && d.hasData()
		return name != u.name && (d.running() || empty && serves && passed[name])
	})
	if err != nil {
		return err
	}
	if cluster != nil {
		defer cluster.Close()
		within, cancel := context.WithTimeout(ctx, glancePatience)
		defer cancel()
		u.t.Status("asking the cluster whether it expects " + u.name)
		s = u.look(within, cluster)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if empty {
		if err := etcd.MayStart(s, u.name, u.Etcd.PeerURL, u.joining(), u.others()); err != nil {
			return refused(err)
		}
	}
	if err := u.mayRun(s); err != nil {
		return refused(err)
	}
	// While a cluster is founded check mode can't foresee it.
	if s.Quorum && (!empty || u.joining()) {
		step := etcd.Step{Action: etcd.Start, Before: s.Margin(), After: s.Margin()}
		step.After.Healthy++
		u.margins(step)
	}
	return nil
}

// awaitOld waits until the members serve that this run has started with the data
// that they had. Where all were down nobody has waited for them yet, and they know
// who has had data.
func (u *turn) awaitOld(ctx context.Context) error {
	if u.t.Check || !u.Ready.given() {
		return nil
	}
	passed := u.passed()
	for _, p := range u.t.Peers {
		d, ok := p.Gathered.(*daemon)
		if !ok || d.etcd == nil || d.running() || !d.hasData() || !passed[d.etcd.named(p)] {
			continue
		}
		if err := u.await(ctx, u.t, nil, p, d.ready, "ready", orElse(u.Ready.Timeout, readyTimeout)); err != nil {
			return err
		}
	}
	return nil
}

// others are the hosts that may have what this one must not be founded beside.
func (u *turn) others() etcd.Others {
	o := etcd.Others{Unseen: unseen(u.t)}
	passed := u.passed()
	for _, p := range u.t.Peers {
		d, ok := p.Gathered.(*daemon)
		switch {
		case p.Name == u.t.Host.Name:
		case !ok || d.etcd == nil:
			o.Unseen = append(o.Unseen, p.Name)
		case d.hasData() && !d.running() && !passed[d.etcd.named(p)]:
			o.Asleep = append(o.Asleep, p.Name)
		}
	}
	return o
}

// unseen are the hosts of the play that were not looked at.
func unseen(t *Target) (names []string) {
	for _, p := range t.Everyone {
		if !slices.ContainsFunc(t.Peers, func(q Peer) bool { return q.Name == p.Name }) {
			names = append(names, p.Name)
		}
	}
	return names
}

// mayRun refuses a quota that is full already, and a change of version that the
// cluster does not allow. The version that is to run is the one in the program's path.
func (u *turn) mayRun(s *etcd.State) error {
	if err := u.roomy(s); err != nil {
		return err
	}
	to := versionOf(u.Command)
	own := u.ownVersion(s)
	if to == "" || own == to {
		return nil
	}
	var from []string
	if own != "" {
		from = append(from, own)
	}
	for _, e := range s.Endpoints {
		if e.Err == nil && e.Version != "" {
			from = append(from, e.Version)
		}
	}
	if u.t.Check && u.Etcd.Older { // a run would have told the cluster by now
		_, err := etcd.GoBack(s, to)
		return err
	}
	return etcd.CheckChange(s, from, to, u.Etcd.Older)
}

// ownVersion is what the host's member runs, or ran last; "" if that is unknown.
func (u *turn) ownVersion(s *etcd.State) string {
	if u.d.running() {
		for _, e := range s.Endpoints {
			if e.Name == u.name && e.Err == nil {
				return e.Version
			}
		}
	} else if !u.d.hasData() {
		return ""
	}
	return u.d.lastVersion(u.Command)
}

// versionOf is the version in the path of a program, or "".
func versionOf(program string) string {
	m := versionIn.FindStringSubmatch(program)
	if m == nil {
		return ""
	}
	return strings.Join(m[1:], ".")
}
