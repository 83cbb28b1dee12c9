package tasks

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// judge is all that is wrong on this host alone.
func (s *survey) judge() (wrong []finding) {
	wrong = append(wrong, s.wrongAddresses()...)
	wrong = append(wrong, s.takenPorts()...)
	wrong = append(wrong, s.foreignData()...)
	wrong = append(wrong, s.fullDisks()...)
	if missing := s.facts["missing"]; missing != "" {
		wrong = append(wrong, finding{"the host lacks " + strings.ReplaceAll(missing, " ", ", "), "install them"})
	}
	return wrong
}

// warnings are what may go well all the same.
func (s *survey) warnings() (all []string) {
	if limit := s.task.Skew; limit > 0 && s.skew.Abs() > limit {
		way := "ahead of"
		if s.skew < 0 {
			way = "behind"
		}
		all = append(all, fmt.Sprintf("the host's clock is %s %s this machine's: is its time synchronised?", s.skew.Abs().Round(time.Second), way))
	}
	return all
}

// machine is equal for two names of one machine.
func (s *survey) machine() string {
	list := s.addresses()
	slices.SortFunc(list, netip.Addr.Compare)
	return s.facts["network"] + fmt.Sprint(list)
}

// addresses reads what preflight_network told.
func (s *survey) addresses() (list []netip.Addr) {
	for line := range strings.Lines(s.facts["addresses"]) {
		line = strings.TrimSpace(line)
		if raw, err := hex.DecodeString(line); err == nil && len(raw) == 16 {
			a, _ := netip.AddrFromSlice(raw)
			list = append(list, a)
		} else if a, err := netip.ParseAddr(line); err == nil {
			list = append(list, a)
		}
	}
	return list
}

func (s *survey) wrongAddresses() (wrong []finding) {
	have := s.addresses()
	var shown []string
	for _, a := range have {
		if !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			shown = append(shown, a.String())
		}
	}
	for _, text := range s.task.Addresses {
		a, err := netip.ParseAddr(text)
		if err != nil || a.IsUnspecified() || a.IsLoopback() {
			continue
		}
		if !slices.Contains(have, a.WithZone("").Unmap()) {
			wrong = append(wrong, finding{
				fmt.Sprintf("address %s is not on the host; it has %s", text, strings.Join(shown, ", ")),
				"behind address translation a daemon listens on the host's own address and advertises the other",
			})
		}
	}
	return wrong
}

func (s *survey) takenPorts() (wrong []finding) {
	wanted, _ := wantedPorts(s.task.Ports) // validated
	seen, told := map[string]bool{}, map[string]bool{}
	for _, l := range (&daemon{facts: s.facts}).listeners() {
		if seen[l.inode] || !slices.ContainsFunc(wanted, func(w netip.AddrPort) bool { return clash(l.addr, w) }) {
			continue
		}
		seen[l.inode] = true
		pid, command := s.holder(l.inode)
		if one := fmt.Sprintf("%s %d", pid, l.addr.Port()); pid != "" && told[one] {
			continue // it listens for IPv4 and IPv6
		} else {
			told[one] = true
		}
		switch {
		case pid == "" && len(s.owners) > 0:
			// a process that this user can't see, while the daemon runs, is the daemon
		case slices.ContainsFunc(s.owners, func(p *process) bool { return p.pid == pid }):
		case pid == "":
			wrong = append(wrong, finding{
				fmt.Sprintf("port %d is taken: a process that this user can't see listens on %s", l.addr.Port(), l.addr),
				"look with `ss -ltnp` as root; a container may publish the port",
			})
		default:
			wrong = append(wrong, finding{
				fmt.Sprintf("port %d is taken: process %s listens on %s: %s", l.addr.Port(), pid, l.addr, command),
				"stop that process, or choose another port",
			})
		}
	}
	return wrong
}

// holder is who has a socket open, as tell_holders told; "" if it can't be
// seen. The command lines of some processes were told before.
func (s *survey) holder(inode string) (pid, command string) {
	for line := range strings.Lines(s.facts["holders"]) {
		if rest, ok := strings.CutPrefix(line, inode+" "); ok {
			pid, command, _ = strings.Cut(strings.TrimSpace(rest), " ")
			if p, err := parseProcess(pid, s.facts["process."+pid]); command == "" && err == nil {
				command = strings.Join(p.args, " ")
			}
			return pid, command
		}
	}
	return "", ""
}

