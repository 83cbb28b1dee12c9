package tasks

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// A fitness is what a host told of what its member is to be started with, before any
// member was touched.
type fitness struct {
	problem error // why the host's member must not be started with it
	former  bool  // its log holds, or may hold, entries in the form of 3.5
}

// noDataDir can't be a data directory on any host: etcd that is given it checks all
// its settings, and stops before it opens a port or a file.
const noDataDir = "/dev/null/etcdplay"

// seeFit finds out whether this host's member can be started: whether the program
// takes the settings and, where its version changes, whether the log and the store
// fit.
func (l *Launch) seeFit(ctx context.Context, t *Target, d *daemon) (*fitness, error) {
	settings, err := l.settings()
	if err != nil {
		return nil, err
	}
	if problem := nonsense(settings); problem != nil {
		return &fitness{problem: problem}, nil
	}
	from, to := d.lastVersion(l.Command), versionOf(l.Command)
	changes := from != "" && to != "" && from != to
	dir, file := l.dataDir(), settingIn(settings, "config-file")
	s := script.New()
	if d.facts["binary"] != "" && d.facts["interpreted"] == "" && path.Base(l.Command) == "etcd" { // in check mode, and in checks before it is installed, it may be missing
		s.Call("launch_fit", trial(l.Command, settings)...)
	}
	if changes && dir != "" && etcd.Minor(from) == "3.5" && etcd.Minor(to) == "3.6" {
		s.Call("launch_v2store", path.Join(path.Dir(d.lastProgram(l.Command)), "etcdutl"), dir)
	}
	crossing := changes && dir != "" && etcd.Minor(from) == "3.6" && etcd.Minor(to) == "3.7"
	if crossing {
		s.Call("launch_v2_entries", dir, l.walDir(dir))
	}
	if changes && file != "" {
		s.Call("launch_config_file", file)
	}
	_, facts, err := t.Query(ctx, s)
	if err != nil {
		return nil, err
	}
	f := &fitness{problem: unfit(to, settings, facts), former: crossing && former(facts)}
	if _, looked := facts["v2_entries"]; !looked && d.running() && flagIn(d.process.args, "snapshot-count") == "10" {
		f.former = false // it can't be seen, but upgrade.yml has seen to it
	}
	return f, nil
}

// trial are the arguments of launch_fit. With a configuration file etcd ignores its
// flags, also that of the data directory.
func trial(command string, settings []setting) []string {
	words := []string{command, noDataDir}
	if settingIn(settings, "config-file") != "" {
		words[1] = ""
	}
	for _, set := range settings {
		switch set.name {
		case "data-dir", "log-outputs", "log-output", "enable-log-rotation", "log-rotation-config-json":
			continue // it is to write nowhere
		}
		words = append(words, "--"+set.name+"="+set.value)
	}
	return words
}

func (l *Launch) walDir(dir string) string {
	words, _ := l.words(false)
	if wal := flagIn(words, "wal-dir"); wal != "" {
		return wal
	}
	return path.Join(dir, "member", "wal")
}

// A setting is a flag, wherever it is set.
type setting struct{ name, value, where string }

// settings are all flags that the member gets: on its command line and in its
// environment, whose variables mean the flags of the same names.
func (l *Launch) settings() (all []setting, err error) {
	words, err := l.words(false)
	if err != nil {
		return nil, err
	}
	for _, w := range joinFlags(words)[1:] {
		name, v, has := strings.Cut(strings.TrimLeft(w, "-"), "=")
		if !has {
			v = "true"
		}
		all = append(all, setting{name, v, "--" + name})
	}
	env := maps.Clone(l.Env)
	if env == nil {
		env = map[string]string{}
	}
	for _, v := range l.unitEnvironment() {
		name, text, _ := strings.Cut(v, "=")
		env[name] = text
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		flag, ours := strings.CutPrefix(name, "ETCD_")
		if !ours || env[name] == "" || flag == "UNSUPPORTED_ARCH" || flag == "VERIFY" {
			continue
		}
		all = append(all, setting{strings.ToLower(strings.ReplaceAll(flag, "_", "-")), env[name], name})
	}
	return all, nil
}

// unitEnvironment are the lines Environment= of the unit.
func (l *Launch) unitEnvironment() []string {
	service, _ := l.Unit.Get("Service")
	d, ok := service.(*value.Dict)
	if !ok {
		return nil
	}
	v, _ := d.Get("Environment")
	values, err := unitValues(v)
	if err != nil {
		return nil
	}
	var out []string
	for _, line := range values {
		out = append(out, strings.Trim(line, `"'`))
	}
	return out
}

