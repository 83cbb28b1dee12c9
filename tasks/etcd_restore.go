package tasks

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// EtcdRestore gives all members of an etcd cluster the data of one snapshot.
type EtcdRestore struct {
	Etcd    EtcdMember    `arg:"etcd,required" doc:"How to ask this host's member; its name and peer URL are what it is restored with"`
	Cluster string        `arg:"cluster,required" doc:"What the cluster is called: its token. The backup must be of it"`
	Backup  string        `arg:"backup" doc:"The snapshot on the controller"`
	Recover bool          `arg:"recover" doc:"The majority is lost for good: save a snapshot of the survivor that has seen most, and restore that"`
	Dir     string        `arg:"dir" doc:"recover: the folder on the controller for that snapshot"`
	Daemon  Launch        `arg:"daemon,required" doc:"How the members are run: the arguments of launch"`
	DataDir string        `arg:"data_dir,required" doc:"The data directory, as the daemon is told of it"`
	Etcdutl string        `arg:"etcdutl,required" doc:"The program etcdutl on the host"`
	Confirm string        `arg:"confirm" choices:"restore,again" doc:"restore: also where the cluster has a quorum, whose data are then put aside; again: also where it was made of this backup before, or where a restore that was begun is to be given up for this one"`
	Force   bool          `arg:"force" doc:"Allow the backup of another cluster, or to recover although enough members could be started"`
	Timeout time.Duration `arg:"timeout" default:"2m" doc:"How long the restored cluster may take until it is whole"`
}

// Doc implements Module.
func (*EtcdRestore) Doc() Doc {
	return Doc{
		Summary: "Give all members of an etcd cluster the data of one snapshot",
		Text: `Checks the snapshot, stops every member, restores the same file on every host with
a new cluster token, moves the old data aside (DATA_DIR/member.before-TOKEN) and
starts the members together. Revisions grow by 1000000000 and all older ones count
as compacted, so that no client that watched takes new data for what it has seen.

All hosts of the play must take part; those are the members afterwards. Old members
elsewhere must not answer any more. Nothing is deleted.

Refused: a file that is cut off or corrupt; a backup of another cluster, unless
force; a cluster that has a quorum, or runs and does not answer, unless confirm is
given. With recover a quorum is refused always, unless all members are
well and nothing is to be done, and so is a majority of hosts that have their data:
those need only be started.

What was begun is noted on the hosts: run again after it was ended anywhere, it
goes on where it was. A cluster that was made of the same backup is left as it is,
with all that was written since, unless confirm is the word again.

Recovering goes on with the snapshot that was saved first, unless no host has its
data yet and a member has seen more meanwhile: then a new one is saved. When the
quorum has come back by itself, what was begun is given up.`,
		Examples: `- etcd_restore:
    etcd: "{{ member_api }}"
    cluster: "{{ etcd.cluster_token }}"
    backup: "{{ etcd_backup }}"
    daemon: "{{ member_daemon }}"
    data_dir: "{{ etcd.data_dir }}"
    etcdutl: /opt/etcd/current/etcdutl
    confirm: "{{ etcd_confirm | default(none) }}"
`,
		Returns: []Return{
			{"token", "the new cluster token"},
			{"file", "the snapshot that was restored"},
			{"revision", "of the snapshot"},
			{"cluster_id", "of the restored cluster, in hexadecimal"},
		},
		Check: "Whether the restored members will come up.",
	}
}

// Order implements Orderer.
func (*EtcdRestore) Order() Order { return Once }

// Validate implements Validator.
func (r *EtcdRestore) Validate() error {
	errs := []error{r.Etcd.validate("etcd"), absolute("data_dir", r.DataDir), absolute("etcdutl", r.Etcdutl)}
	if r.Etcd.PeerURL == "" {
		errs = append(errs, &ArgError{Arg: "etcd.peer_url", Msg: "etcd.peer_url: missing"})
	}
	switch {
	case r.Recover && r.Backup != "":
		errs = append(errs, &ArgError{Arg: "backup", Msg: "backup and recover exclude each other", Hint: "recover saves its own snapshot; to use another one, restore that"})
	case r.Recover && r.Dir == "":
		errs = append(errs, &ArgError{Arg: "dir", Msg: "dir must say where the survivor's snapshot goes"})
	case !r.Recover && r.Backup == "":
		errs = append(errs, &ArgError{Arg: "backup", Msg: "backup: which one?", Hint: "-e etcd_backup=FILE"})
	}
	if words, err := r.Daemon.words(false); err == nil {
		for _, w := range words {
			if strings.HasPrefix(w, "--wal-dir") {
				errs = append(errs, &ArgError{Arg: "daemon", Msg: "a WAL directory of its own (--wal-dir) can't be restored yet", Hint: "leave it out, or restore by hand with etcdutl snapshot restore --wal-dir"})
			}
		}
	}
	if r.Timeout <= 0 {
		errs = append(errs, &ArgError{Arg: "timeout", Msg: "timeout must be more than zero"})
	}
	return errors.Join(append(errs, r.Daemon.Validate())...)
}

// A restoring is a host with how far a restore is on it.
type restoring struct {
	Peer
	args   *EtcdRestore
	facts  map[string]string
	daemon *daemon
}

// Gather implements Gatherer.
func (r *EtcdRestore) Gather(ctx context.Context, t *Target) (any, error) {
	_, facts, err := t.Query(ctx, script.New().Call("restore_look", r.DataDir, r.Etcdutl))
	if err != nil {
		return nil, err
	}
	d, err := r.Daemon.look(ctx, t)
	if err != nil {
		return nil, err
	}
	return &restoring{Peer: t.Host, args: r, facts: facts, daemon: d}, nil
}

func (h *restoring) name() string { return h.args.Etcd.named(h.Peer) }

func (h *restoring) is(fact string) bool { return h.facts[fact] == "yes" }

// work is where a restore keeps what it needs.
func (h *restoring) work(name string) string {
	return path.Join(h.args.DataDir, restoreFolder, name)
}

const (
	// restoreFolder is in the data directory while a restore is under way.
	restoreFolder = ".etcdplay-restore"
	// restoredNote is there afterwards.
	restoredNote = ".etcdplay-restored"
)

// A restoreMark is what the hosts note of a restore that is under way.
type restoreMark struct {
	token, sum string // the new cluster token; the SHA-256 of the snapshot
	members    string // a digest of the names and peer URLs of all members
	file       string // the snapshot on the controller
}

func (m restoreMark) text() string {
	return strings.Join([]string{m.token, m.sum, m.members, m.file}, "\n")
}

func parseMark(text string) (m restoreMark, ok bool) {
	f := strings.SplitN(text, "\n", 4)
	if len(f) != 4 {
		return m, false
	}
	return restoreMark{f[0], f[1], f[2], strings.TrimRight(f[3], "\n")}, true
}

// A restoreNote is what the hosts keep of the last restore.
type restoreNote struct {
	restoreMark
	cluster string // the ID of the cluster that it made
}

func (n restoreNote) text() string { return n.cluster + "\n" + n.restoreMark.text() }

func parseNote(text string) (n restoreNote, ok bool) {
	cluster, mark, _ := strings.Cut(text, "\n")
	n.cluster = cluster
	n.restoreMark, ok = parseMark(mark)
	return n, ok
}

// newToken names a restored cluster: unlike every token before it, so that no
// member of an older cluster can ever join.
func newToken(cluster string, f *etcd.SnapshotFile, at time.Time) string {
	return fmt.Sprintf("%s-%s-%.8s", cluster, at.UTC().Format("20060102T150405Z"), f.SHA256)
}
