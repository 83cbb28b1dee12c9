package tasks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// Operation is the beginning or the end of what is done to a running etcd cluster.
type Operation struct {
	State    string      `arg:"state,required" choices:"begin,end" doc:"begin before the first task that operates on the cluster, end after the last one"`
	Name     string      `arg:"name" doc:"begin: what is done, like scale-out; for those who must wait for it, and for the report"`
	Etcd     *EtcdMember `arg:"etcd,required" doc:"How to ask this host's member"`
	Prove    bool        `arg:"prove" doc:"begin: write to the cluster from now on, and prove in the end that nothing acknowledged was lost"`
	Rate     int         `arg:"rate" default:"100" doc:"begin: with prove, how many writes a second"`
	Takeover bool        `arg:"takeover" doc:"begin: take the lock from whoever holds it"`
}

// Doc implements Module.
func (*Operation) Doc() Doc {
	return Doc{
		Summary: "Lock an etcd cluster for an operation, and prove what came of it",
		Text: `begin takes a lock in the cluster itself (the key etcdplay/lock, on a lease that
ends 15 s after a controller that died), so that no two controllers operate on it at
once. Another one's lock is waited for as long as it may be a dead one's, then the
task fails and names who holds it. It notes the members, the leader and the
versions. With prove it begins to write, a hundred writes a second of some bytes
each.

end reads everything back and reports: the members before and after, how often the
leader changed, how many writes were acknowledged, the longest time between two of
them, whether all members' data are equal (HashKV), and the time taken. It fails if
an acknowledged write was lost or the data differ. Then it releases the lock. When
the run fails in between, the lock is released at its end.`,
		Examples: `- operation: {state: begin, name: defragment, etcd: "{{ member_api }}", prove: "{{ etcd_prove | default(false) }}"}
# ... the tasks
- operation: {state: end, etcd: "{{ member_api }}"}
`,
		Returns: []Return{
			{"members", "end: the members' names"},
			{"leader_changes", "end: how often the leader changed"},
			{"seconds", "end: the time since begin"},
			{"writes", "end, with prove: how many were acknowledged"},
			{"lost", "end, with prove: how many of them were lost"},
			{"unanswered", "end, with prove: how many writes got no answer"},
			{"longest_gap", "end, with prove: seconds, the longest time between two acknowledgements"},
		},
		Check: "Nothing is locked, written or reported.",
	}
}

// Order implements Orderer: one run speaks to all hosts.
func (*Operation) Order() Order { return Once }

// Validate implements Validator.
func (o *Operation) Validate() error {
	var errs []error
	if o.Etcd != nil {
		errs = append(errs, o.Etcd.validate("etcd"))
	}
	if o.Rate <= 0 || o.Rate > 10000 {
		errs = append(errs, &ArgError{Arg: "rate", Msg: fmt.Sprintf("rate: %d is none from 1 to 10000", o.Rate)})
	}
	return errors.Join(errs...)
}

// Gather implements Gatherer: it hands this host's own arguments to the one run.
func (o *Operation) Gather(context.Context, *Target) (any, error) { return o, nil }

// Run implements Module.
func (o *Operation) Run(ctx context.Context, t *Target) (Result, error) {
	switch {
	case t.Check:
		return Result{}, nil
	case o.State == "begin":
		return o.begin(ctx, t)
	}
	return o.end(ctx, t)
}

// theOperation is the name that the session keeps a bracket under.
const theOperation = "operation"

// A bracket is an operation under way.
type bracket struct {
	name    string
	begun   time.Time
	before  *etcd.State
	cluster *etcd.Cluster
	lock    *etcd.Lock // nil where none could be written
	load    *etcd.Load // nil without prove
}

// bracketOf is the operation that is under way, or nil.
func bracketOf(t *Target) *bracket {
	if t.Session == nil {
		return nil
	}
	b, _ := t.Session.Kept(theOperation).(*bracket)
	return b
}

// nextStep says which step is about to be taken, for the proof of the operation that
// brackets it, if any. The error is that another controller has taken the lock over,
// or that the user has pressed Ctrl-C: then the step must not be taken.
func nextStep(ctx context.Context, t *Target, step string) error {
	if err := t.mayBegin(step); err != nil {
		return err
	}
	b := bracketOf(t)
	if b == nil {
		return nil
	}
	if b.lock != nil {
		if err := b.lock.Lost(ctx); err != nil {
			return Failf("%w; this run stops before this step: %s", err, step).
				WithHint("what was done stays; when that one has ended, run this again")
		}
	}
	if b.load != nil {
		b.load.Mark(step)
	}
	return nil
}

var _ io.Closer = (*bracket)(nil)

// Close ends the operation without a report.
func (b *bracket) Close() error {
	var errs []error
	if b.load != nil {
		b.load.Close()
	}
	if b.lock != nil {
		errs = append(errs, b.lock.Close())
	}
	return errors.Join(append(errs, b.cluster.Close())...)
}

// seats are the members of all hosts that can be reached.
func (o *Operation) seats(t *Target) []seat {
	return seatsOf(t, func(args *Operation) *EtcdMember { return args.Etcd })
}

func (o *Operation) begin(ctx context.Context, t *Target) (Result, error) {
	if bracketOf(t) != nil {
		return Result{}, Failf("an operation is under way already").WithHint("end it first: operation: {state: end, …}")
	}
	endpoints, options, err := waysToEtcd(t, o.seats(t))
	if err != nil {
		return Result{}, err
	}
	life := context.WithoutCancel(ctx) // it outlives this task; the session ends it
	b := &bracket{name: o.Name, begun: time.Now()}
	if b.cluster, err = etcd.Open(life, endpoints, options); err != nil {
		return Result{}, Failf("%w", err)
	}
	var res Result
	if err := o.open(ctx, t, b, &res); err != nil {
		return res, errors.Join(err, b.Close())
	}
	if o.Prove {
		t.Status("beginning to write")
		if b.load, err = etcd.StartLoad(life, endpoints, options, o.Rate); err != nil {
			return res, errors.Join(Failf("the proof can't begin: %w", err), b.Close())
		}
	}
	return res, t.Session.Keep(theOperation, b)
}

// open looks at the cluster and locks it.
func (o *Operation) open(ctx context.Context, t *Target, b *bracket, res *Result) error {
	b.before = b.cluster.Look(ctx)
	if err := serving(b.before); err != nil {
		return err
	}
	ctx, cancel := t.untilInterrupted(ctx)
	defer cancel()
	lock, err := b.cluster.Lock(ctx, thisHolder(o.Name), etcd.LockOptions{
		May:     func(h etcd.Holder) bool { return o.Takeover || goneHolder(h) },
		Waiting: func(h etcd.Holder) { t.Status("waiting for " + h.String()) },
	})
	var held *etcd.Held
	switch {
	case err != nil && t.interrupted():
		return stopped("stopped by Ctrl-C while the lock was waited for")
	case errors.As(err, &held):
		return Failf("%w", held).WithHint("wait until that is done; if it is certainly dead, take the lock over with -e etcd_takeover=true")
	case errors.Is(err, etcd.ErrNoSpace):
		res.Warnings = append(res.Warnings, fmt.Sprintf("there is no lock against another controller: %v", err))
	case err != nil:
		return Failf("the cluster can't be locked: %w", err)
	}
	b.lock = lock
	return nil
}
