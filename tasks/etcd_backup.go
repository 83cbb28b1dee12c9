package tasks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// EtcdBackup saves a snapshot of an etcd cluster on the controller.
type EtcdBackup struct {
	Etcd    EtcdMember `arg:"etcd,required" doc:"How to ask this host's member"`
	Cluster string     `arg:"cluster,required" doc:"What the cluster is called, in the file's name and for restore: its token"`
	Dest    string     `arg:"dest" doc:"The file; by default DIR/CLUSTER-TIME-REVISION.db, the time in UTC"`
	Dir     string     `arg:"dir" doc:"A folder on the controller, made if it is missing"`
	Keep    int        `arg:"keep" doc:"How many backups of this cluster to keep in the folder, the newest; older ones are removed. 0: all"`
	S3      *S3Store   `arg:"s3" doc:"Where to put a copy: a store that speaks S3"`
	Force   bool       `arg:"force" doc:"Save also where there is no quorum, or where the members' data differ"`
}

// Doc implements Module.
func (*EtcdBackup) Doc() Doc {
	return Doc{
		Summary: "Save a snapshot of an etcd cluster on the controller",
		Text: `Asks a healthy member for a snapshot, through the SSH connection: the follower that
lags least, the leader only if there is no other. The file (0600) appears under
its name only when it is whole: the SHA-256 that etcd puts at its end is right,
and every page of the database makes sense. Beside it lies FILE.json: cluster and
members, revision, version, the data's hash and the time.

Refused where there is no quorum or the members' data differ, unless force is
true; a file that exists is never replaced. With keep the oldest backups of the
same cluster go, but none that this task did not make itself.

It runs once for all hosts.`,
		Examples: `- etcd_backup:
    etcd: {endpoint: "http://{{ ansible_host }}:2379"}
    cluster: etcdcluster01
    dir: "{{ inventory_dir }}/backups"
    keep: 14
`,
		Returns: []Return{
			{"file", "the snapshot"},
			{"member", "whose database it is"},
			{"revision", "of the key space"},
			{"size", "bytes"},
			{"sha256", "of the database, as it stands at the file's end"},
			{"cluster_id", "in hexadecimal"},
			{"version", "of the member"},
		},
		Check: "The revision, and so the file's name.",
	}
}

// Order implements Orderer.
func (*EtcdBackup) Order() Order { return Once }

// Gather implements Gatherer.
func (b *EtcdBackup) Gather(context.Context, *Target) (any, error) { return b, nil }

// clusterName is what is safe in a file's name.
var clusterName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// Validate implements Validator.
func (b *EtcdBackup) Validate() error {
	errs := []error{b.Etcd.validate("etcd")}
	if !clusterName.MatchString(b.Cluster) {
		errs = append(errs, &ArgError{Arg: "cluster", Msg: fmt.Sprintf("cluster: %q must be made of letters, digits and -_.", b.Cluster)})
	}
	if b.Dest == "" && b.Dir == "" {
		errs = append(errs, &ArgError{Arg: "dest", Msg: "dest or dir must say where the snapshot goes"})
	}
	if b.Keep < 0 {
		errs = append(errs, &ArgError{Arg: "keep", Msg: "keep must not be negative"})
	}
	if b.S3 != nil {
		errs = append(errs, b.S3.validate("s3"))
	}
	return errors.Join(errs...)
}

// Run implements Module.
func (b *EtcdBackup) Run(ctx context.Context, t *Target) (Result, error) {
	if _, err := os.Lstat(b.Dest); b.Dest != "" && err == nil {
		return Result{}, Failf("%s exists already, and a backup is never replaced", b.Dest).WithHint("give another name, or move it away")
	}
	cluster, err := openEtcd(ctx, t, b.seats(t))
	if err != nil {
		return Result{}, err
	}
	defer cluster.Close()
	t.Status("looking at the cluster")
	state := cluster.Observe(ctx)
	from, warnings, err := b.source(state)
	if err != nil {
		return Result{}, err
	}
	dir := b.Dir
	if b.Dest != "" {
		dir = filepath.Dir(b.Dest)
	}
	s := &saving{backup: b, t: t, dir: dir, cluster: cluster, state: state, from: from}
	err = s.run(ctx)
	res := t.Result()
	res.Warnings = append(res.Warnings, warnings...)
	s.tell(&res)
	return res, err
}

func (b *EtcdBackup) seats(t *Target) (all []seat) {
	all = seatsOf(t, func(args *EtcdBackup) *EtcdMember { return &args.Etcd })
	if len(all) == 0 {
		all = []seat{{t.Host, &b.Etcd}}
	}
	return all
}

// source picks the member; warnings are what is wrong with the cluster, but
// does not spoil a backup.
func (b *EtcdBackup) source(s *etcd.State) (from *etcd.EndpointState, warnings []string, err error) {
	if !s.Reached() {
		return nil, nil, notReached(s)
	}
	for _, p := range etcd.Judge(s, etcd.Expect{Learner: true}) {
		warnings = append(warnings, p.String())
	}
	from, err = s.Source()
	if err != nil && b.Force {
		from, err = s.Newest(), nil
	}
	if err != nil {
		return nil, nil, Failf("%w", err).WithHint("recover-quorum.yml brings a cluster back that has lost its majority for good; -e etcd_force=true saves from the member with the highest revision all the same")
	}
	if text := s.Diverged(); text != "" && !b.Force {
		return nil, nil, Failf("%s: which of them is right is not known", text).
			WithHint("-e etcd_force=true saves all the same; then replace the member that differs from the majority")
	}
	return from, warnings, nil
}

// backupName is the default name of a file.
func backupName(cluster string, at time.Time, revision int64) string {
	return fmt.Sprintf("%s-%s-%d.db", cluster, at.UTC().Format("20060102T150405Z"), revision)
}
