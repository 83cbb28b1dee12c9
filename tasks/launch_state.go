package tasks

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// A daemon is what a host told of it.
type daemon struct {
	facts   map[string]string // of launch_look
	props   map[string]string // of systemctl show
	manager string            // systemd or nohup: what is to run it here
	record  string            // the file that says how it is started: its unit or its run file
	base    string            // of the files NAME.run, NAME.pid and NAME.log
	log     string            // where its output goes, "" for the journal

	process *process // the daemon itself, or nil
	by      string   // what runs it: systemd, nohup, or hand
	fresh   bool     // this run has started it

	ready Gate // for the other hosts to ask

	// of an etcd member
	etcd   *LaunchEtcd
	act    launchAct // what was to be done when it was looked at
	leads  bool      // asked only where it is to be restarted or stopped
	timing [2]int    // see timingFlags
	fit    *fitness  // looked at only where its version is to change
}

// A process is one of a host.
type process struct {
	pid   string
	since string // in ticks since the boot; with pid it is unique until the next
	uid   string
	exeID string // device and inode of its program
	exe   string // the path of its program, where that still is
	age   int    // in seconds
	args  []string
}

func (d *daemon) running() bool { return d.process != nil }

// look observes the daemon on a host, in one round trip.
func (l *Launch) look(ctx context.Context, t *Target) (*daemon, error) {
	s := script.New().Call("launch_look", l.Name, l.Command, l.User, l.Dir)
	dir := l.dataDir()
	s.Call("launch_look_strays", l.Command, dir)
	if dir != "" {
		s.Call("preflight_dir", "data", dir)
	}
	if l.Log != "" {
		s.Call("launch_look_version")
	}
	_, facts, err := t.Query(ctx, s)
	if err != nil {
		return nil, err
	}
	return l.daemon(facts)
}

func (l *Launch) daemon(facts map[string]string) (*daemon, error) {
	d := &daemon{
		facts: facts, props: properties(facts["props"]),
		base: path.Join(facts["dir"], l.Name), log: l.Log, ready: l.Ready,
	}
	d.manager = l.Manager
	systemd := facts["systemd"] != ""
	switch {
	case l.Manager == "auto" && systemd && facts["uid"] == "0":
		d.manager = "systemd"
	case l.Manager == "auto":
		d.manager = "nohup"
	case l.Manager == "systemd" && !systemd:
		return nil, Failf("systemd does not run this host").WithHint("use manager: auto, or nohup")
	case l.Manager == "systemd" && facts["uid"] != "0":
		return nil, Failf("only root may manage systemd units").WithHint("use become: true, or manager: nohup")
	}
	d.record = d.base + ".run"
	if d.manager == "systemd" {
		d.record = unitPath(l.Name)
	} else if d.log == "" {
		d.log = d.base + ".log"
	}
	processes := map[string]*process{}
	for key, text := range facts {
		if pid, ok := strings.CutPrefix(key, "process."); ok {
			p, err := parseProcess(pid, text)
			if err != nil {
				return nil, err
			}
			processes[pid] = p
		}
	}
	return d, l.identify(d, processes)
}

// identify finds the daemon among the processes: the unit's, the one that the
// pid file tells of, one with the very command line, or one that has the data open.
func (l *Launch) identify(d *daemon, processes map[string]*process) error {
	var found []*process
	var by []string
	add := func(p *process, who string) {
		if p != nil && !slices.Contains(found, p) {
			found, by = append(found, p), append(by, who)
		}
	}
	add(processes[d.props["MainPID"]], "systemd")
	if pid, since, _ := d.pidFile(); processes[pid] != nil && processes[pid].since == since {
		add(processes[pid], "nohup")
	}
	if len(found) == 0 && l.Command != "" {
		var lines [][]string
		for _, first := range []bool{false, true} {
			words, err := l.words(first)
			if err != nil {
				return err
			}
			lines = append(lines, words)
		}
		for _, pid := range slices.Sorted(maps.Keys(processes)) {
			for _, words := range lines {
				if processes[pid].runs(words, d.facts["interpreted"] == "yes") {
					add(processes[pid], "hand")
				}
			}
		}
	}
	if len(found) == 0 {
		for pid := range strings.FieldsSeq(d.facts["users.data"]) {
			add(processes[pid], "hand")
		}
	}
	if len(found) > 0 {
		d.process, d.by = found[0], by[0]
	}
	return nil
}

