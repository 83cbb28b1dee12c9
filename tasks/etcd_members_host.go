package tasks

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// A memberHost is a host of the play with its own arguments, and what was seen
// on it last.
type memberHost struct {
	Peer
	args   *EtcdMembers
	daemon *daemon
	data   bool   // a data directory holds something
	unit   string // the systemd unit of another name that has run the member till now
}

// look observes the daemon and its data, in one round trip.
func (h *memberHost) look(ctx context.Context, t *Target) error {
	l := h.args.Launch
	s := script.New().Call("launch_look", l.Name, l.Command, l.User, l.Dir).Call("launch_look_strays", l.Command, l.dataDir())
	for i, dir := range h.args.Data {
		s.Call("preflight_dir", "member."+strconv.Itoa(i), dir)
	}
	_, facts, err := t.Query(ctx, s)
	if err != nil {
		return err
	}
	if h.daemon, err = l.daemon(facts); err != nil {
		return err
	}
	if unit := h.daemon.otherUnit(); unit != "" {
		h.unit = unit
	}
	h.data = false
	for i := range h.args.Data {
		_, names, _ := strings.Cut(facts["dir.member."+strconv.Itoa(i)], "\n")
		for name := range strings.SplitSeq(names, "\n") {
			h.data = h.data || countsAsData(name)
		}
	}
	return nil
}

func (h *memberHost) member() string { return h.args.Etcd.named(h.Peer) }

// site is the host as planners see it.
func (h *memberHost) site() etcd.Site {
	unit, run := h.noted()
	d := h.daemon
	_, started := d.facts["pid_file"]
	return etcd.Site{
		Name: h.member(), PeerURL: h.args.Etcd.PeerURL,
		Running: d.running() || activeUnit(d), Enabled: d.props["UnitFileState"] == "enabled" || started || h.unit != "",
		Data: h.data, Noted: unit || run,
	}
}

// noted reports whether launch has written a unit or a run file.
func (h *memberHost) noted() (unit, run bool) {
	_, run = h.daemon.facts["run"]
	return strings.Contains(h.daemon.facts["unit"], configMark), run
}

// activeUnit reports whether systemd runs the unit, or is about to.
func activeUnit(d *daemon) bool {
	switch d.props["ActiveState"] {
	case "active", "activating", "reloading", "deactivating":
		return true
	}
	return false
}

// on is the target for a step on this host.
func (h *memberHost) on(t *Target) *Target {
	sub := t.elsewhere(h.Peer)
	sub.Status = func(text string) { t.Status(h.Name + ": " + text) }
	return sub
}

// start runs a member that was just added: the first arguments say who is in
// the member list now.
func (h *memberHost) start(ctx context.Context, t *Target, cluster []etcd.Member) (Result, error) {
	l := *h.args.Launch
	l.FirstArgs = value.NewDict("initial-cluster", initialCluster(cluster), "initial-cluster-state", "existing", "initial-cluster-token", nil)
	d, err := l.look(ctx, t)
	if err != nil || d.running() {
		return Result{}, err
	}
	p := l.plan(d, t.Check)
	if p.err != nil {
		return Result{}, p.err
	}
	p.first = true // whatever ran here before
	if p.text, err = l.recordText(d, true); err != nil {
		return Result{}, err
	}
	if err := l.freePorts(ctx, t, d); err != nil {
		return Result{}, err
	}
	res, err := l.carryOut(ctx, t, d, p)
	if err != nil {
		return res, err
	}
	alive := l.aliveGate()
	return res, l.await(ctx, t, d, t.Host, alive, "alive", orElse(alive.Timeout, aliveTimeout))
}

// settle notes that the first start of a member has succeeded: what starts it
// from now on names no other members.
func (h *memberHost) settle(ctx context.Context, t *Target) (Result, error) {
	l := h.args.Launch
	d, err := l.look(ctx, t)
	if err != nil {
		return Result{}, err
	}
	p := l.plan(d, false)
	if p.err != nil || p.act != leave {
		return Result{}, nil // the next run of launch sees to it
	}
	return l.carryOut(ctx, t, d, p)
}

// initialCluster is the member list as --initial-cluster wants it.
func initialCluster(list []etcd.Member) string {
	var parts []string
	for _, m := range list {
		for _, u := range m.PeerURLs {
			parts = append(parts, m.Name+"="+u)
		}
	}
	return strings.Join(parts, ",")
}

// stop ends the member and lets nothing start it again.
func (h *memberHost) stop(ctx context.Context, t *Target) (Result, error) {
	l := h.args.Launch
	d, err := l.look(ctx, t)
	if err != nil {
		return Result{}, err
	}
	unit := h.unit
	h.unit = ""
	if unit != "" && !d.running() { // removed members end, and it is about to start this one again
		return t.Script(ctx, script.New().Call("launch_retire", unit))
	}
	if _, started := d.facts["pid_file"]; started && !d.running() { // it ended by itself, as removed members do
		return t.Script(ctx, script.New().Call("launch_stop", "stop "+l.Name, "", "", l.stopSeconds(), "", d.base))
	}
	return l.halt(ctx, t, d) // whether the others can do without it is asked before
}

// setAside moves the data directories aside, and then forgets how the member was
// started: until the data is moved that is what it belongs to.
func (h *memberHost) setAside(ctx context.Context, t *Target) (Result, error) {
	s := script.New()
	for _, dir := range h.args.Data {
		s.Call("etcd_data_aside", dir)
	}
	unit, run := h.noted()
	if unit {
		s.Call("launch_drop", h.args.Launch.Name)
	}
	if run {
		s.Call("launch_forget", h.daemon.base)
	}
	return t.Script(ctx, s)
}

// fixed is why the host may not be changed, or nil.
func (h *memberHost) fixed() error {
	if !h.Outside {
		return nil
	}
	return Failf("%s must be changed, but --limit leaves it out", h.Name)
}

func stepText(step etcd.Step) string { return fmt.Sprintf("%s (%s)", step, step.Margins()) }

// told adds what the host told of its part: where its data are kept, warnings,
// diffs. The changes are told by the steps.
func (h *memberHost) told(sum *Result, r Result) {
	if aside, ok := r.Data.Get("aside"); ok {
		r.Warnings = append(r.Warnings, fmt.Sprintf("its data is kept in %s; remove it when it is not needed any more", aside))
	}
	for _, w := range r.Warnings {
		sum.Warnings = append(sum.Warnings, h.Name+": "+w)
	}
	sum.Diffs = append(sum.Diffs, r.Diffs...)
}

// withTold adds what was told by hosts to a result.
func withTold(res, told Result) Result {
	res.Warnings = append(told.Warnings, res.Warnings...)
	res.Diffs = append(res.Diffs, told.Diffs...)
	return res
}
