package tasks

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// A restore is one restore of a whole cluster.
type restore struct {
	task  *EtcdRestore
	t     *Target
	hosts []*restoring
	state *etcd.State // as it was found

	mark     restoreMark
	goesOn   bool // an earlier run has begun it
	file     *etcd.SnapshotFile
	manifest *etcd.Manifest
}

// Run implements Module.
func (r *EtcdRestore) Run(ctx context.Context, t *Target) (Result, error) {
	job := &restore{task: r, t: t}
	if err := job.meet(); err != nil {
		return Result{}, err
	}
	cluster, err := openEtcd(ctx, t, job.seats())
	if err != nil {
		return Result{}, err
	}
	defer cluster.Close()
	t.Status("looking at the cluster")
	job.state = cluster.Observe(ctx)
	if err := job.tidy(ctx); err != nil {
		return t.Result(), err
	}
	if r.Recover {
		if msg, no, err := job.needless(ctx); no || err != nil {
			res := t.Result()
			res.Msg = msg
			return res, err
		}
	}
	if err := job.choose(ctx, cluster); err != nil {
		return t.Result(), err
	}
	if res, over, err := job.met(ctx); over || err != nil {
		return res, err
	}
	if err = job.judge(ctx); err == nil {
		err = job.carryOut(ctx, cluster)
	}
	res := t.Result()
	if err == nil {
		job.tell(&res)
	}
	return res, err
}

// lacks is what a cluster lacks to be whole. Alarms are the snapshot's own.
func (j *restore) lacks(s *etcd.State) []etcd.Problem {
	var names []string
	for _, h := range j.hosts {
		names = append(names, h.name())
	}
	return slices.DeleteFunc(etcd.Judge(s, etcd.Expect{Members: names}), func(p etcd.Problem) bool { return strings.HasPrefix(p.Text, "alarm ") })
}

// meet gathers the hosts: all of the play.
func (j *restore) meet() error {
	var missing []string
	for _, p := range j.t.Everyone {
		if !slices.ContainsFunc(j.t.Peers, func(q Peer) bool { return q.Name == p.Name && !q.Outside }) {
			missing = append(missing, p.Name)
		}
	}
	if len(missing) > 0 {
		return Failf("all hosts must take part, and %s can't be reached or was left out by --limit", strings.Join(missing, ", ")).
			WithHint("a host that is gone for good is named by -e etcd_dead=%s, or taken out of the group", strings.Join(missing, ","))
	}
	for _, p := range j.t.Peers {
		h, ok := p.Gathered.(*restoring)
		if !ok {
			return Failf("%s was not looked at", p.Name)
		}
		h.Peer = p
		j.hosts = append(j.hosts, h)
	}
	return nil
}

func (j *restore) seats() (all []seat) {
	for _, h := range j.hosts {
		all = append(all, seat{h.Peer, &h.args.Etcd})
	}
	return all
}

func (j *restore) peers(which func(*restoring) bool) (list []Peer) {
	for _, h := range j.hosts {
		if which(h) {
			list = append(list, h.Peer)
		}
	}
	return list
}

// at is the host of a target.
func (j *restore) at(t *Target) *restoring {
	i := slices.IndexFunc(j.hosts, func(h *restoring) bool { return h.Name == t.Host.Name })
	return j.hosts[i]
}

// choose finds the snapshot: the one of a restore that was begun, the one that
// was asked for, or one of the survivor.
func (j *restore) choose(ctx context.Context, cluster *etcd.Cluster) error {
	again := j.task.Confirm == "again"
	begun, some, err := j.begun()
	if err != nil && !again {
		return err
	}
	some = some && !again
	name := j.task.Backup
	if j.task.Recover && some {
		if name, err = j.saved(ctx, begun); err != nil {
			return err
		}
	}
	if name == "" {
		return j.survivor(ctx, cluster)
	}
	if err := j.read(name); err != nil {
		return err
	}
	if some && begun.sum != j.file.SHA256 {
		return Failf("the restore of another snapshot is under way: %s", begun.file).
			WithHint("finish it with -e etcd_backup=%s, or begin anew with -e etcd_confirm=again", begun.file)
	}
	if some {
		j.mark, j.goesOn = begun, true
		if slices.ContainsFunc(j.hosts, j.switched) {
			return nil
		}
		if from := j.state.Newest(); j.task.Recover && from != nil && from.Revision > j.file.Revision {
			j.goesOn = false // it was written to since
			return j.survivor(ctx, cluster)
		}
		if begun.members == j.members() {
			return nil
		}
		j.goesOn = false // what is made for others is of no use
	}
	j.mark = j.newMark(name)
	return nil
}

