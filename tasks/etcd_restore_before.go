package tasks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// What earlier restores have left on the hosts: one may have been ended anywhere, and
// may have come to its end already.

// begun finds the restore that is under way on the hosts, if one is.
func (j *restore) begun() (found restoreMark, some bool, err error) {
	for _, h := range j.hosts {
		m, ok := parseMark(h.facts["mark"])
		switch {
		case !ok:
		case some && m.token != found.token:
			return m, true, Failf("two restores are under way, %s and %s", found.token, m.token).
				WithHint("-e etcd_confirm=again gives both up and begins anew")
		default:
			found, some = m, true
		}
	}
	return found, some, nil
}

// marked reports whether the host knows of this restore.
func (j *restore) marked(h *restoring) bool {
	m, ok := parseMark(h.facts["mark"])
	return ok && m.token == j.mark.token
}

// finished reports whether this restore has come to its end on the host.
func (j *restore) finished(h *restoring) bool {
	n, ok := parseNote(h.facts["note"])
	return ok && n.token == j.mark.token
}

func (j *restore) switched(h *restoring) bool {
	return j.finished(h) || j.marked(h) && h.is("switched")
}
func (j *restore) restored(h *restoring) bool { return j.marked(h) && h.is("restored") }

// initial is the list that every member is restored with.
func (j *restore) initial() string {
	var all []string
	for _, h := range j.hosts {
		all = append(all, h.name()+"="+h.args.Etcd.PeerURL)
	}
	return strings.Join(all, ",")
}

// members is a digest of that: data made for one list are of no use for another.
func (j *restore) members() string {
	all := strings.Split(j.initial(), ",")
	slices.Sort(all)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(all, ","))))[:16]
}

// ours reports whether all that answers has its data of this restore.
func (j *restore) ours() bool {
	started := false
	for i, h := range j.hosts {
		if j.state.Endpoints[i].Err != nil {
			continue
		}
		if !j.switched(h) {
			return false
		}
		started = true
	}
	return started
}

// tidy clears away the folders of restores that are over, or that were never begun.
func (j *restore) tidy(ctx context.Context) error {
	return j.onHosts(ctx, func(h *restoring) bool { return h.is("left") }, "restore_clear", "clear away what a restore has left")
}

// onHosts calls a verb with a title and the data directory on some hosts.
func (j *restore) onHosts(ctx context.Context, which func(*restoring) bool, verb, title string, more ...string) error {
	return j.t.everywhere(ctx, j.peers(which), func(ctx context.Context, t *Target) error {
		_, err := t.Script(ctx, script.New().Call(verb, append([]string{title, j.at(t).args.DataDir}, more...)...))
		return err
	})
}

// needless reports why there is nothing to recover: the cluster is whole, or its
// quorum has come back by itself since a recovery was begun, which is then given up.
func (j *restore) needless(ctx context.Context) (why string, no bool, err error) {
	begun, some, err := j.begun()
	switch {
	case !some && err == nil:
		return "the cluster has a quorum and all of its members: there is nothing to recover", len(j.lacks(j.state)) == 0, nil
	case !j.state.Quorum || err != nil:
		return "", false, nil // if two are under way, choose tells
	}
	if j.mark = begun; slices.ContainsFunc(j.hosts, j.switched) {
		return "", false, nil
	}
	return "the cluster has a quorum again: the recovery that was begun is given up (site.yml starts members that are down)", true, j.giveUp(ctx, j.marked)
}

func (j *restore) giveUp(ctx context.Context, which func(*restoring) bool) error {
	return j.onHosts(ctx, which, "restore_give_up", "give up the restore that was begun")
}

// saved is the snapshot of a recovery that was begun: where it was saved, or fetched
// back from a host where it is gone from there.
func (j *restore) saved(ctx context.Context, begun restoreMark) (string, error) {
	if _, err := os.Stat(begun.file); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return begun.file, nil
	}
	name := filepath.Join(j.task.Dir, filepath.Base(begun.file))
	if file, err := etcd.ReadSnapshot(name); err == nil && file.SHA256 == begun.sum {
		return name, nil
	}
	for _, h := range j.hosts {
		if m, ok := parseMark(h.facts["mark"]); !ok || m.token != begun.token || !h.is("staged") {
			continue
		}
		j.t.Status("fetching the snapshot from " + h.Name)
		return name, onHost(h.Peer, j.fetchSaved(ctx, h, name))
	}
	return "", Failf("the snapshot that the recovery was begun with is gone: %s", begun.file).
		WithHint("copy it there; or -e etcd_confirm=again gives that recovery up and saves another one")
}