// pidFile is what the pid file tells: the process, when it started, and the
// configuration that it was started with.
func (d *daemon) pidFile() (pid, since, config string) {
	f := strings.Fields(d.facts["pid_file"])
	if len(f) != 3 {
		return "", "", ""
	}
	return f[0], f[1], f[2]
}

// launched reports whether the daemon once came up on this host.
func (d *daemon) launched() bool {
	text, known := d.recorded()
	return known && !strings.Contains(text, firstStartMark)
}

// recorded is what the host has noted, for either manager.
func (d *daemon) recorded() (text string, known bool) {
	keys := []string{"unit", "run"}
	if d.manager == "nohup" {
		slices.Reverse(keys)
	}
	for _, key := range keys {
		if text, ok := d.facts[key]; ok {
			return text + "\n", true // the shell took the last newline off
		}
	}
	return "", false
}

// runs reports whether the process has this command line. The kernel puts the
// interpreter of a script, and at most one argument of it, in front.
func (p *process) runs(words []string, interpreted bool) bool {
	same := func(args []string) bool { return slices.Equal(joinFlags(args), joinFlags(words)) }
	if same(p.args) {
		return true
	}
	const most = 2 // words in front
	for n := 1; interpreted && n <= most && n < len(p.args); n++ {
		if same(p.args[n:]) {
			return true
		}
	}
	return false
}

// parseProcess reads what launch_look_process tells.
func parseProcess(pid, text string) (*process, error) {
	lines := strings.SplitN(text, "\n", 6)
	if len(lines) != 6 {
		return nil, fmt.Errorf("the host tells of process %s in a way not understood: %q", pid, text)
	}
	p := &process{pid: pid, since: lines[0], uid: lines[1], exeID: lines[2], exe: strings.TrimSuffix(lines[3], " (deleted)")}
	p.age, _ = strconv.Atoi(lines[4]) // 0 is as good as not known
	words := strings.TrimSuffix(strings.TrimSuffix(lines[5], "x"), "\n")
	for w := range strings.SplitSeq(words, "\n") {
		p.args = append(p.args, strings.ReplaceAll(w, "\x01", "\n"))
	}
	return p, nil
}

func properties(text string) map[string]string {
	props := map[string]string{}
	for line := range strings.Lines(text) {
		key, val, _ := strings.Cut(strings.TrimSpace(line), "=")
		props[key] = val
	}
	return props
}

// A listener is a TCP socket that some process listens on.
type listener struct {
	addr  netip.AddrPort
	inode string
}

// listeners reads the lines of /proc/net/tcp and tcp6 that tell_listening passes
// on. The kernel prints each 32-bit word of an address in the host's own byte
// order.
func (d *daemon) listeners() []listener {
	bigEndian := strings.HasPrefix(d.facts["arch"], "s390") || d.facts["arch"] == "ppc64"
	var out []listener
	for line := range strings.Lines(d.facts["listening"]) {
		f := strings.Fields(line)
		if len(f) != 2 {
			continue
		}
		ip, port, _ := strings.Cut(f[0], ":")
		raw, err := hex.DecodeString(ip)
		n, perr := strconv.ParseUint(port, 16, 16)
		if err != nil || perr != nil {
			continue
		}
		if !bigEndian {
			for i := 0; i+4 <= len(raw); i += 4 {
				binary.BigEndian.PutUint32(raw[i:], binary.LittleEndian.Uint32(raw[i:]))
			}
		}
		if addr, ok := netip.AddrFromSlice(raw); ok {
			out = append(out, listener{netip.AddrPortFrom(addr.Unmap(), uint16(n)), f[1]})
		}
	}
	return out
}
