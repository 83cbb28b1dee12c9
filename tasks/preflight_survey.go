package tasks

import (
	"cmp"
	"context"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// A survey is what a host told.
type survey struct {
	task   *Preflight
	facts  map[string]string
	daemon *daemon    // nil without Preflight.Daemon
	owners []*process // of the ports and the data: the daemon's, and those started by hand
	skew   time.Duration
	turn   lockTurn
}

// Gather implements Gatherer.
func (p *Preflight) Gather(ctx context.Context, t *Target) (any, error) {
	s := script.New()
	p.takeLock(s, t, "")
	s.Call("preflight_look")
	if d := p.Daemon; d != nil {
		s.Call("launch_look", d.Name, "", d.User, d.Dir)
		if d.Command != "" {
			s.Call("launch_look_processes", path.Base(d.Command))
		}
	}
	wanted, err := wantedPorts(p.Ports)
	if err != nil {
		return nil, err
	}
	if len(wanted) > 0 {
		s.Call("tell_holders", numbers(wanted)...)
	}
	for i, dir := range p.Data {
		s.Call("preflight_dir", strconv.Itoa(i), path.Clean(dir))
		if p.Daemon != nil && p.Daemon.Command != "" {
			s.Call("launch_look_users", strconv.Itoa(i), path.Base(p.Daemon.Command), path.Clean(dir))
		}
	}
	var spaces []string
	for _, space := range p.Space {
		spaces = append(spaces, path.Clean(space.Path))
	}
	if len(spaces) > 0 {
		s.Call("preflight_space", spaces...)
	}
	s.Call("preflight_programs", p.Programs...)
	for _, name := range slices.Sorted(maps.Keys(p.Sums)) {
		s.Call("preflight_sum", name, path.Clean(p.Sums[name]))
	}

	sv := &survey{task: p}
	asked := time.Now()
	if _, sv.facts, err = t.Query(ctx, s); err != nil {
		return nil, err
	}
	answered := time.Now()
	if now, err := strconv.ParseInt(sv.facts["now"], 10, 64); err == nil {
		sv.skew = offset(time.Unix(now, 0), asked, answered)
	}
	if err := sv.findDaemon(); err != nil {
		return nil, err
	}
	return sv, sv.lookBehind(ctx, t)
}

// sums are the checksums of the files that were asked for.
func (s *survey) sums() *value.Dict {
	d := value.NewDict()
	for name := range s.task.Sums {
		if sum, ok := s.facts["sum."+name]; ok {
			d.Set(name, sum)
		}
	}
	return d
}

// findDaemon finds the processes that may hold the ports and own the data.
func (s *survey) findDaemon() (err error) {
	d := s.task.Daemon
	if d == nil {
		return nil
	}
	l := &Launch{Name: d.Name, User: d.User, Dir: d.Dir, Manager: cmp.Or(d.Manager, "auto")}
	if s.daemon, err = l.daemon(s.facts); err != nil {
		return err
	}
	if s.daemon.running() {
		s.owners = append(s.owners, s.daemon.process)
	}
	for key, text := range s.facts {
		pid, ok := strings.CutPrefix(key, "process.")
		if !ok {
			continue
		}
		p, err := parseProcess(pid, text)
		if err != nil {
			return err
		}
		if s.uses(p.pid) || path.Base(p.args[0]) == path.Base(d.Command) && slices.ContainsFunc(s.task.Data, p.names) {
			s.owners = append(s.owners, p)
		}
	}
	return nil
}

// uses reports whether a process of the daemon's program has data open.
func (s *survey) uses(pid string) bool {
	for i := range s.task.Data {
		if slices.Contains(strings.Fields(s.facts["users."+strconv.Itoa(i)]), pid) {
			return true
		}
	}
	return false
}

// names reports whether the command line ends a word with this directory.
func (p *process) names(dir string) bool { return slices.ContainsFunc(p.args, endsIn(path.Clean(dir))) }

// versionIn finds a version in the path of a program.
var versionIn = regexp.MustCompile(`[-/]v?(\d+)\.(\d+)\.(\d+)[-/]`)

// newestVersion is the newest version that a host's daemon runs or is to run,
// as the path of its program says.
func newestVersion(t *Target) string {
	var newest etcd.Version
	for _, p := range t.Peers {
		s, ok := p.Gathered.(*survey)
		if !ok || s.daemon == nil {
			continue
		}
		for _, program := range s.programs() {
			if v, err := etcd.ParseVersion(versionOf(program)); err == nil && newest.Less(v) {
				newest = v
			}
		}
	}
	if newest == (etcd.Version{}) {
		return ""
	}
	return newest.String()
}

// programs are the paths of the daemon's program, as it runs and as it is
// recorded.
func (s *survey) programs() (paths []string) {
	for _, p := range s.owners {
		paths = append(paths, p.exe)
	}
	return append(paths, recordedPrograms(s.record(), s.task.Daemon.Command)...)
}

// offset is how far a clock that was read between two moments of ours, in whole
// seconds, must be off at least: negative when it is slow.
func offset(host, asked, answered time.Time) time.Duration {
	switch {
	case host.After(answered):
		return host.Sub(answered)
	case host.Add(time.Second).Before(asked):
		return host.Add(time.Second).Sub(asked)
	}
	return 0
}