func (j *restore) newMark(name string) restoreMark {
	return restoreMark{newToken(j.task.Cluster, j.file, time.Now()), j.file.SHA256, j.members(), name}
}

func (j *restore) read(name string) (err error) {
	j.t.Status("checking " + name)
	if j.file, err = etcd.ReadSnapshot(name); err != nil {
		return Failf("%w", err).WithHint("take another backup; nothing was touched")
	}
	if j.manifest, err = etcd.ReadManifest(name); err != nil {
		return Failf("%w", err).WithHint("mend it, or move it away")
	}
	return nil
}

// survivor saves a snapshot of the member that has seen most, while nothing has
// been touched. Without a quorum nothing is written that it could miss.
func (j *restore) survivor(ctx context.Context, cluster *etcd.Cluster) error {
	from := j.state.Newest()
	switch {
	case j.state.Quorum:
		return Failf("the cluster has a quorum: there is nothing to recover").WithHint("replace.yml replaces members that are gone; restore.yml goes back to a backup")
	case from == nil:
		f := Failf("no member answers, so there is no survivor to recover from").
			WithHint("start the one whose data you have (site.yml --limit HOST), or restore a backup with restore.yml; " +
				"where certificates are the reason, etcd_pki must name the folder with this cluster's")
		f.Stderr = silent(j.state)
		return f
	}
	if have := len(j.peers(func(h *restoring) bool { return h.is("data") })); have >= etcd.Majority(j.state.Voters()) && !j.task.Force {
		return Failf("%d hosts have the data of members, and %d of %d are a majority: the quorum is not lost", have, etcd.Majority(j.state.Voters()), j.state.Voters()).
			WithHint("start them (site.yml); if their data are of no use, -e etcd_force=true recovers all the same")
	}
	backup := &EtcdBackup{Cluster: j.task.Cluster, Dir: j.task.Dir}
	s := &saving{backup: backup, t: j.t, dir: backup.Dir, cluster: cluster, state: j.state, from: from}
	if err := s.run(ctx); err != nil {
		return err
	}
	if j.t.Check {
		j.file = &etcd.SnapshotFile{Revision: from.Revision, Size: from.DBSize}
		j.mark = restoreMark{token: "a new token", members: j.members(), file: s.name}
		return nil
	}
	if err := j.read(s.name); err != nil {
		return err
	}
	j.mark = j.newMark(s.name)
	return nil
}

// judge refuses what would lose data that were not given up, before anything is
// touched.
func (j *restore) judge(ctx context.Context) error {
	var urls []string
	for _, h := range j.hosts {
		urls = append(urls, h.args.Etcd.PeerURL)
	}
	foreign := ""
	if !j.t.Check || !j.task.Recover {
		foreign = j.file.Foreign(j.manifest, j.task.Cluster, urls)
	}
	if foreign != "" && !j.task.Force {
		return Failf("%s is not a backup of this cluster: %s", j.mark.file, foreign).WithHint("-e etcd_force=true restores it all the same")
	}
	started := slices.ContainsFunc(j.hosts, j.switched)
	if j.state.Quorum && !j.ours() {
		if j.task.Recover {
			return Failf("the cluster has a quorum: there is nothing to recover").WithHint("restore.yml goes back to a backup")
		}
		if j.task.Confirm == "" {
			return Failf("the cluster is alive, and all that was written since revision %d would be put aside", j.file.Revision).
				WithHint("-e etcd_confirm=restore says that this is meant; back up first (backup.yml)")
		}
	}
	if err := j.hidden(started); err != nil {
		return err
	}
	if err := j.oldVersion(); err != nil {
		return err
	}
	if err := j.ghosts(ctx, urls, foreign != ""); err != nil {
		return err
	}
	return j.room()
}

