package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// EtcdAlarms tells which alarms an etcd cluster has raised, and takes them back.
type EtcdAlarms struct {
	Etcd   EtcdMember `arg:"etcd,required" doc:"How to ask this host's member"`
	Disarm []string   `arg:"disarm" split:"," doc:"Kinds to take back, NOSPACE or CORRUPT, where their reason is gone"`
	Quota  string     `arg:"quota" doc:"The members' quota, where they don't tell it (before etcd 3.6): 2G by default"`
}

// Doc implements Module.
func (*EtcdAlarms) Doc() Doc {
	return Doc{
		Summary: "Tell the alarms of an etcd cluster, and take them back",
		Text: `NOSPACE: a database reached its quota, and nothing is written any more but what
deletes. It is taken back where every member has room again: a tenth of its quota.
etcd_defrag makes room, and takes it back by itself.

CORRUPT: a member's data are not the others'. It is taken back where the member
that raised it is none any more, and all others hold the same data.`,
		Examples: `- etcd_alarms:
    etcd: {endpoint: "http://{{ ansible_host }}:2379"}
  register: alarms

- etcd_alarms:
    etcd: {endpoint: "http://{{ ansible_host }}:2379"}
    disarm: NOSPACE
`,
		Returns: []Return{{"alarms", "a list of alarm, member and id"}},
	}
}

// Order implements Orderer.
func (*EtcdAlarms) Order() Order { return Once }

// Gather implements Gatherer.
func (a *EtcdAlarms) Gather(context.Context, *Target) (any, error) { return a, nil }

// Validate implements Validator.
func (a *EtcdAlarms) Validate() error {
	errs := []error{a.Etcd.validate("etcd")}
	for _, kind := range a.Disarm {
		if kind != "NOSPACE" && kind != "CORRUPT" {
			errs = append(errs, &ArgError{Arg: "disarm", Msg: fmt.Sprintf("disarm: there is no alarm %q, but NOSPACE and CORRUPT", kind)})
		}
	}
	if _, err := quotaBytes(a.Quota); err != nil {
		errs = append(errs, &ArgError{Arg: "quota", Msg: "quota: " + err.Error()})
	}
	return errors.Join(errs...)
}

// Run implements Module.
func (a *EtcdAlarms) Run(ctx context.Context, t *Target) (Result, error) {
	job, err := newUpkeep(ctx, t, seatsOf(t, func(args *EtcdAlarms) *EtcdMember { return &args.Etcd }), time.Minute)
	if err != nil {
		return Result{}, err
	}
	defer job.cluster.Close()
	job.state = job.cluster.Observe(ctx)
	switch {
	case !job.state.Reached():
		return Result{}, notReached(job.state)
	case !job.state.Quorum:
		return Result{}, Failf("the cluster has no quorum, so its alarms can't be read").WithHint("start the members that are down (site.yml)")
	case job.state.AlarmsErr != nil:
		return Result{}, Failf("the alarms could not be read: %w", job.state.AlarmsErr)
	}
	quota, _ := quotaBytes(a.Quota) // validated
	for _, kind := range a.Disarm {
		if err = job.disarm(ctx, kind, quota); err != nil {
			break
		}
	}
	res := t.Result()
	res.Set("alarms", alarmValues(job.state))
	res.Msg, res.Text = a.tell(job)
	return res, err
}

// tell says what is raised, and what to do about it.
func (a *EtcdAlarms) tell(job *upkeep) (msg, text string) {
	if len(job.state.Alarms) == 0 {
		return "no alarm is raised", "no alarm is raised\n"
	}
	var lines []string
	for _, one := range job.state.Alarms {
		line := fmt.Sprintf("%s: %s", one.Kind, job.called(one.Member))
		if e := slices.IndexFunc(job.state.Endpoints, func(e etcd.EndpointState) bool { return e.Err == nil && e.Member == one.Member }); e >= 0 && one.Kind == "NOSPACE" {
			s := job.state.Endpoints[e]
			line += fmt.Sprintf(", database %s, %s of it in use, quota %s", sizeText(s.DBSize), sizeText(s.DBInUse), sizeText(s.DBQuota))
		}
		lines = append(lines, line)
	}
	msg = strings.Join(lines, "; ")
	lines = append(lines, map[string]string{
		"NOSPACE": "defrag.yml makes room and takes the alarm back; nothing else is written until then",
		"CORRUPT": "replace.yml -e etcd_member=NAME gives the member the others' data; then alarms.yml -e etcd_disarm=CORRUPT",
	}[job.state.Alarms[0].Kind])
	return msg, strings.Join(lines, "\n") + "\n"
}
