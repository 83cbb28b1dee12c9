package tasks

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// LaunchEtcd are the arguments of launch for an etcd member.
type LaunchEtcd struct {
	EtcdMember
	Older bool `arg:"older" doc:"An older patch of the same minor version is all right; an older minor version always needs a cluster that was told of it (downgrade.yml)"`
}

// glancePatience bounds what is asked only to know better.
const glancePatience = 3 * time.Second

// seeMember adds to what the host told of the daemon what matters of an etcd
// member: whether it leads, where that decides who comes last, and whether another
// version fits. So only a member that is to be restarted is asked, and an
// unchanged one costs nothing.
func (l *Launch) seeMember(ctx context.Context, t *Target, d *daemon) (err error) {
	d.etcd = l.Etcd
	if words, err := l.words(false); err == nil {
		d.timing = timing(words)
	}
	if l.State == "started" {
		p := l.plan(d, true)
		if d.act = p.act; p.err != nil || p.act == leave {
			return nil // its turn will tell what is wrong
		}
		if d.fit, err = l.seeFit(ctx, t, d); err != nil {
			return err
		}
	}
	if !d.running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, glancePatience)
	defer cancel()
	c, err := openEtcd(ctx, t, []seat{{Peer{Name: t.Host.Name, Conn: t.Conn}, d.asked(&l.Etcd.EtcdMember)}})
	if err != nil {
		return nil // its turn will tell why
	}
	defer c.Close()
	d.leads = c.Leads(ctx)
	return nil
}

// rank is the order of the hosts of an etcd cluster: those that are down and
// have data, so that there is a quorum; those that have none; followers; the
// leader. Other daemons are down or up.
func (d *daemon) rank() int {
	switch {
	case !d.running() && (d.etcd == nil || d.hasData()):
		return 0
	case !d.running():
		return 1
	case !d.leads:
		return 2
	}
	return 3
}

// dataDir is the member's data directory, or "" when its flags don't give it as
// an absolute path.
func (l *Launch) dataDir() string {
	words, err := l.words(false)
	if l.Etcd == nil || err != nil {
		return ""
	}
	if dir := flagIn(words, "data-dir"); path.IsAbs(dir) {
		return path.Clean(dir)
	}
	return ""
}

// joining reports whether a first start is one into a cluster that is there.
func (l *Launch) joining() bool {
	words, err := l.words(true)
	return l.FirstArgs != nil && err == nil && flagIn(words, "initial-cluster-state") == "existing"
}

// flagIn is the value of a flag on a command line, or "".
func flagIn(words []string, name string) (last string) {
	for _, w := range joinFlags(words) {
		if v, ok := strings.CutPrefix(w, "--"+name+"="); ok {
			last = v
		}
	}
	return last
}

// hasData reports whether the member has data, as far as is known.
func (d *daemon) hasData() bool {
	told, looked := d.facts["dir.data"]
	kind, names, _ := strings.Cut(told, "\n")
	switch {
	case !looked:
		return d.launched()
	case kind == "directory":
		for name := range strings.SplitSeq(names, "\n") {
			if countsAsData(name) {
				return true
			}
		}
		return false
	}
	return kind != "missing"
}

// A turn is that of a host whose daemon is to be started or restarted.
type turn struct {
	*Launch
	t       *Target
	d       *daemon
	plan    *launchPlan
	name    string // the member's
	moved   bool   // the lead was taken from it
	warning string
}

func (l *Launch) turn(t *Target, d *daemon, p *launchPlan) *turn {
	u := &turn{Launch: l, t: t, d: d, plan: p}
	if l.Etcd != nil {
		u.name = l.Etcd.named(t.Host)
	}
	return u
}

// prepare refuses what the cluster forbids, and takes the lead from a member
// that is to be restarted.
func (u *turn) prepare(ctx context.Context) (err error) {
	switch {
	case u.plan.act == leave:
	case u.plan.act == restart && u.Etcd == nil:
		u.warning, err = u.Launch.mayRestart(ctx, u.t, u.plan.why)
	case u.Etcd == nil:
	default:
		return u.prepareMember(ctx)
	}
	return err
}

func (u *turn) prepareMember(ctx context.Context) error {
	if err := u.keep(); err != nil {
		return err
	}
	if err := u.unfitPeers(); err != nil {
		return err
	}
	if u.plan.act == start {
		return u.mayStart(ctx)
	}
	if words, err := u.words(false); err == nil && u.plan.why == otherCommandLine {
		if what := differing(u.d.process.args, words); what != "" {
			u.plan.why += ": " + what
		}
	}
	return u.spare(ctx)
}

// open makes a client of the members on the hosts asked for; nil if there are
// none.
func (u *turn) open(ctx context.Context, which func(name string, d *daemon) bool) (*etcd.Cluster, error) {
	var seats []seat
	passed := u.passed()
	for _, p := range u.t.Peers {
		d, ok := p.Gathered.(*daemon)
		if !ok || p.Conn == nil || d.etcd == nil || !which(d.etcd.named(p), d) {
			continue
		}
		member := d.asked(&d.etcd.EtcdMember)
		switch {
		case p.Name == u.t.Host.Name:
			member = u.d.asked(&d.etcd.EtcdMember) // it may have been restarted meanwhile
		case passed[d.etcd.named(p)] && !u.t.Check:
			member = &d.etcd.EtcdMember
		}
		seats = append(seats, seat{p, member})
	}
	if len(seats) == 0 {
		return nil, nil
	}
	return openEtcd(ctx, u.t, seats)
}

// passed are the names of the members whose hosts have had their turn.
func (u *turn) passed() map[string]bool {
	names := map[string]bool{}
	for _, name := range u.inTurn() {
		names[name] = true
	}
	return names
}

// inTurn are the same, in the order of their turns.
func (u *turn) inTurn() (names []string) {
	for _, i := range u.Sequence(u.t.Peers) {
		p := u.t.Peers[i]
		if p.Name == u.t.Host.Name {
			break
		}
		if d, ok := p.Gathered.(*daemon); ok && d.etcd != nil && !p.Outside {
			names = append(names, d.etcd.named(p))
		}
	}
	return names
}

// look observes the cluster; in check mode, as it would be by now.
func (u *turn) look(ctx context.Context, cluster *etcd.Cluster) *etcd.State {
	s := cluster.Look(ctx)
	if u.t.Check {
		passed := u.passed()
		s = s.Suppose(func(name string) bool { return passed[name] })
	}
	return s
}

// refused makes of a planner's refusal a failure with its hint.
func refused(err error) error {
	var r *etcd.Refusal
	if !errors.As(err, &r) {
		return err
	}
	return Failf("%s", r.Text).WithHint("%s", r.Hint)
}
