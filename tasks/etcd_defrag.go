package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// EtcdDefrag gives the space back that an etcd cluster does not use any more.
type EtcdDefrag struct {
	Etcd    EtcdMember    `arg:"etcd,required" doc:"How to ask this host's member"`
	History int           `arg:"history" default:"1000" doc:"How many of the newest revisions survive, for clients that watch or page; all others are compacted. -1: compact nothing"`
	Waste   int           `arg:"waste" default:"10" doc:"Percent of the database file that must be unused, and 1 MiB at least, for a member to be defragmented"`
	Quota   string        `arg:"quota" doc:"The members' quota, where they don't tell it (before etcd 3.6): 2G by default"`
	Timeout time.Duration `arg:"timeout" default:"2m" doc:"How long a member may take to catch up after its turn"`
}

// Doc implements Module.
func (*EtcdDefrag) Doc() Doc {
	return Doc{
		Summary: "Give the space back that an etcd cluster does not use any more",
		Text: `Compacts old revisions, then defragments the members that waste space, one at a
time and only while all are healthy: followers first; then the lead moves to one
of them, and the old leader comes last. A member serves nobody while its turn
lasts. After each turn the member must have caught up before the next begins.

When the alarm NOSPACE is raised, it is taken back at the end, if there is room
now. If there is none the task fails: raise the quota, delete keys, or keep less
history.`,
		Examples: `- etcd_defrag:
    etcd: {endpoint: "http://{{ ansible_host }}:2379"}
    history: 0
`,
		Returns: []Return{{"freed", "bytes, on all members together"}, {"alarms", "those that are left"}},
		Check:   "How much a compaction would set free, and so which members would be defragmented after it.",
	}
}

// Order implements Orderer.
func (*EtcdDefrag) Order() Order { return Once }

// Gather implements Gatherer.
func (d *EtcdDefrag) Gather(context.Context, *Target) (any, error) { return d, nil }

// Validate implements Validator.
func (d *EtcdDefrag) Validate() error {
	errs := []error{d.Etcd.validate("etcd")}
	if d.History < -1 {
		errs = append(errs, &ArgError{Arg: "history", Msg: "history must be -1 or more"})
	}
	if d.Waste < 0 || d.Waste > 100 {
		errs = append(errs, &ArgError{Arg: "waste", Msg: "waste is a percentage"})
	}
	if _, err := quotaBytes(d.Quota); err != nil {
		errs = append(errs, &ArgError{Arg: "quota", Msg: "quota: " + err.Error()})
	}
	return errors.Join(errs...)
}

func quotaBytes(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	return parseSize(s)
}

// leastWaste is what a defragmentation must be worth, in bytes.
const leastWaste = 1 << 20

func (d *EtcdDefrag) wasteful(e etcd.EndpointState) bool {
	return e.Waste() >= leastWaste && e.Waste()*100 >= e.DBSize*int64(d.Waste)
}

// Run implements Module.
func (d *EtcdDefrag) Run(ctx context.Context, t *Target) (Result, error) {
	job, err := newUpkeep(ctx, t, seatsOf(t, func(args *EtcdDefrag) *EtcdMember { return &args.Etcd }), d.Timeout)
	if err != nil {
		return Result{}, err
	}
	defer job.cluster.Close()
	err = d.run(ctx, job)
	res := t.Result()
	if err == nil {
		res.Set("freed", int(job.freed))
		res.Set("alarms", alarmValues(job.state))
		res.Msg = fmt.Sprintf("%s given back", sizeText(job.freed))
	}
	return res, err
}

func (d *EtcdDefrag) run(ctx context.Context, job *upkeep) error {
	if err := job.healthy(ctx); err != nil {
		return err
	}
	before := job.size()
	if err := d.compact(ctx, job); err != nil {
		return err
	}
	if err := d.defragment(ctx, job); err != nil {
		return err
	}
	job.freed = max(0, before-job.size())
	quota, _ := quotaBytes(d.Quota) // validated
	return job.disarm(ctx, "NOSPACE", quota)
}

// compact drops the revisions that nobody needs. The leader knows how far they
// were compacted before.
func (d *EtcdDefrag) compact(ctx context.Context, job *upkeep) error {
	leader := job.state.Leader()
	// The newest one stays in any case: at the very revision of a compaction the
	// servers tell of the compaction before that.
	upTo := leader.Revision - int64(max(1, d.History))
	if d.History < 0 || upTo <= max(leader.CompactRevision, 1) {
		return nil
	}
	if err := nextStep(ctx, job.t, "compact"); err != nil {
		return err
	}
	if !job.t.Would("compact the revisions before %d", upTo) {
		return nil
	}
	job.t.Status("compacting")
	if err := job.cluster.Compact(ctx, job.state, upTo); err != nil {
		return Failf("%w", err)
	}
	// What it set free on the others shows a little later. When they use different
	// amounts for another reason, the pause was all that it cost.
	for begun := time.Now(); time.Since(begun) < inUsePatience; {
		if err := job.healthy(ctx); err != nil || job.state.SameInUse() {
			return err
		}
		if err := job.t.pause(ctx, longPause/2); err != nil {
			return err
		}
	}
	return nil
}

// inUsePatience is how long members may need after a compaction until all have
// set the same space free.
const inUsePatience = 10 * time.Second

func (d *EtcdDefrag) defragment(ctx context.Context, job *upkeep) error {
	done := map[etcd.ID]bool{} // once each: what is left is the server's business
	for {
		step := etcd.NextDefrag(job.state, func(e etcd.EndpointState) bool { return !done[e.Member] && d.wasteful(e) })
		if step.Member == nil {
			return nil
		}
		if step.Lead != nil {
			if err := job.moveLeader(ctx, step.Lead); err != nil {
				return err
			}
		}
		member := *step.Member
		done[member.Member] = true
		if err := nextStep(ctx, job.t, "defragment "+member.Name); err != nil {
			return err
		}
		if !job.t.Would("defragment %s", member.Name) {
			continue
		}
		job.t.Status(fmt.Sprintf("defragmenting %s: %s of %s are not in use", member.Name, sizeText(member.Waste()), sizeText(member.DBSize)))
		if err := job.cluster.Defragment(ctx, job.state, member.Member); err != nil {
			return Failf("%w", err).WithHint("the others were not touched any more; look at its log, then run this again")
		}
		if err := job.caughtUp(ctx, member); err != nil {
			return err
		}
	}
}