// hidden refuses to take a cluster for dead that only can't be asked, because our
// certificates are others than its, say.
func (j *restore) hidden(started bool) error {
	var run []string
	for _, p := range j.peers(func(h *restoring) bool { return h.daemon.running() }) {
		run = append(run, p.Name)
	}
	if len(run) == 0 || j.state.Reached() || started || j.goesOn || j.task.Confirm != "" {
		return nil
	}
	f := Failf("etcd runs on %s and does not answer: the cluster may be alive, and all that was written since revision %d would be put aside",
		strings.Join(run, ", "), j.file.Revision).
		WithHint("%s. -e etcd_confirm=restore says that it is to be put aside", unreachedHint)
	f.Stderr = silent(j.state)
	return f
}

// oldVersion refuses servers older than the one that the snapshot is of.
func (j *restore) oldVersion() error {
	if j.manifest == nil || j.task.Force {
		return nil
	}
	n := versionIn.FindStringSubmatch(j.task.Daemon.Command)
	of, err := etcd.ParseVersion(j.manifest.Version)
	if n == nil || err != nil {
		return nil
	}
	runs, err := etcd.ParseVersion(strings.Join(n[1:], "."))
	if err == nil && (runs[0] < of[0] || runs[0] == of[0] && runs[1] < of[1]) {
		return Failf("the snapshot is of etcd %s, and the hosts would run the older %s", of, runs).WithHint("-e etcd_version=%s", of)
	}
	return nil
}

// ghosts finds old members that are on none of the hosts and answer still: they
// would go on beside the restored cluster.
func (j *restore) ghosts(ctx context.Context, urls []string, foreign bool) error {
	old := slices.Clone(j.state.Members)
	if !foreign {
		old = append(old, j.file.Members...)
	}
	for _, m := range old {
		for _, u := range m.PeerURLs {
			parsed, err := url.Parse(u)
			if err != nil || slices.Contains(urls, u) {
				continue
			}
			within, cancel := context.WithTimeout(ctx, 3*time.Second)
			c, err := j.hosts[0].Conn.DialContext(within, "tcp", parsed.Host)
			cancel()
			if err == nil {
				_ = c.Close()
				return Failf("the old member %s at %s still answers, and it is on none of the hosts", m.Name, u).
					WithHint("stop it there, for good, before the others are restored without it")
			}
		}
	}
	return nil
}

// room sees that each host can take the snapshot and what becomes of it.
func (j *restore) room() error {
	for _, h := range j.hosts {
		need := int64(0)
		if !j.switched(h) && !j.restored(h) {
			need = 2*j.file.Size + 128<<20 // and the first write-ahead log
		}
		free, err := strconv.ParseInt(h.facts["free"], 10, 64)
		if err == nil && free<<10 < need {
			return Failf("%s: %s needs %s of disk space, but only %s are free", h.Name, h.args.DataDir, sizeText(need), sizeText(free<<10))
		}
		if !h.is("etcdutl") && !j.t.Check {
			return Failf("%s: there is no program %s", h.Name, h.args.Etcdutl).WithHint("it comes with the release, from etcd 3.5 on")
		}
	}
	return nil
}

func (j *restore) tell(res *Result) {
	j.set(res)
	if j.t.Check {
		return
	}
	res.Msg = fmt.Sprintf("%s restored from %s, revision %d; the old data are in %s/member.before-%s", count(len(j.hosts), "member"), j.mark.file, j.file.Revision, j.task.DataDir, j.mark.token)
	res.Text = res.Msg + "\n"
}

func (j *restore) set(res *Result) {
	res.Set("token", j.mark.token)
	res.Set("file", j.mark.file)
	res.Set("revision", int(j.file.Revision))
	if leader := j.state.Leader(); leader != nil && !j.t.Check {
		res.Set("cluster_id", leader.Cluster.String())
	}
}
