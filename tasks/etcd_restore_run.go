package tasks

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// bump is what the revision grows by, beyond all that clients of the old cluster
// can have seen; source: etcd's guide to disaster recovery.
const bump = 1000000000

// carryOut does what is not done yet. Each step is over on all hosts before the
// next begins: no old member runs when the first new data are put in place.
func (j *restore) carryOut(ctx context.Context, cluster *etcd.Cluster) error {
	for _, step := range []struct {
		name string
		take func(context.Context, *etcd.Cluster) error
	}{
		{"upload the snapshot", j.upload}, {"stop the old members", j.stop}, {"see that nothing answers", j.fenced},
		{"restore the snapshot", j.make}, {"see that still nothing answers", j.fenced}, {"put the restored data in place", j.swap}, {"start the members", j.start},
		{"see that the cluster is whole", j.prove}, {"clear away", j.finish},
	} {
		if err := j.t.mayBegin(step.name); err != nil {
			return err
		}
		if err := step.take(ctx, cluster); err != nil {
			return err
		}
	}
	return nil
}

// upload notes on every host what is going on, and brings it the snapshot.
func (j *restore) upload(ctx context.Context, _ *etcd.Cluster) error {
	lack := j.peers(func(h *restoring) bool {
		return !j.switched(h) && !j.restored(h) && !(j.marked(h) && h.is("staged"))
	})
	return j.t.everywhere(ctx, lack, func(ctx context.Context, t *Target) error {
		h := j.at(t)
		if !j.marked(h) {
			if _, err := t.Script(ctx, script.New().Call("restore_begin", "begin the restore", h.args.DataDir, j.mark.text())); err != nil {
				return err
			}
		}
		if !t.Would("upload %s", j.mark.file) {
			return nil
		}
		f, err := os.Open(j.mark.file)
		if err != nil {
			return Failf("%w", err)
		}
		defer f.Close()
		t.Status("uploading the snapshot")
		return h.Conn.Put(ctx, f, h.work("snapshot.db"), 0o600)
	})
}

// stop ends every old member, and keeps it from starting with its host.
func (j *restore) stop(ctx context.Context, _ *etcd.Cluster) error {
	old := j.peers(func(h *restoring) bool { return !j.switched(h) })
	return j.t.everywhere(ctx, old, func(ctx context.Context, t *Target) error {
		l := j.at(t).args.Daemon
		l.State = "stopped"
		d, err := l.look(ctx, t)
		if err != nil {
			return err
		}
		res, err := l.stop(ctx, t, d)
		t.changes = res.Changes
		return err
	})
}

// fenced sees that nothing of the old cluster answers on the hosts any more.
func (j *restore) fenced(ctx context.Context, cluster *etcd.Cluster) error {
	if j.t.Check {
		return nil
	}
	s := cluster.Look(ctx)
	for i, h := range j.hosts {
		if s.Endpoints[i].Err == nil && !j.switched(h) {
			return Failf("%s: something answers at %s although %s is stopped", h.Name, s.Endpoints[i].URL, h.args.Daemon.Name).
				WithHint("another unit or a container runs it: stop that, then run this again")
		}
	}
	return nil
}

// make restores the snapshot beside the old data.
func (j *restore) make(ctx context.Context, _ *etcd.Cluster) error {
	todo := j.peers(func(h *restoring) bool { return !j.restored(h) && !j.switched(h) })
	return j.t.everywhere(ctx, todo, func(ctx context.Context, t *Target) error {
		h := j.at(t)
		s := script.New().Call("restore_data", "restore the snapshot", h.args.DataDir, h.args.Etcdutl, h.args.Daemon.User, h.args.Daemon.Group,
			"--name", h.name(), "--initial-advertise-peer-urls", h.args.Etcd.PeerURL,
			"--initial-cluster", j.initial(), "--initial-cluster-token", j.mark.token,
			"--bump-revision", fmt.Sprint(bump), "--mark-compacted")
		_, err := t.Script(ctx, s)
		return err
	})
}

// swap puts the new data in place.
func (j *restore) swap(ctx context.Context, _ *etcd.Cluster) error {
	todo := j.peers(func(h *restoring) bool { return !j.switched(h) })
	return j.t.everywhere(ctx, todo, func(ctx context.Context, t *Target) error {
		h := j.at(t)
		title := "put the restored data in place"
		if h.is("data") {
			title += ", and the old ones aside"
		}
		_, err := t.Script(ctx, script.New().Call("restore_switch", title, h.args.DataDir, j.mark.token))
		return err
	})
}

// start starts the members one after another, none waiting for the next.
func (j *restore) start(ctx context.Context, _ *etcd.Cluster) error {
	if j.t.Check {
		for _, h := range j.hosts {
			j.t.Would("%s: start %s", h.Name, h.args.Daemon.Name)
		}
		return nil
	}
	peers := slices.Clone(j.t.Peers)
	for i, h := range j.hosts {
		d, err := h.args.Daemon.Gather(ctx, j.t.elsewhere(h.Peer))
		if err != nil {
			return onHost(h.Peer, err)
		}
		peers[i].Gathered = d
	}
	for _, i := range j.hosts[0].args.Daemon.Sequence(peers) {
		t := j.t.elsewhere(peers[i])
		t.Peers, t.Everyone = peers, nil
		res, err := j.hosts[i].args.Daemon.Run(ctx, t)
		j.t.note(peers[i], res.Changes)
		if err != nil {
			return onHost(peers[i], err)
		}
	}
	return nil
}

// prove waits until the cluster is whole, with the data of the snapshot.
func (j *restore) prove(ctx context.Context, cluster *etcd.Cluster) error {
	if j.t.Check {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, j.task.Timeout)
	defer cancel()
	for {
		s := cluster.Observe(within)
		problems, leader := j.lacks(s), s.Leader()
		if len(problems) == 0 && leader != nil {
			if j.state = s; leader.Revision < j.file.Revision+bump {
				return Failf("the restored cluster is at revision %d, and that is not what the snapshot's %d becomes", leader.Revision, j.file.Revision).
					WithHint("it runs with other data than it was given: look at the members' logs")
			}
			return nil
		}
		if len(problems) > 0 {
			j.t.Status("waiting for the restored cluster: " + problems[0].String())
		}
		select {
		case <-j.t.Interrupted:
			return stopped("stopped by Ctrl-C before the restored cluster was seen to be whole")
		case <-within.Done():
			f := Failf("the restored cluster is not whole after %s", j.task.Timeout).WithHint("look at the members' logs; run this again to go on")
			for _, p := range problems {
				f.Stderr += p.String() + "\n"
			}
			return f
		case <-time.After(longPause):
		}
	}
}

// finish notes what was done, and clears away what only the restore needed.
func (j *restore) finish(ctx context.Context, _ *etcd.Cluster) error {
	due := func(h *restoring) bool { return !j.finished(h) || j.marked(h) }
	return j.conclude(ctx, due)
}

func (j *restore) conclude(ctx context.Context, on func(*restoring) bool) error {
	return j.onHosts(ctx, on, "restore_finish", "finish the restore", j.note())
}

func (j *restore) note() string {
	note := restoreNote{restoreMark: j.mark}
	if leader := j.state.Leader(); leader != nil {
		note.cluster = leader.Cluster.String()
	}
	return note.text()
}
