package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// EtcdMembers changes which hosts are members of a running etcd cluster.
type EtcdMembers struct {
	Operation string        `arg:"operation,required" choices:"scale-out,scale-in,replace,destroy" doc:"scale-out: all hosts of the play become members; scale-in: the members named leave; replace: those named that are dead, or lost their data, are removed and added anew; destroy: all hosts of the play end theirs"`
	Members   []string      `arg:"members" split:"," doc:"scale-in and replace: the hosts, or the names of their members, done one after another"`
	Launch    *Launch       `arg:"launch,required" doc:"How the member is run: the arguments of launch"`
	Etcd      *EtcdMember   `arg:"etcd,required" doc:"How to ask this host's member"`
	Data      []string      `arg:"data,required" doc:"The data directories. When a member has left they are moved aside, to DIR.removed-TIME, and never deleted"`
	Backup    *EtcdBackup   `arg:"backup" doc:"Save a snapshot first, when anything is to be done: the arguments of etcd_backup"`
	Version   string        `arg:"version" doc:"The version that new members will run: refused if the running ones run another"`
	Force     bool          `arg:"force" doc:"replace: also a member that serves, because its data is not to be trusted"`
	Confirm   string        `arg:"confirm" doc:"destroy: must be the same as token"`
	Token     string        `arg:"token" doc:"destroy: what names the cluster"`
	Timeout   time.Duration `arg:"timeout" default:"5m" doc:"How long to wait where nothing comes any further: for a member that is to answer, or for the cluster to be ready for the next step"`
}

// Doc implements Module.
func (*EtcdMembers) Doc() Doc {
	return Doc{
		Summary: "Add, remove and replace members of a running etcd cluster",
		Text: `Runs once for all hosts: looks at the cluster and at the hosts, takes the one next
step that is safe, and looks again, until all is as wanted. Nothing is remembered,
so that a run which was stopped anywhere goes on when it is started again; a member
that was added and never started is known by its peer URL. Before the first step
the whole way is worked out, and refused if any step of it would lose the quorum.

scale-out adds one host after another: all members must be healthy; the new one is
added as a learner, started, and promoted when it lacks no more than a hundred raft
entries. Members that run are not restarted.

scale-in moves the lead away, removes the member, stops it for good and moves its
data directory aside. A host that can't be reached is only taken off the member
list, with a warning. The last member is never removed.

replace does the same and then adds the host anew, under the same name. A member
that serves is left as it is unless force is true: each run with it replaces it. What
a run that was ended left undone is finished without.

destroy stops the members of all hosts for good and moves their data directories
aside. Unless confirm is the token it says so, and touches nothing.

Stopped for good means: what launch wrote to start it (its unit, its run file) is
removed too, so that the host is as one where etcd never ran.`,
		Examples: `- etcd_members:
    operation: scale-out
    launch: "{{ member_daemon }}"
    etcd: "{{ member_api }}"
    data: "{{ etcd.data_dir }}"
    version: "{{ etcd.version }}"

- etcd_members:
    operation: scale-in
    members: [peer4, peer5]
    launch: "{{ member_daemon }}"
    etcd: "{{ member_api }}"
    data: "{{ etcd.data_dir }}"
`,
		Returns: []Return{{"members", "the names of the members in the end, as a list"}},
		Check:   "How long members take to catch up. That earlier tasks prepare the hosts is assumed.",
	}
}

// Order implements Orderer: one run speaks to all hosts.
func (*EtcdMembers) Order() Order { return Once }

// Validate implements Validator.
func (m *EtcdMembers) Validate() error {
	var errs []error
	named := m.Operation == "scale-in" || m.Operation == "replace"
	switch {
	case named && len(m.Members) == 0:
		errs = append(errs, &ArgError{Arg: "members", Msg: "members: none is named", Hint: "with scale-in.yml say -e etcd_remove=peer3, with replace.yml -e etcd_member=peer3"})
	case !named && len(m.Members) > 0:
		errs = append(errs, &ArgError{Arg: "members", Msg: "members means nothing with operation: " + m.Operation})
	}
	if m.Force && m.Operation != "replace" {
		errs = append(errs, &ArgError{Arg: "force", Msg: "force means nothing but with operation: replace"})
	}
	if m.Operation == "destroy" && m.Token == "" {
		errs = append(errs, &ArgError{Arg: "token", Msg: "token: destroy must know what the cluster is called"})
	}
	errs = append(errs, absolute("data", m.Data...))
	if m.Timeout <= 0 {
		errs = append(errs, &ArgError{Arg: "timeout", Msg: "timeout must be more than zero"})
	}
	if m.Backup != nil {
		if err := m.Backup.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("backup: %w", err))
		}
	}
	if m.Launch != nil {
		if err := m.Launch.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("launch: %w", err))
		}
	}
	if m.Etcd != nil {
		errs = append(errs, m.Etcd.validate("etcd"))
	}
	return errors.Join(errs...)
}

// Gather implements Gatherer: every host is looked at before any is changed.
func (m *EtcdMembers) Gather(ctx context.Context, t *Target) (any, error) {
	h := &memberHost{args: m}
	return h, h.look(ctx, t)
}

// Run implements Module.
func (m *EtcdMembers) Run(ctx context.Context, t *Target) (Result, error) {
	if m.Operation == "destroy" {
		return m.destroy(ctx, t)
	}
	op, err := newMemberOperation(ctx, t, m)
	if err != nil {
		return Result{}, err
	}
	defer op.cluster.Close()
	err = op.run(ctx)
	return op.result(ctx), err
}