// fetchSaved copies a host's snapshot to this machine, also in check mode: nothing
// can be foreseen without it.
func (j *restore) fetchSaved(ctx context.Context, h *restoring, name string) (err error) {
	if err := os.MkdirAll(j.task.Dir, 0o700); err != nil {
		return Failf("%w", err)
	}
	tmp, err := os.CreateTemp(j.task.Dir, ".snapshot.*.part") // 0600
	if err != nil {
		return Failf("%w", err)
	}
	defer func() { _ = tmp.Close(); _ = os.Remove(tmp.Name()) }()
	if err := h.Conn.Get(ctx, h.work("snapshot.db"), tmp); err != nil {
		return err
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return Failf("%w", err)
	}
	if err := renameNew(tmp.Name(), name); err != nil {
		return Failf("%w", err)
	}
	return syncFolder(j.task.Dir)
}

// met is how a restore ends that meets what an earlier one has left. over: nothing
// else is to be done.
func (j *restore) met(ctx context.Context) (res Result, over bool, err error) {
	for _, met := range []func(context.Context) (string, bool, error){j.done, j.others, j.lost} {
		msg, over, err := met(ctx)
		if over || err != nil {
			res := j.t.Result()
			if res.Msg = msg; err == nil {
				j.set(&res)
				res.Text = msg + "\n"
			}
			return res, true, err
		}
	}
	return Result{}, false, nil
}

// done: an earlier run has made the cluster of this very snapshot, and what was
// acknowledged since is not to be put aside by a repetition.
func (j *restore) done(ctx context.Context) (string, bool, error) {
	if j.task.Recover || j.task.Confirm == "again" {
		return "", false, nil
	}
	const again = "-e etcd_confirm=again puts aside what was written since"
	for _, h := range j.hosts {
		n, ok := parseNote(h.facts["note"])
		if !ok || n.sum != j.file.SHA256 || j.goesOn && n.token == j.mark.token {
			continue
		}
		lives := func(e etcd.EndpointState) bool { return e.Err == nil && e.Cluster.String() == n.cluster }
		if slices.ContainsFunc(j.state.Endpoints, lives) {
			j.mark, j.goesOn = n.restoreMark, false
			stale := func(h *restoring) bool { return h.facts["mark"] != "" && !j.marked(h) }
			return fmt.Sprintf("the cluster was made of %s before, and stays as it is (%s)", j.task.Backup, again), true, j.giveUp(ctx, stale)
		}
		if !j.state.Reached() && !j.goesOn && h.is("data") {
			return "", false, Failf("the cluster was made of %s before, and does not answer", j.task.Backup).
				WithHint("start.yml starts it; %s", again)
		}
	}
	return "", false, nil
}

// others: since the restore was begun hosts, names or addresses have changed. Where
// all that are left have their data and are a quorum, it is over.
func (j *restore) others(ctx context.Context) (string, bool, error) {
	if !j.goesOn || j.mark.members == j.members() {
		return "", false, nil
	}
	if !j.state.Quorum || slices.ContainsFunc(j.hosts, func(h *restoring) bool { return !j.switched(h) }) {
		return "", false, Failf("the restore that is under way is one of other hosts, names or addresses than these").
			WithHint("finish it with those; -e etcd_confirm=again gives it up and begins anew with these")
	}
	return "restored; a member that is on none of the hosts any more is removed by scale-in.yml", true, j.finish(ctx, nil)
}

// lost: where any host has its new data in place, all had them. A host that has none
// now has lost them, and with them, if its member ever ran, what that acknowledged.
func (j *restore) lost(ctx context.Context) (string, bool, error) {
	if !j.goesOn || !slices.ContainsFunc(j.hosts, j.switched) {
		return "", false, nil
	}
	for _, h := range j.hosts {
		if j.switched(h) || j.restored(h) {
			continue
		}
		m, known := j.state.MemberAt(h.args.Etcd.PeerURL)
		switch {
		case !j.state.Quorum:
			return "", false, Failf("%s has lost the data that this restore gave it, and the others are no quorum that could be asked", h.Name).
				WithHint("start the members of the others; -e etcd_confirm=again begins anew on all hosts, and puts aside what was written since")
		case known && len(m.ClientURLs) == 0:
			continue // it never ran
		}
		if err := j.conclude(ctx, j.switched); err != nil || j.t.Check {
			return "", true, err
		}
		return "", true, Failf("%s has lost the data that this restore gave it; the other members are whole", h.Name).
			WithHint("replace.yml -e etcd_member=%s makes its member anew", h.Name)
	}
	return "", false, nil
}
