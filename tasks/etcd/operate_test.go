package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

// operator runs planned steps on real servers.
type operator struct {
	t       *testing.T
	cluster *etcd.Cluster
	servers map[string]*etcdtest.Server
	running map[string]bool
}

func (o *operator) site(name string) etcd.Site {
	s := o.servers[name]
	files, _ := os.ReadDir(s.Dir)
	return etcd.Site{Name: name, PeerURL: s.Peer, Running: o.running[name], Data: len(files) > 0}
}

func (o *operator) sites(names ...string) (all []etcd.Site) {
	for _, n := range names {
		all = append(all, o.site(n))
	}
	return all
}

func (o *operator) start(name string) {
	etcdtest.Start(o.t, o.servers[name])
	o.running[name] = true
}

func (o *operator) stop(name string) {
	o.servers[name].Stop()
	o.running[name] = false
}

func (o *operator) do(ctx context.Context, s *etcd.State, step etcd.Step) error {
	switch step.Action {
	case etcd.AddLearner:
		_, err := o.cluster.AddLearner(ctx, s, step.PeerURL)
		return err
	case etcd.Promote:
		return o.cluster.Promote(ctx, s, step.ID)
	case etcd.Remove:
		return o.cluster.Remove(ctx, s, step.ID)
	case etcd.MoveLeader:
		return o.cluster.MoveLeader(ctx, s, step.ID)
	case etcd.Start:
		if step.Cluster != nil {
			var list []string
			for _, m := range step.Cluster {
				list = append(list, m.Name+"="+m.PeerURLs[0])
			}
			o.servers[step.Name].Args = []string{"--initial-cluster=" + strings.Join(list, ","), "--initial-cluster-state=existing"}
		}
		o.start(step.Name)
	case etcd.Stop:
		o.stop(step.Name)
	case etcd.Restart:
		o.stop(step.Name)
		o.start(step.Name)
	case etcd.SetData:
		o.servers[step.Name].Dir = o.t.TempDir()
	}
	return nil
}

// run steps until the plan is done, and returns what was done.
func (o *operator) run(plan func(*etcd.State) (etcd.Step, error)) (done []string) {
	o.t.Helper()
	etcdtest.Eventually(o.t, func(ctx context.Context) error {
		for {
			s := o.cluster.Observe(ctx)
			step, err := plan(s)
			switch {
			case err != nil:
				return err
			case step.Action == etcd.Done:
				return nil
			case step.Action == etcd.Wait:
				return errors.New(step.String())
			}
			if err := o.do(ctx, s, step); errors.Is(err, etcd.ErrNotYet) {
				return err
			} else if err != nil {
				o.t.Fatalf("%s: %v", step, err)
			}
			done = append(done, step.String())
		}
	})
	o.t.Log(strings.Join(done, "; "))
	return done
}

func TestOperations(t *testing.T) {
	all := etcdtest.Servers(t, etcdtest.Version, 3)
	o := &operator{t: t, servers: map[string]*etcdtest.Server{}, running: map[string]bool{}}
	for _, s := range all {
		o.servers[s.Name] = s
	}
	all[0].Args = []string{"--initial-cluster=peer1=" + all[0].Peer}
	o.cluster = open(t, all)
	o.start("peer1")
	etcdtest.Eventually(t, func(ctx context.Context) error {
		if !o.cluster.Observe(ctx).Quorum {
			return errors.New("peer1 does not serve")
		}
		return nil
	})

	grown := o.run(func(s *etcd.State) (etcd.Step, error) {
		return etcd.ScaleOut(s, o.sites("peer1", "peer2", "peer3"))
	})
	if want := "[add peer2 as a learner start peer2 promote peer2 add peer3 as a learner start peer3 promote peer3]"; fmt.Sprint(grown) != want {
		t.Errorf("scaled out by %v, want %s", grown, want)
	}
	healthy(t, o.cluster, three)

	restarted := map[string]bool{}
	steps := o.run(func(s *etcd.State) (etcd.Step, error) {
		step, err := etcd.Roll(s, three.Members, nil, func(name string) bool { return restarted[name] })
		if err == nil && step.Action == etcd.Restart {
			restarted[step.Name] = true
		}
		return step, err
	})
	if last := strings.Join(steps[2:], "; "); len(steps) != 4 || !strings.HasPrefix(last, "move the leader to ") {
		t.Errorf("rolled by %v", steps)
	}
	healthy(t, o.cluster, three)

	o.stop("peer2")
	o.servers["peer2"].Dir = t.TempDir() // its disk is gone
	o.run(func(s *etcd.State) (etcd.Step, error) { return etcd.Replace(s, o.site("peer2")) })
	healthy(t, o.cluster, three)

	s := o.cluster.Observe(t.Context())
	leader := s.Leader().Name
	o.run(func(s *etcd.State) (etcd.Step, error) { return etcd.ScaleIn(s, o.site(leader)) })
	s = o.cluster.Observe(t.Context())
	if _, still := s.MemberNamed(leader); still || len(s.Members) != 2 || !s.Quorum {
		t.Errorf("after the removal of %s the members are %v", leader, s.Members)
	}
}