func settingIn(all []setting, name string) (last string) {
	for _, s := range all {
		if s.name == name {
			last = s.value
		}
	}
	return last
}

// complaint is what etcd says is wrong: its first line, or the error in its log.
func complaint(said string) string {
	first := ""
	for line := range strings.Lines(said) {
		var entry struct{ Level, Msg, Error string }
		if json.Unmarshal([]byte(line), &entry) == nil {
			if entry.Error != "" && entry.Level != "info" {
				return entry.Error
			}
		} else if line = strings.TrimSpace(line); first == "" && line != "" {
			first = line
		}
	}
	return cmp.Or(first, "it ends without saying why")
}

// unfit is why the version does not fit what the host told, or nil.
func unfit(to string, settings []setting, facts map[string]string) error {
	file := settingIn(settings, "config-file")
	for line := range strings.Lines(facts["config_file"]) {
		if key, _, ok := strings.Cut(strings.Trim(line, " \t\"'{"), ":"); ok {
			settings = append(settings, setting{name: strings.Trim(key, `"' `), where: key + " in " + file})
		}
	}
	var gone, instead []string
	for _, s := range settings {
		if other, yes := etcd.Removed(to, s.name); yes {
			gone, instead = append(gone, s.where), append(instead, other)
		}
	}
	switch {
	case len(gone) > 0:
		return Failf("etcd %s knows no %s any more", to, strings.Join(gone, ", ")).
			WithHint("set in place of it, which 3.6 knows too: %s", strings.Join(instead, ", "))
	case facts["unfit"] != "":
		return Failf("%s does not take its settings: %s", strings.TrimSpace("etcd "+to), complaint(facts["unfit"])).
			WithHint("no member was touched; correct it in the variables, and run again. etcd --help lists the flags of a version, its release notes what replaces a flag")
	case facts["v2store"] != "":
		f := Failf("etcd %s no longer keeps what the old v2 API stored, and this member has some", to).
			WithHint("see https://etcd.io/docs/v3.6/upgrades/upgrade_3_6 for how it is moved or removed")
		f.Stderr = facts["v2store"]
		return f
	}
	return nil
}

// former reports whether a member would read entries in the form of 3.5 when it
// starts: those behind its last snapshot. A host that can't look may have some.
func former(facts map[string]string) bool {
	lines, looked := facts["v2_entries"]
	if !looked {
		return true
	}
	var snapshot uint64
	for name := range strings.FieldsSeq(facts["snapshots"]) {
		_, index, _ := strings.Cut(strings.TrimSuffix(name, ".snap"), "-") // TERM-INDEX.snap
		if n, err := strconv.ParseUint(index, 16, 64); err == nil {
			snapshot = max(snapshot, n)
		}
	}
	for line := range strings.FieldsSeq(lines) {
		head, err := hex.DecodeString(line)
		if index, ok := etcd.Former(head); err == nil && ok && index > snapshot {
			return true
		}
	}
	return false
}

// unfitPeers refuses to begin while any host's member can't get its new version:
// half an upgrade is no place to find that out.
func (u *turn) unfitPeers() error {
	for _, p := range u.t.Peers {
		d, ok := p.Gathered.(*daemon)
		if !ok || d.fit == nil || p.Outside {
			continue
		}
		if f, ok := d.fit.problem.(*Failure); ok {
			other := *f
			if p.Name != u.t.Host.Name {
				other.Msg = p.Name + ": " + f.Msg
			}
			return &other
		}
		if d.fit.former {
			return Failf("the log of %s still holds entries in the form of etcd 3.5, which 3.7 can't read", p.Name).
				WithHint("upgrade.yml -e etcd_version=%s sees to that first", versionOf(u.Command))
		}
	}
	return nil
}

// lastProgram is what the daemon runs, or ran last; "" if that is unknown.
func (d *daemon) lastProgram(command string) string {
	if d.running() {
		return d.process.exe
	}
	text, _ := d.recorded()
	if programs := recordedPrograms(text, command); len(programs) > 0 {
		return programs[0]
	}
	return ""
}

func (d *daemon) lastVersion(command string) string { return versionOf(d.lastProgram(command)) }
