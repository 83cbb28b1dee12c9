package tasks

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// keep refuses settings that a roll must not bring: members that no longer agree
// on their timing, or that would start beside their data.
func (u *turn) keep() error {
	words, err := u.words(false)
	if err != nil {
		return err
	}
	for _, p := range u.t.Peers {
		d, ok := p.Gathered.(*daemon)
		if !ok || d.etcd == nil {
			continue
		}
		if err := sameTiming(u.t.Host.Name, timing(words), p.Name, d.timing); err != nil {
			return err
		}
	}
	if u.plan.act == restart {
		return moved(u.d.process.args, words, u.d)
	}
	return nil
}

// moved refuses to start a member beside its data: was are the arguments that it was
// started with, d is what the host told with the new ones.
func moved(was, words []string, d *daemon) error {
	const way = "leave it as it is; or replace the members one by one, each with the new directory in its own host variables (replace.yml, with etcd_force=true); " +
		"or stop one, move its directory yourself, and run site.yml --limit HOST with the new one"
	if old, dir := flagIn(was, "data-dir"), flagIn(words, "data-dir"); old != "" && path.Clean(old) != path.Clean(dir) && !d.hasData() {
		return Failf("the member keeps its data in %s, and would start without them in %s", old, dir).WithHint("etcd_data_dir: %s", way)
	}
	if old, dir := flagIn(was, "wal-dir"), flagIn(words, "wal-dir"); old != dir && d.running() {
		return Failf("the member keeps its log in %s, and would start without it in %s", cmp.Or(old, "its data directory"), cmp.Or(dir, "its data directory")).
			WithHint("wal-dir: %s", way)
	}
	return nil
}

// sameTiming refuses two members whose timing differs.
func sameTiming(host string, own [2]int, otherHost string, other [2]int) error {
	for i, name := range timingFlags {
		if own[i] != other[i] {
			return Failf("%s is %d on %s and %d on %s", name, own[i], host, other[i], otherHost).
				WithHint("members with different timing elect leaders for nothing: give all of them the same")
		}
	}
	return nil
}

// timingFlags must be the same on all members; in milliseconds.
var timingFlags = [2]string{"heartbeat-interval", "election-timeout"}

func timing(words []string) (t [2]int) {
	t = [2]int{100, 1000} // etcd's own
	for i, name := range timingFlags {
		if n, err := strconv.Atoi(flagIn(words, name)); err == nil {
			t[i] = n
		}
	}
	return t
}

// differing says which flags a process was not started with, or with another
// value: "--heartbeat-interval=120, was 100; --quota-backend-bytes=8589934592 added".
func differing(was, want []string) string {
	values := func(words []string) (names []string, of map[string]string) {
		of = map[string]string{}
		for _, w := range joinFlags(words)[min(1, len(words)):] {
			name, v, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
			if _, twice := of[name]; !twice {
				names = append(names, name)
			}
			of[name] = v
		}
		return names, of
	}
	oldNames, old := values(was)
	newNames, now := values(want)
	var parts []string
	founding := func(name string) bool { return strings.HasPrefix(name, "initial-cluster") } // of the first start alone
	for _, name := range newNames {
		if v, had := old[name]; founding(name) {
			continue
		} else if !had {
			parts = append(parts, fmt.Sprintf("--%s=%s added", name, now[name]))
		} else if v != now[name] {
			parts = append(parts, fmt.Sprintf("--%s=%s, was %s", name, now[name], v))
		}
	}
	for _, name := range oldNames {
		if !slices.Contains(newNames, name) && !founding(name) {
			parts = append(parts, fmt.Sprintf("--%s taken away", name))
		}
	}
	const most = 3
	if len(parts) > most {
		parts = append(parts[:most], fmt.Sprintf("and %d more", len(parts)-most))
	}
	return strings.Join(parts, "; ")
}

// mayStop refuses to take the majority from members that are to go on.
func (l *Launch) mayStop(t *Target, d *daemon) error {
	if l.Etcd == nil || l.Quorum == 0 || !d.running() {
		return nil
	}
	goOn := 0
	for _, p := range t.Peers {
		if other, ok := p.Gathered.(*daemon); ok && p.Outside && other.running() {
			goOn++
		}
	}
	margin := etcd.Margin{Voters: max(len(t.Everyone), len(t.Peers)), Healthy: goOn}
	lost := unseen(t)
	const force = "-e etcd_force=true stops it all the same"
	switch {
	case margin.Spare() >= 0:
		return nil
	case goOn > 0:
		return Failf("%s can't be stopped here: the members that go on would have no majority (%s)", l.Name, margin).
			WithHint("stop all of them, without --limit; or stop fewer; %s", force)
	case len(lost) > 0:
		return Failf("%s can't be stopped here: there was no look at %s, and members that go on there would have no majority", l.Name, strings.Join(lost, ", ")).
			WithHint("stop all of them when these can be reached; if they are down, %s", force)
	}
	return nil // all of them are stopped
}
