package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A launchAct is what a run does with the process.
type launchAct int

const (
	leave   launchAct = iota // it runs as it should
	start                    // it does not run
	restart                  // it runs otherwise than it should
)

// A launchPlan is what a run will do on one host. It follows from what the
// host told and from nothing else.
type launchPlan struct {
	act     launchAct
	why     string // of a restart
	margins string // of the etcd cluster, for the change's text
	first   bool   // of a start: with the first arguments
	stale   bool   // of leave: it should be restarted, but restart is never
	text    string // what the record is to say when the daemon is started
	plain   string // what it is to say in the end
	config  string // the digest of the configuration
	err     error
}

func (l *Launch) plan(d *daemon, check bool) launchPlan {
	p := launchPlan{config: l.config(d)}
	p.plain, p.err = l.recordText(d, false)
	if p.err != nil {
		return p
	}
	p.text = p.plain
	if d.running() {
		p.why = l.stale(d, p.config)
		if l.Restart == "always" && p.why == "" {
			p.why = "restart is always"
		}
		switch {
		case p.why == "":
		case l.Restart == "never":
			p.stale = true
		default:
			p.act = restart
		}
	} else {
		p.act = start
		p.first = l.FirstArgs != nil && (!d.launched() || l.Etcd != nil && !d.hasData())
		if p.first {
			p.text, p.err = l.recordText(d, true)
		}
	}
	if p.act != leave && !check && p.err == nil {
		p.err = l.runnable(d)
	}
	return p
}

// runnable checks the program before anything is stopped.
func (l *Launch) runnable(d *daemon) error {
	switch {
	case d.facts["binary"] == "" && strings.ContainsAny(l.Command, " \t"):
		return Failf("there is no program %q", l.Command).WithHint("command is the program alone; its arguments go to args")
	case d.facts["binary"] == "":
		return Failf("there is no program %s", l.Command).WithHint("install it first, with the fetch task")
	case d.facts["executable"] == "":
		return Failf("%s is not executable", l.Command).WithHint("give it the mode 0755")
	}
	return nil
}

// otherCommandLine is why a daemon is restarted that runs with other arguments.
const otherCommandLine = "its command line has changed"

// stale says why a running daemon must be restarted, or "".
func (l *Launch) stale(d *daemon, config string) string {
	p := d.process
	by := d.by
	if by == "hand" {
		by = "nohup" // it is left running where nothing supervises daemons anyhow
	}
	if by != d.manager {
		if d.manager == "systemd" {
			return "systemd does not run it yet"
		}
		return "systemd is to run it no longer"
	}
	if want := d.facts["user_uid"]; want != p.uid {
		return "it runs as another user"
	}
	if l.replaced(d) {
		return "its program was replaced"
	}
	if d.by == "hand" {
		if l.sameWords(p, d) {
			return ""
		}
		return otherCommandLine
	}
	startedWith, known := l.startedWith(d, config)
	switch {
	case known && startedWith == config && !l.oldFlags(p, d):
		return ""
	case !known && l.sameWords(p, d):
		return ""
	case l.sameWords(p, d):
		return "its environment or settings have changed"
	}
	return otherCommandLine
}

// replaced reports whether the process runs another file than command is now.
// That is only asked of a process that command itself became: a script's is its
// interpreter, a wrapper becomes something else.
func (l *Launch) replaced(d *daemon) bool {
	p := d.process
	if d.facts["binary"] == "" || p.exeID == "" || d.facts["interpreted"] == "yes" {
		return false
	}
	became := len(p.args) > 0 && p.args[0] == l.Command || path.Base(p.exe) == path.Base(d.facts["binary_path"])
	return became && p.exeID != d.facts["binary"]
}

// startedWith is the digest of the configuration that the process was started
// with. The command line alone would not tell: the environment does not show
// in it, and some daemons overwrite it.
func (l *Launch) startedWith(d *daemon, config string) (digest string, known bool) {
	if d.by == "nohup" {
		_, _, digest = d.pidFile()
		return digest, true
	}
	text, ok := d.facts["unit"]
	if !ok {
		return "", true // some other unit file of this name
	}
	digest = recordedConfig(text)
	if digest != config {
		return digest, true
	}
	var age int
	if _, err := fmt.Sscan(d.facts["unit_age"], &age); err != nil || age < 0 {
		return "", false // written in the future: a clock was wrong
	}
	if age+1 < d.process.age {
		return "", true // written after the process had started
	}
	if d.props["NeedDaemonReload"] == "yes" {
		return "", true // written before, but systemd had not read it
	}
	return digest, true
}

// oldFlags reports whether an etcd member, whose command line is as it was started,
// has other flags than it should, whatever the record says: systemd may have started
// it again with what it had read before. Which ones a member joined with is all right.
func (l *Launch) oldFlags(p *process, d *daemon) bool {
	if l.Etcd == nil || len(p.args) == 0 || p.args[0] != l.Command || l.sameWords(p, d) {
		return false
	}
	words, err := l.words(false)
	return err == nil && differing(p.args, words) != ""
}

// sameWords reports whether the process has the command line of the first or
// of every further start.
func (l *Launch) sameWords(p *process, d *daemon) bool {
	for _, first := range []bool{false, true} {
		if words, err := l.words(first); err == nil && p.runs(words, d.facts["interpreted"] == "yes") {
			return true
		}
	}
	return false
}

const (
	// configMark precedes the digest of the configuration in the record.
	configMark = "# Configuration "
	// firstStartMark stands in the record until the first start has succeeded.
	firstStartMark = "# The first start: some arguments change when it has succeeded."
)

func recordedConfig(text string) string {
	_, rest, _ := strings.Cut(text, configMark)
	digest, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(digest)
}

// config is a digest of all that a running daemon must be restarted for.
func (l *Launch) config(d *daemon) string {
	h := sha256.New()
	part := func(kind string, words ...string) { fmt.Fprintf(h, "%s %q\n", kind, words) }
	words, _ := l.words(false) // Validate has seen to it
	part("command", words...)
	for _, k := range slices.Sorted(maps.Keys(l.Env)) {
		part("env", k, l.Env[k])
	}
	part("as", l.User, l.Group, l.Dir, d.log)
	if d.manager == "systemd" {
		part("unit", value.Repr(l.Unit))
	}
	if l.RestartOn != nil {
		part("restart on", value.Repr(l.RestartOn))
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// recordText is the text of the unit or of the run file.
func (l *Launch) recordText(d *daemon, first bool) (string, error) {
	words, err := l.words(first)
	if err != nil {
		return "", err
	}
	var head strings.Builder
	fmt.Fprintf(&head, "# Written by etcdplay's launch task: change the playbook instead.\n%s%s\n", configMark, l.config(d))
	if first {
		head.WriteString(firstStartMark + "\n")
	}
	if d.manager == "systemd" {
		return l.unitText(d, head.String(), words)
	}
	return l.runText(head.String(), words), nil
}
