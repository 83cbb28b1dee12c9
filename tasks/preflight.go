package tasks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// Preflight looks for what would go wrong before anything is touched.
type Preflight struct {
	Addresses []string          `arg:"addresses" doc:"IP addresses that must be on the host"`
	Ports     []string          `arg:"ports" split:"," doc:"Ports that must be free, or held by the daemon: 2379, or 192.168.161.3:2379"`
	Daemon    *PreflightDaemon  `arg:"daemon" doc:"The daemon to be launched, as launch will be told of it; it may hold the ports and own the data"`
	Etcd      *EtcdMember       `arg:"etcd" doc:"The daemon is an etcd member: a host where it never ran is asked for in the cluster that the others run"`
	Version   string            `arg:"version" doc:"The version of the daemon that is wanted, checked for its form: 3.6.16"`
	Joining   bool              `arg:"joining" doc:"Hosts that are no members of the running cluster yet are all right, and those whose data was lost"`
	Restoring bool              `arg:"restoring" doc:"Data directories that etcd_restore is at are all right"`
	Switching bool              `arg:"switching" doc:"A member that speaks http where https is wanted, or the other way round, is all right"`
	Data      []string          `arg:"data" doc:"Data directories: with anything in them they must be the daemon's own"`
	Space     []PreflightSpace  `arg:"space" doc:"Free disk space that is needed"`
	Sums      map[string]string `arg:"sums" doc:"Files whose checksums to tell, by any name: {ca: /etc/etcd/pki/current/ca.crt}"`
	Programs  []string          `arg:"programs" doc:"Commands that the host must have"`
	Unique    map[string]string `arg:"unique" doc:"Values that no other host may share: {name: peer1}"`
	Quorum    bool              `arg:"quorum" doc:"Warn when the number of hosts is even: one host less survives as many failures"`
	Shared    bool              `arg:"shared" doc:"Several hosts of the inventory may be one machine"`
	Skew      time.Duration     `arg:"skew" default:"10s" doc:"How far the host's clock may be from ours before there is a warning; 0: any"`
	Lock      string            `arg:"lock" doc:"Take the lock of this name on every host until the run's end: a second controller with the same lock waits ten seconds and then is refused. Not in check mode"`
	Takeover  bool              `arg:"takeover" doc:"Take the lock from whoever holds it"`
}

// PreflightDaemon says how to find the daemon, and what it left behind.
type PreflightDaemon struct {
	Name    string `arg:"name,required" doc:"launch's name"`
	Command string `arg:"command" doc:"Its program, by name or path: a process of it that was started by hand is known by the data directory on its command line"`
	User    string `arg:"user" doc:"launch's user"`
	Dir     string `arg:"dir" doc:"launch's dir"`
	Manager string `arg:"manager" default:"auto" choices:"systemd,nohup,auto" doc:"launch's manager; systemd is refused where it does not run the host"`
	Settled string `arg:"settled" doc:"A text that the recorded command line holds once the first start has succeeded. With it, empty data directories mean that the data was lost, which is refused"`
	Peer    string `arg:"peer" doc:"How the command lines of the other hosts' daemons name this host. A host without data that running others don't name is no member of their cluster, and is refused"`
}

// PreflightSpace is room that must be left on a disk.
type PreflightSpace struct {
	Path string `arg:"path,required" doc:"A directory on it, which need not exist yet"`
	Free string `arg:"free,required" doc:"A size, like 500M or 2G"`
}

