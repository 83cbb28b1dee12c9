package tasks

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
)

// Launch runs a daemon on every host, one host after another.
type Launch struct {
	Name      string            `arg:"name,required" doc:"What the daemon is called: the unit NAME.service, or the files NAME.run and NAME.pid"`
	Command   string            `arg:"command" alias:"cmd" doc:"The program, an absolute path"`
	Args      any               `arg:"args" doc:"Its arguments: a dict of flags in order ({name: peer1, quiet: true} gives --name=peer1 --quiet; a list is joined with commas, a dict as key=value pairs, null leaves the flag out), or a list of words"`
	FirstArgs any               `arg:"first_args" doc:"Arguments of the very first start only: a dict that overrides args, or a list that replaces it. Once that start has succeeded, what is recorded on the host is args, without a restart"`
	Env       map[string]string `arg:"env" alias:"environment" doc:"Environment variables. Secrets are better off in a file of the program's own"`
	User      string            `arg:"user" doc:"Who runs it; by default the user of the connection or become_user"`
	Group     string            `arg:"group" doc:"Its group; by default the user's"`
	Dir       string            `arg:"dir" alias:"chdir" doc:"Its working directory. Without systemd NAME.run and NAME.pid lie here; by default in the user's home"`
	Log       string            `arg:"log" doc:"File that its output is appended to; by default the journal, without systemd DIR/NAME.log"`
	Manager   string            `arg:"manager" default:"auto" choices:"systemd,nohup,auto" doc:"What keeps it running. nohup: a background process that does not survive a reboot; auto: systemd where it runs the host and we are root"`
	Unit      *value.Dict       `arg:"unit" doc:"Further systemd settings, by section: {Service: {LimitNOFILE: 65536}}; a list repeats the setting, null leaves out one of ours"`
	State     string            `arg:"state" default:"started" choices:"started,stopped" doc:"stopped also means not started when the host boots"`
	Restart   string            `arg:"restart" default:"changed" choices:"changed,always,never" doc:"When a running daemon is restarted: when its program, arguments, environment, user or settings are others than it was started with, at every run, or never"`
	RestartOn any               `arg:"restart_on" doc:"Further values whose change needs a restart, like the digest of a file that the daemon reads only when it starts"`
	Alive     Gate              `arg:"alive" doc:"How to tell that it came up (60 s by default); without it, that it listens on the first of ports, or lives for a second"`
	Ready     Gate              `arg:"ready" doc:"How to tell that it serves (90 s by default); asked from the moment that a majority of the hosts (see first_quorum) runs it"`
	Founders  int               `arg:"first_quorum" default:"-1" doc:"How many hosts must run it before any can be ready, while one of them has never run it yet; by default a majority. For clusters that come into being only when all are there"`
	Quorum    int               `arg:"quorum" default:"-1" doc:"How many hosts must stay ready while one restarts; by default a majority of the play's hosts. 0: none"`
	Ports     []string          `arg:"ports" split:"," doc:"Ports that it will listen on (2379, or 192.168.161.3:2379): when another process holds one, nothing is started. By default those of alive and ready"`
	Etcd      *LaunchEtcd       `arg:"etcd" doc:"The daemon is an etcd member. Restarts then go followers first and the leader last, after it handed the lead over, and only while all other members serve; see below"`
	StopTime  time.Duration     `arg:"stop_timeout" default:"30s" doc:"How long it may take to end before it is killed"`
}

// Doc implements Module.
func (*Launch) Doc() Doc {
	return Doc{
		Summary: "Run a daemon on every host, one host after another",
		Text: `Brings the daemon to run with exactly these arguments, under systemd or as a
background process. The hosts come one after another: first those where it is
down, in inventory order, then those where it must be restarted; after a failure
no further host is touched.

After each start its alive gate must pass. Only when a majority of the play's
hosts runs it, its ready gate must pass too, there and on the hosts before: the
first members of a cluster can't be ready alone. With etcd, where no member runs,
all are started before any must be ready. Gates are asked through the connection, so
the host needs no curl.

A daemon that runs is restarted when it was started with another configuration, or
when its program file was replaced. That is refused if it would lose the quorum:
when as many hosts are ready now as make a majority, and without this one they
would not. Hosts that --limit leaves out are asked too; one that can't be reached
counts as not ready. Plays of one or two hosts have no majority to spare; they get
a warning.

With etcd the cluster itself is asked. A member is restarted only while every other
one serves, none is a learner and no alarm is raised (but NOSPACE, when the quota
changes); the leader comes last and first hands the lead to a member that is done.
After each start the member must have caught up with the leader before the next one
is touched. The texts of the changes say how many members may fail before and
meanwhile. A member whose data was lost is not started, nor is one that the running
cluster does not know; a change of version must be one that etcd supports.

A process that someone started by hand is recognised by its command line. With
manager nohup it is left running; under systemd it is replaced by the unit.

Without systemd the daemon gets a clean environment (PATH, HOME, USER and env),
a session of its own, and DIR/NAME.run, a script that starts it in the same way.`,
		Examples: `- launch:
    name: etcd
    command: /usr/local/bin/etcd
    user: etcd
    args:
      name: "{{ inventory_hostname }}"
      data-dir: /home/etcd/data
      listen-metrics-urls: http://127.0.0.1:2381
      initial-cluster-state: existing
    first_args: {initial-cluster-state: new}
    unit: {Service: {Type: notify, LimitNOFILE: 65536}}
    alive: {url: "http://127.0.0.1:2381/livez"}
    ready: {url: "http://127.0.0.1:2381/readyz"}
    ports: [2379, 2380]

- launch:
    name: redis
    command: /usr/bin/redis-server
    args: [/etc/redis.conf, --port, 6379]
    alive: {port: 6379}
`,
		Returns: []Return{
			{"pid", "the process"},
			{"command", "the command line, quoted for a shell"},
			{"manager", "systemd or nohup"},
			{"state", "running, started, restarted or stopped"},
		},
		Check: "Whether gates will pass.",
	}
}