// foreignData finds data directories that belong to something else, and those
// whose data is gone.
func (s *survey) foreignData() (wrong []finding) {
	for i, dir := range s.task.Data {
		kind, names, _ := strings.Cut(s.facts["dir."+strconv.Itoa(i)], "\n")
		used := slices.ContainsFunc(strings.Split(names, "\n"), countsAsData)
		owned := s.owns(dir) || s.facts["users."+strconv.Itoa(i)] != "" || s.movedHere(strings.Split(names, "\n"))
		if slices.Contains(strings.Split(names, "\n"), restoreFolder) {
			owned = true // whatever ran here, these data are ours
			if !s.task.Restoring {
				wrong = append(wrong, finding{
					"a restore of " + dir + " is under way",
					"run restore.yml or recover-quorum.yml again, as it was run before: it goes on where it was",
				})
			}
		}
		switch {
		case kind == "unreadable" && !owned:
			wrong = append(wrong, finding{dir + " can't be read by this user", "use become: true"})
		case kind == "file":
			wrong = append(wrong, finding{dir + " is no directory", ""})
		case used && !owned:
			wrong = append(wrong, finding{
				dir + " holds data that nothing here owns, perhaps of another cluster; it is never overwritten",
				"choose another directory, or move this one aside if its data is not needed any more",
			})
		case !used && kind != "unreadable" && owned && s.settled() && !s.task.Joining:
			wrong = append(wrong, finding{
				dir + " is empty, but a daemon that keeps its data there has run on this host: the data was lost",
				"a member whose data was lost must be removed from the cluster and added anew; for etcd, replace.yml does that",
			})
		}
	}
	return wrong
}

// countsAsData tells data from what a fresh file system or launch leaves.
func countsAsData(name string) bool {
	if name == "" || name == "lost+found" || name == restoredNote || strings.HasPrefix(name, "removed-") {
		return false
	}
	return !slices.Contains([]string{".log", ".pid", ".run"}, path.Ext(name))
}

// owns reports whether the daemon's record or its process names a directory.
func (s *survey) owns(dir string) bool {
	if s.daemon == nil {
		return false
	}
	if slices.ContainsFunc(s.owners, func(p *process) bool { return p.names(dir) }) {
		return true
	}
	return slices.ContainsFunc(s.recordWords(), endsIn(path.Clean(dir)))
}

// recordWords cuts the unit and the run file into what may be words, whatever
// their quoting.
func (s *survey) recordWords() []string { return recordedWords(s.record()) }

func recordedWords(record string) []string {
	return strings.FieldsFunc(record, func(r rune) bool { return strings.ContainsRune(" \t\n'\"\\", r) })
}

// recordedPrograms are the paths in a record that end in the name of a program.
func recordedPrograms(record, program string) (paths []string) {
	for _, w := range recordedWords(record) {
		if _, file, ok := strings.Cut(w, "="); ok {
			w = file // ExecStart=/opt/…
		}
		if path.IsAbs(w) && path.Base(w) == path.Base(program) {
			paths = append(paths, w)
		}
	}
	return paths
}

// endsIn matches "--data-dir=DIR", "DIR" and "DIR/", but no other folder.
func endsIn(dir string) func(word string) bool {
	return func(word string) bool {
		head, ok := strings.CutSuffix(strings.TrimRight(word, "/"), dir)
		return ok && (head == "" || strings.HasSuffix(head, "=") || strings.HasSuffix(head, ":"))
	}
}

func (s *survey) settled() bool {
	text := s.task.Daemon.Settled
	return text != "" && len(s.owners) == 0 && strings.Contains(s.record(), text)
}

// record is how launch noted that the daemon is to be started, or "".
func (s *survey) record() string { return strings.TrimSpace(s.facts["unit"] + "\n" + s.facts["run"]) }

// recorded reports whether the daemon was ever started here, as far as is known.
func (s *survey) recorded() bool {
	return len(s.owners) > 0 || s.record() != ""
}

// names reports whether the daemon's command line holds a text.
func (s *survey) names(text string) bool {
	if strings.Contains(s.record(), text) {
		return true
	}
	return slices.ContainsFunc(s.owners, func(p *process) bool { return strings.Contains(strings.Join(p.args, " "), text) })
}

func (s *survey) fullDisks() (wrong []finding) {
	for i, space := range s.task.Space {
		need, _ := parseSize(space.Free) // validated
		free, err := strconv.ParseInt(s.facts["free."+strconv.Itoa(i)], 10, 64)
		if err == nil && free<<10 < need {
			wrong = append(wrong, finding{
				fmt.Sprintf("%s needs %s of disk space, but only %s are free", space.Path, sizeText(need), sizeText(free<<10)), "",
			})
		}
	}
	return wrong
}

// sizeText is a size in the units that parseSize reads.
func sizeText(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	f, u := float64(n), 0
	for f >= 1024 && u < len(units)-1 {
		f, u = f/1024, u+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0") + " " + units[u]
}
