package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// EtcdStatus tells how an etcd cluster is, on one screen.
type EtcdStatus struct {
	Etcd   EtcdMember `arg:"etcd,required" doc:"How to ask this host's member"`
	Daemon string     `arg:"daemon" default:"etcd" doc:"launch's name of the daemon, to tell a stopped one from one that does not answer"`
	Dir    string     `arg:"dir" doc:"launch's dir"`
	Expiry int        `arg:"expiry" default:"14" doc:"How many days before its end a certificate is a problem"`
}

// Doc implements Module.
func (*EtcdStatus) Doc() Doc {
	return Doc{
		Summary: "Tell how an etcd cluster is, on one screen",
		Text: `A line for every member: whether its daemon runs, whether it leads, how many raft
entries it lacks, the size of its database, how much of that is in use and how much
it may be, its version, what 99 of 100 writes of its log stayed below on their way to
the disk since it was started, and when the certificate that it shows ends. Then the
alarms and whatever is wrong. Members may be down, all of them too; hosts that can't be
reached are told.

It fails when anything is wrong, so that the exit code tells. It asks, changes
nothing, and does not hash the data: verify does.`,
		Examples: `- etcd_status:
    etcd: {endpoint: "http://{{ ansible_host }}:2379"}
`,
		Returns: []Return{
			{"healthy", "whether nothing is wrong"},
			{"quorum", "whether the cluster takes writes"},
			{"spare", "how many more members may fail"},
			{"leader", "its name, or empty"},
			{"members", "a list of name, host, daemon, role, version, lag, db_size, db_in_use, db_quota, sync_p99 (seconds), certificate_ends"},
			{"problems", "what is wrong, in words"},
		},
	}
}

// Order implements Orderer.
func (*EtcdStatus) Order() Order { return Once }

// Validate implements Validator.
func (s *EtcdStatus) Validate() error { return s.Etcd.validate("etcd") }

// A statusLine is what is told of one host.
type statusLine struct {
	host, name, daemon, role string
	args                     *EtcdStatus
	state                    *etcd.EndpointState // nil: it was not or could not be asked
	lag                      string
	ends                     time.Time     // of its certificate; zero: it showed none
	sync                     time.Duration // see slowSync
}

// Gather implements Gatherer.
func (s *EtcdStatus) Gather(ctx context.Context, t *Target) (any, error) {
	l := &Launch{Name: s.Daemon, Dir: s.Dir, Manager: "auto"}
	line := &statusLine{host: t.Host.Name, name: s.Etcd.named(t.Host), daemon: "stopped", args: s}
	d, err := l.look(ctx, t)
	switch {
	case err != nil:
		return nil, err
	case d.running():
		line.daemon = "running"
	case d.props["ActiveState"] == "failed":
		line.daemon = "failed"
	case d.props["ActiveState"] == "activating":
		line.daemon = "starting"
	}
	if line.ends, err = s.Etcd.certificateEnds(ctx, t); err != nil {
		line.ends = time.Time{} // whether it answers at all is told by the member's state
	}
	if line.sync, err = s.Etcd.slowSync(ctx, t); err != nil {
		line.sync = 0
	}
	return line, nil
}

// Run implements Module.
func (s *EtcdStatus) Run(ctx context.Context, t *Target) (Result, error) {
	r := &statusReport{now: time.Now(), expiry: time.Duration(s.Expiry) * 24 * time.Hour}
	var seats []seat
	for _, p := range t.Peers {
		if line, ok := p.Gathered.(*statusLine); ok {
			seats = append(seats, seat{p, &line.args.Etcd})
			r.lines = append(r.lines, line)
		}
	}
	cluster, err := openEtcd(ctx, t, seats)
	if err != nil {
		return Result{}, err
	}
	defer cluster.Close()
	r.state = cluster.Look(ctx)
	r.lookAt(t)
	res := Result{Text: r.text(), Msg: r.summary(), Warnings: r.slowDisks()}
	r.tell(&res)
	if len(r.problems) == 0 {
		return res, nil
	}
	f := Failf("%s", r.summary())
	f.Hint = strings.Join(r.hints, "\n")
	return res, f
}