// Order implements Orderer.
func (*Launch) Order() Order { return Sequential }

// daemonName is what is safe both in a file name and as a unit name that needs
// no escaping. An @ would make it an instance of a template.
var daemonName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]*$`)

// Validate implements Validator.
func (l *Launch) Validate() error {
	if !daemonName.MatchString(l.Name) {
		return fmt.Errorf("name: %q must be made of letters, digits and -_.:", l.Name)
	}
	for _, p := range []struct{ arg, path string }{{"command", l.Command}, {"dir", l.Dir}, {"log", l.Log}} {
		if p.path == "" {
			continue
		}
		if !strings.HasPrefix(p.path, "/") {
			return &ArgError{Arg: p.arg, Msg: fmt.Sprintf("%s: %q is no absolute path", p.arg, p.path)}
		}
		if strings.ContainsAny(p.path, "\n\r") {
			return &ArgError{Arg: p.arg, Msg: p.arg + ": must be one line"}
		}
	}
	if l.State == "stopped" {
		return nil
	}
	if l.Command == "" {
		return &ArgError{Arg: "command", Msg: "command: missing", Hint: "give the program's absolute path"}
	}
	if _, err := l.words(true); err != nil {
		return err
	}
	for name := range l.Env {
		if err := (EnvVar{Name: name}).Validate(); err != nil {
			return fmt.Errorf("env: %w", err)
		}
	}
	if _, err := wantedPorts(l.Ports); err != nil {
		return err
	}
	if _, err := l.unitSections(); err != nil {
		return err
	}
	errs := []error{l.Alive.validate("alive"), l.Ready.validate("ready")}
	if l.Etcd != nil {
		errs = append(errs, l.Etcd.validate("etcd"))
	}
	return errors.Join(errs...)
}

// Gather implements Gatherer: every host is looked at before any is changed.
func (l *Launch) Gather(ctx context.Context, t *Target) (any, error) {
	d, err := l.look(ctx, t)
	if err == nil && l.Etcd != nil {
		err = l.seeMember(ctx, t, d)
	}
	return d, err
}

// Sequence implements Sequencer: hosts where the daemon is down come first, the
// one whose etcd member leads last.
func (l *Launch) Sequence(peers []Peer) []int {
	order := make([]int, len(peers))
	ranks := make([]int, len(peers))
	for i, p := range peers {
		order[i] = i
		if d, ok := p.Gathered.(*daemon); ok {
			ranks[i] = d.rank()
		}
		if l.State == "stopped" && ranks[i] < 2 {
			ranks[i] += 4 // nothing is to be stopped there
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return ranks[a] - ranks[b] })
	return order
}

// Run implements Module.
func (l *Launch) Run(ctx context.Context, t *Target) (Result, error) {
	if err := l.distinct(t); err != nil {
		return Result{}, err
	}
	d, err := l.look(ctx, t)
	if err != nil {
		return Result{}, err
	}
	if l.State == "stopped" {
		return l.stop(ctx, t, d)
	}
	p := l.plan(d, t.Check)
	if p.err != nil {
		return Result{}, p.err
	}
	if p.act != leave {
		if err := l.freePorts(ctx, t, d); err != nil {
			return Result{}, err
		}
	}
	turn := l.turn(t, d, &p)
	if err := turn.prepare(ctx); err != nil {
		return t.Result(), err
	}
	res, err := l.carryOut(ctx, t, d, p)
	if turn.warning != "" {
		res.Warnings = append(res.Warnings, turn.warning)
	}
	if err != nil || t.Check {
		return res, err
	}
	if err = l.waitFor(ctx, t, d); err == nil {
		err = turn.catchUp(ctx)
	}
	if d.running() {
		res.Set("pid", pidNumber(d.process.pid))
	}
	if err != nil {
		return res, err
	}
	return res, l.settle(ctx, t, d, p)
}

// distinct refuses hosts of the play that are one machine and would have one
// daemon between them.
func (l *Launch) distinct(t *Target) error {
	seen := map[string]string{}
	for _, p := range t.Peers {
		d, ok := p.Gathered.(*daemon)
		if !ok {
			continue
		}
		key := d.facts["machine"] + " " + d.record
		if other, twice := seen[key]; twice && (p.Name == t.Host.Name || other == t.Host.Name) {
			return Failf("%s and %s are the same machine and would share %s", other, p.Name, d.record).
				WithHint("give the daemon a name for each host: name: %s-{{ inventory_hostname }}", l.Name)
		}
		seen[key] = p.Name
	}
	return nil
}