// Doc implements Module.
func (*Preflight) Doc() Doc {
	return Doc{
		Summary: "Find what would go wrong before anything is touched",
		Text: `Reads, in one round trip, and changes nothing. All that is wrong on a host is told
together. With any_errors_fatal: true on the play nothing is done anywhere when
one host has a problem.

A data directory with something in it (lost+found, *.log, *.pid and *.run do not
count) is refused unless the daemon's unit, its run file or its running process
names it: it holds the data of something else, and is never overwritten.

Two hosts of the inventory with one kernel and one network are the same machine
under two names, and are refused unless shared is true.`,
		Examples: `- preflight:
    addresses: ["{{ ansible_host }}"]
    ports: [2379, 2380]
    daemon: {name: etcd, command: etcd, user: etcd}
    data: [/home/etcd/data]
    space: [{path: /home/etcd/data, free: 1G}]
    programs: [tar]
    unique: {name: "{{ inventory_hostname }}", address: "{{ ansible_host }}"}
    quorum: true
`,
		Returns: []Return{
			{"addresses", "the host's addresses"},
			{"version", "the newest version in the paths of the daemon's programs on all hosts (/opt/etcd/etcd-v3.6.16-linux-amd64/etcd), or empty"},
			{"command", "the command line that the daemon was started with, or is recorded with: a list of words, empty where it never ran"},
			{"scheme", "what the etcd member on the host speaks to its clients, http or https; empty where there is none"},
			{"sums", "the SHA-256 of each file in sums, by its name; those that can't be read are left out"},
			{"arch", "the architecture as releases name it: amd64, arm64, ppc64le, s390x…"},
		},
	}
}

// Validate implements Validator.
func (p *Preflight) Validate() error {
	var errs []error
	for _, a := range p.Addresses {
		if _, err := netip.ParseAddr(a); err != nil {
			errs = append(errs, &ArgError{Arg: "addresses", Msg: fmt.Sprintf("addresses: %q is no IP address", a),
				Hint: "a daemon listens on addresses, not on names"})
		}
	}
	if _, err := wantedPorts(p.Ports); err != nil {
		errs = append(errs, err)
	}
	for i, s := range p.Space {
		if _, err := parseSize(s.Free); err != nil {
			errs = append(errs, &ArgError{Arg: "space", Msg: fmt.Sprintf("space[%d].free: %v", i, err)})
		}
		errs = append(errs, absolute("space", s.Path))
	}
	errs = append(errs, absolute("data", p.Data...))
	if p.Etcd != nil {
		errs = append(errs, p.Etcd.validate("etcd"))
	}
	if _, err := etcd.ParseVersion(p.Version); p.Version != "" && err != nil {
		errs = append(errs, &ArgError{Arg: "version", Msg: "version: " + err.Error()})
	}
	if p.Daemon != nil && !daemonName.MatchString(p.Daemon.Name) {
		errs = append(errs, &ArgError{Arg: "daemon.name", Msg: fmt.Sprintf("daemon.name: %q must be made of letters, digits and -_.:", p.Daemon.Name)})
	}
	if p.Lock != "" && !daemonName.MatchString(p.Lock) {
		errs = append(errs, &ArgError{Arg: "lock", Msg: fmt.Sprintf("lock: %q must be made of letters, digits and -_.:", p.Lock)})
	}
	return errors.Join(errs...)
}

// Run implements Module.
func (p *Preflight) Run(ctx context.Context, t *Target) (Result, error) {
	own := surveyOf(t, t.Host.Name)
	if own == nil { // not gathered: the task runs alone
		gathered, err := p.Gather(ctx, t)
		if err != nil {
			return Result{}, err
		}
		own = gathered.(*survey)
	}
	late, err := p.locked(ctx, t)
	if err != nil {
		return Result{}, err
	}
	if late {
		gathered, err := p.Gather(ctx, t)
		if err != nil {
			return Result{}, err
		}
		own = gathered.(*survey)
	}
	res := Result{}
	res.Warnings = append(own.warnings(), p.quorumWarning(t)...)

	wrong := own.judge()
	wrong = append(wrong, p.twins(t, own)...)
	wrong = append(wrong, p.stranger(t, own)...)
	wrong = append(wrong, p.otherwise(own)...)
	wrong = append(wrong, p.bothPorts(own)...)
	outsider, err := p.outsider(ctx, t, own)
	if err != nil {
		return res, err
	}
	wrong = append(wrong, outsider...)
	if len(wrong) > 0 {
		return res, preflightFailure(wrong)
	}
	addresses := []any{}
	for _, a := range own.addresses() {
		addresses = append(addresses, a.String())
	}
	res.Set("addresses", addresses)
	res.Set("arch", releaseArch(own.facts["arch"]))
	res.Set("version", newestVersion(t))
	res.Set("sums", own.sums())
	res.Set("command", own.startedAs())
	res.Set("scheme", cmp.Or(own.schemes()))
	return res, nil
}