// A statusReport is all that is told.
type statusReport struct {
	lines           []*statusLine
	state           *etcd.State
	now             time.Time
	expiry          time.Duration
	problems, hints []string
}

// lookAt brings what the members and the hosts said together.
func (r *statusReport) lookAt(t *Target) {
	var names []string
	leader := r.state.Leader()
	for i, line := range r.lines {
		names = append(names, line.name)
		e := &r.state.Endpoints[i]
		if e.Err != nil {
			continue
		}
		line.state, line.role = e, "follower"
		switch {
		case e.Learner:
			line.role = "learner"
		case e.IsLeader():
			line.role = "leader"
		case e.Leader == 0:
			line.role = "no leader"
		}
		if leader != nil {
			line.lag = fmt.Sprint(max(0, int64(leader.RaftIndex)-int64(e.Applied)))
		}
	}
	for _, p := range t.Everyone {
		if !slices.ContainsFunc(r.lines, func(l *statusLine) bool { return l.host == p.Name }) {
			r.lines = append(r.lines, &statusLine{host: p.Name, name: p.Name, daemon: "unreachable"})
			r.problems = append(r.problems, p.Name+": the host can't be reached")
			if r.state.Reached() {
				names = append(names, p.Name)
			}
		}
	}
	for _, p := range etcd.Judge(r.state, etcd.Expect{Members: names}) {
		r.problems = append(r.problems, p.String())
		if p.Hint != "" && !slices.Contains(r.hints, p.Hint) {
			r.hints = append(r.hints, p.Hint)
		}
	}
	for _, line := range r.lines {
		if !line.ends.IsZero() && line.ends.Before(r.now.Add(r.expiry)) {
			r.problems = append(r.problems, fmt.Sprintf("%s: its certificate ends on %s", line.name, line.ends.UTC().Format("2006-01-02 15:04")))
		}
	}
}

// spare is how many more voters may fail before no write is taken.
func (r *statusReport) spare() int {
	serving := 0
	for _, m := range r.state.Members {
		if !m.Learner && slices.ContainsFunc(r.state.Endpoints, func(e etcd.EndpointState) bool { return e.Err == nil && e.Member == m.ID && e.Leader != 0 }) {
			serving++
		}
	}
	return serving - etcd.Majority(r.state.Voters())
}

func (r *statusReport) summary() string {
	switch {
	case !r.state.Reached():
		return "no member answers"
	case !r.state.Quorum:
		return "NO QUORUM: nothing is written"
	}
	leader := "nobody"
	if l := r.state.Leader(); l != nil {
		leader = l.Name
	}
	text := fmt.Sprintf("%s, %s leads, revision %d, %d more may fail", count(r.state.Voters(), "voter"), leader, r.revision(), max(0, r.spare()))
	if n := len(r.problems); n > 0 {
		return text + ", " + count(n, "problem")
	}
	return text + ", all is well"
}

func (r *statusReport) revision() (rev int64) {
	for _, e := range r.state.Endpoints {
		rev = max(rev, e.Revision)
	}
	return rev
}

func (r *statusReport) tell(res *Result) {
	res.Set("healthy", len(r.problems) == 0)
	res.Set("quorum", r.state.Quorum)
	res.Set("spare", max(0, r.spare()))
	leader := ""
	if l := r.state.Leader(); l != nil {
		leader = l.Name
	}
	res.Set("leader", leader)
	members := []any{}
	for _, line := range r.lines {
		d := value.NewDict("name", line.name, "host", line.host, "daemon", line.daemon, "role", line.role)
		if e := line.state; e != nil {
			d.Set("version", e.Version)
			d.Set("lag", line.lag)
			d.Set("db_size", int(e.DBSize))
			d.Set("db_in_use", int(e.DBInUse))
			d.Set("db_quota", int(e.DBQuota))
		}
		if line.sync > 0 {
			d.Set("sync_p99", line.sync.Seconds())
		}
		if !line.ends.IsZero() {
			d.Set("certificate_ends", line.ends.UTC().Format(time.RFC3339))
		}
		members = append(members, d)
	}
	res.Set("members", members)
	res.Set("problems", texts(r.problems))
}
