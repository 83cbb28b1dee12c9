package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// What launch does to a running cluster: it changes it host by host, and never
// takes away its majority.
func TestRoll(t *testing.T) {
	lab := three(t)
	inv := inventoryOf(t, lab, peers)
	site := func(t *testing.T, args ...string) result {
		t.Helper()
		return play(t, lab, append([]string{"site.yml", "-i", inv}, args...)...)
	}
	with := func(args map[string]any) []string {
		return []string{"-e", extra(t, map[string]any{"etcd_extra_args": args})}
	}
	site(t).want(0)
	client := dialEtcd(t, lab, peers...)

	changed := with(map[string]any{"max-txn-ops": 256})
	t.Run("other arguments: one host after another, while it serves", func(t *testing.T) {
		foreseen := site(t, append(changed, "--check")...).want(0)
		want := []string{"peer1 2.1 Start etcd", "peer2 2.1 Start etcd", "peer3 2.1 Start etcd"}
		if got := foreseen.changed(); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("it foresees %v", got)
		}
		order := foreseen.changed()
		if last := foreseen.changes()[strings.Fields(order[2])[0]]; !slices.ContainsFunc(last, func(c string) bool { return strings.Contains(c, "move the leader from ") }) {
			t.Errorf("the last one is not the leader, which hands over: %v, %v", order, last)
		}
		l := startLoad(t, client)
		n := l.count()
		r := site(t, changed...).want(0).showsCluster(peers...)
		l.stop(n + 1)
		if got, want := r.changed(), foreseen.changed(); !slices.Equal(got, want) {
			t.Errorf("changed: %v, foreseen: %v", got, want)
		}
		wantApart(t, lab)
		for _, name := range peers {
			if ps := on(t, lab, name, "ps -o args= -C etcd"); !strings.Contains(ps, "--max-txn-ops=256") {
				t.Errorf("%s runs %s", name, ps)
			}
		}
		site(t, changed...).want(0).wantUnchanged()
	})

	t.Run("arguments that etcd refuses stop it at the first host", func(t *testing.T) {
		before := pids(t, lab, peers...)
		l := startLoad(t, client)
		r := site(t, with(map[string]any{"no-such-flag": 1})...).want(2)
		r.says("peer1", "flag provided but not defined: -no-such-flag")
		if got := pids(t, lab, peers...); !slices.Equal(got[1:], before[1:]) {
			t.Errorf("others than the first were restarted: %v, then %v", before, got)
		}
		l.stop(l.count() + 1)
		if got := r.changes(); len(got["peer2"])+len(got["peer3"]) > 0 {
			t.Errorf("the others were gone on with: %v", got)
		}
		site(t, changed...).want(0).showsCluster(peers...)
	})
	t.Run("a restart that would take the majority away is refused", func(t *testing.T) {
		do(t, lab.Kill, "peer3")
		before := pids(t, lab, "peer1", "peer2")
		r := play(t, lab, slices.Concat([]string{"site.yml", "-i", inv, "--limit", "peer1,peer2", "--timeout", "3s"}, with(map[string]any{"max-txn-ops": 512}))...)
		r.want(2).says("etcd must be restarted", "can't be restarted now: that would leave 1 of 3 voters healthy, no quorum")
		if got := pids(t, lab, "peer1", "peer2"); !slices.Equal(got, before) {
			t.Errorf("it was restarted: %v, then %v", before, got)
		}
		do(t, lab.Boot, "peer3")
		site(t, changed...).want(0).wantUnchanged().showsCluster(peers...)
	})
	t.Run("the hosts that --limit leaves out are counted", func(t *testing.T) {
		r := site(t, append(changed, "--limit", "peer1", "-e", "etcd_log=/home/etcd/etcd.log")...).want(0).showsCluster(peers...)
		if got := r.changed(); !slices.Equal(got, []string{"peer1 1.8 Keep the log file small", "peer1 2.1 Start etcd"}) {
			t.Errorf("changed: %v", got)
		}
		if said := r.said(); said != "" {
			t.Errorf("it warns: %s", said)
		}
		site(t, changed...).want(0)
	})
	t.Run("a member that was stopped is started, and first of all", func(t *testing.T) {
		on(t, lab, "peer3", "systemctl stop etcd")
		r := site(t, with(map[string]any{"max-txn-ops": 300})...).want(0).showsCluster(peers...)
		var order []string
		for _, c := range r.changed() {
			order = append(order, strings.Fields(c)[0])
		}
		if want := []string{"peer3", "peer1", "peer2"}; !slices.Equal(order, want) {
			t.Errorf("the order was %v, want %v", order, want)
		}
	})
	t.Run("a member that lost its data forms no cluster of its own", func(t *testing.T) {
		on(t, lab, "peer2", "systemctl kill -s KILL etcd; systemctl stop etcd; rm -rf /home/etcd/data/*")
		site(t).want(2).says("peer2: /home/etcd/data is empty", "the data was lost", "removed from the cluster and added")
		do(t, lab.Kill, "peer2")
		boot(t, lab, "peer2") // systemd starts it, whatever we say
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		alone := dialEtcd(t, lab, "peer2")
		short, stop := context.WithTimeout(ctx, 5*time.Second)
		defer stop()
		if list, err := alone.MemberList(short); err == nil && len(list.Members) != 3 {
			t.Errorf("peer2 has a cluster of its own: %v", list.Members)
		}
		if _, err := client.Put(ctx, "still", "there"); err != nil {
			t.Errorf("the others serve no longer: %v", err)
		}
	})
}

// pids are the processes of etcd on some hosts.
func pids(t *testing.T, lab *hosts.Lab, names ...string) (all []string) {
	for _, name := range names {
		all = append(all, on(t, lab, name, "pgrep -x etcd || echo none"))
	}
	return all
}

// boot switches a host on, and doesn't mind if a service of it fails.
func boot(t *testing.T, lab *hosts.Lab, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := lab.Boot(ctx, name); err != nil {
		t.Logf("as it should be: %v", err)
	}
}

// wantApart fails the test if etcd was down on two hosts at a time when it was
// last restarted.
func wantApart(t *testing.T, lab *hosts.Lab) {
	t.Helper()
	type downtime struct {
		host     string
		from, to int // µs since the boot of the machine that they share
	}
	var all []downtime
	for _, h := range lab.Hosts {
		d := downtime{host: h.Name}
		for _, line := range strings.Split(on(t, lab, h.Name, "systemctl show etcd -p ActiveExitTimestampMonotonic -p ActiveEnterTimestampMonotonic"), "\n") {
			key, text, _ := strings.Cut(line, "=")
			n, err := strconv.Atoi(text)
			if err != nil || n == 0 {
				t.Fatalf("%s: %s", h.Name, line)
			}
			if key == "ActiveExitTimestampMonotonic" {
				d.from = n
			} else {
				d.to = n
			}
		}
		if d.from >= d.to {
			t.Errorf("%s: etcd was not restarted: %+v", h.Name, d)
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b downtime) int { return a.from - b.from })
	for i := range all[1:] {
		if all[i].to > all[i+1].from {
			t.Errorf("etcd was down on two hosts at a time: %s", fmt.Sprintf("%+v", all))
		}
	}
}