func preflightFailure(wrong []finding) *Failure {
	f := Failf("%s", wrong[0].text)
	if len(wrong) > 1 {
		f = Failf("%s must be solved first", count(len(wrong), "problem"))
		var lines []string
		for _, w := range wrong {
			lines = append(lines, w.text)
		}
		f.Stderr = strings.Join(lines, "\n")
	}
	var hints []string
	for _, w := range wrong {
		if w.hint != "" {
			hints = append(hints, w.hint)
		}
	}
	f.Hint = strings.Join(hints, "\n")
	return f
}

func surveyOf(t *Target, host string) *survey {
	for _, p := range t.Peers {
		if s, ok := p.Gathered.(*survey); ok && p.Name == host {
			return s
		}
	}
	return nil
}

// quorumWarning is said once, at the first host.
func (p *Preflight) quorumWarning(t *Target) []string {
	all := t.Everyone
	if all == nil {
		all = t.Peers
	}
	n := len(all)
	if !p.Quorum || n == 0 || n%2 != 0 || all[0].Name != t.Host.Name {
		return nil
	}
	return []string{fmt.Sprintf("%d members survive the loss of %d, as %d would: an odd number is better", n, (n-1)/2, n-1)}
}

// twins finds other hosts that share with this one what they must not.
func (p *Preflight) twins(t *Target, own *survey) (wrong []finding) {
	for _, other := range t.Peers {
		s, ok := other.Gathered.(*survey)
		if !ok || other.Name == t.Host.Name {
			continue
		}
		if !p.Shared && s.machine() == own.machine() {
			wrong = append(wrong, finding{
				fmt.Sprintf("%s and %s are the same machine", t.Host.Name, other.Name),
				"give each host of the inventory its own ansible_host",
			})
		}
		for key, v := range p.Unique {
			if s.task.Unique[key] == v {
				wrong = append(wrong, finding{fmt.Sprintf("%s and %s have the same %s: %s", t.Host.Name, other.Name, key, v), ""})
			}
		}
	}
	return wrong
}

// stranger finds out that this host is new, while the others' cluster was made
// without it: starting it here as for a new cluster would fail, or worse.
func (p *Preflight) stranger(t *Target, own *survey) []finding {
	if own.daemon == nil || p.Daemon.Peer == "" || own.recorded() {
		return nil
	}
	for _, other := range t.Peers {
		s, ok := other.Gathered.(*survey)
		if !ok || other.Name == t.Host.Name || !s.recorded() || s.names(p.Daemon.Peer) {
			continue
		}
		return []finding{{
			fmt.Sprintf("this host is new, and the cluster that runs on %s was made without it (it knows no %s)", other.Name, p.Daemon.Peer),
			"a running cluster is told of a new member before that member is started",
		}}
	}
	return nil
}

// releaseArch is what releases call an architecture.
func releaseArch(uname string) string {
	if word, ok := machines[uname]; ok {
		return word
	}
	return uname
}

// parseSize reads a size in bytes: 500M, 2G, 1.5GiB; units are powers of 1024.
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(strings.TrimSpace(s), "KMGTiBkb")
	unit := strings.ToUpper(strings.TrimRight(strings.TrimSpace(s)[len(number):], "iBb"))
	power, ok := map[string]int{"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[unit]
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || f < 0 || f > 1e15 {
		return 0, fmt.Errorf("%q is no size: write it like 500M or 2G", s)
	}
	return int64(f * float64(int64(1)<<power)), nil
}
