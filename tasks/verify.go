package tasks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Verify proves that a cluster works, from the outside.
type Verify struct {
	Etcd    *EtcdCheck     `arg:"etcd" doc:"An etcd cluster: every play host is a member"`
	HTTP    []HTTPCheck    `arg:"http" doc:"Requests whose answers are as given"`
	TCP     []TCPCheck     `arg:"tcp" doc:"Ports that accept connections, and what they answer"`
	Command []CommandCheck `arg:"command" doc:"Commands that succeed on the hosts, with the given output"`
	Timeout time.Duration  `arg:"timeout" default:"60s" doc:"How long the cluster may take until everything holds"`
}

// Doc implements Module.
func (*Verify) Doc() Doc {
	return Doc{
		Summary: "Prove that a cluster works",
		Text: `Asks every play host, all at once and again and again until everything holds or
the time is up; then all failures are told together. Requests go through the SSH
connections, so nothing but sshd has to be reachable from here. It runs once for
all hosts, with each host's own arguments, and never reports a change.

etcd: all members are there, started, called like their hosts, in one cluster
with one leader and a quorum; no alarms, no learners, one version, and equal data
(HashKV at one revision). Both tables are printed as etcdctl 3.6 does. Unless
write is false, one key below etcdplay/verify/ is written, read back through
every member and removed (its lease of 30 s removes it should this process die);
the revision grows by two.

http, tcp and command serve other clusters. A check must hold on every host;
with "holds: 1" on exactly one (one leader, whoever it is). In regular expressions
^ and $ match at every line.`,
		Examples: `- verify:
    etcd:
      endpoint: http://{{ ansible_host }}:2379
      version: 3.6.16

- verify:
    timeout: 30s
    http:
      - url: http://{{ ansible_host }}:8222/healthz
      - name: one meta leader
        url: http://{{ ansible_host }}:8222/jsz
        json: {meta_cluster.leader: "{{ inventory_hostname }}"}
        holds: 1
    tcp:
      - address: "{{ ansible_host }}:6379"
        send: "PING\r\n"
        expect: '^\+PONG'
    command:
      - argv: [redis-cli, role]
        stdout: ^master
        holds: 1
`,
		Returns: []Return{
			{"leader", "etcd: the leader's name"},
			{"cluster_id", "etcd: the cluster's ID in hexadecimal"},
			{"revision", "etcd: the revision at which all members' data were equal"},
			{"members", "etcd: a list of id, name, peer_urls, client_urls, learner, version, db_size, leader"},
		},
		Check: "Nothing is written. What does not hold (yet) is told as decided at run time and fails nothing, since earlier tasks did not really run.",
	}
}

// Order implements Orderer: one run speaks to all hosts.
func (*Verify) Order() Order { return Once }

// Gather implements Gatherer: it hands this host's own arguments to the one
// run. It costs no round trip.
func (v *Verify) Gather(context.Context, *Target) (any, error) { return v, nil }

// Validate implements Validator.
func (v *Verify) Validate() error {
	var errs []error
	if v.Etcd == nil && len(v.HTTP)+len(v.TCP)+len(v.Command) == 0 {
		errs = append(errs, errors.New("nothing to verify: give etcd, http, tcp or command"))
	}
	if v.Timeout <= 0 {
		errs = append(errs, &ArgError{Arg: "timeout", Msg: "timeout must be more than zero"})
	}
	if v.Etcd != nil {
		errs = append(errs, v.Etcd.validate("etcd"))
	}
	for i := range v.HTTP {
		errs = append(errs, v.HTTP[i].validate(fmt.Sprintf("http[%d]", i)))
	}
	for i := range v.TCP {
		errs = append(errs, v.TCP[i].validate(fmt.Sprintf("tcp[%d]", i)))
	}
	for i := range v.Command {
		errs = append(errs, v.Command[i].validate(fmt.Sprintf("command[%d]", i)))
	}
	return errors.Join(errs...)
}

// A finding is one reason why a cluster is not (yet) as it should be.
type finding struct{ text, hint string }

// A probe looks at the cluster once.
type probe interface {
	// look returns what does not hold; reached says that anything answered.
	look(ctx context.Context) (wrong []finding, reached bool)
	// prove is called once nothing is wrong any more, and may change data.
	prove(ctx context.Context) []finding
	// tell adds what the last look saw.
	tell(res *Result)
	close()
}

// A subject is one host to verify: its connection and its own arguments.
type subject struct {
	Peer
	args *Verify
}

// Run implements Module.
func (v *Verify) Run(ctx context.Context, t *Target) (Result, error) {
	hosts := v.subjects(t)
	probes, err := v.probes(ctx, t, hosts)
	defer func() {
		for _, p := range probes {
			p.close()
		}
	}()
	if t.Check && errors.Is(err, fs.ErrNotExist) { // certificates that an earlier task would have made
		return v.later(fmt.Sprintf("decided at run time: %v", err)), nil
	}
	if err != nil {
		return Result{}, err
	}
	if t.Check {
		return v.preview(ctx, probes)
	}
	started := time.Now()
	wrong, err := v.await(ctx, t, probes)
	res := Result{}
	for _, p := range probes {
		p.tell(&res)
	}
	if err != nil || len(wrong) > 0 {
		return res, v.failure(wrong, time.Since(started), err)
	}
	return res, nil
}

// subjects pairs the play's hosts with what Gather returned for each.
func (v *Verify) subjects(t *Target) []subject {
	var out []subject
	for _, p := range t.Peers {
		args, ok := p.Gathered.(*Verify)
		if !ok {
			args = v
		}
		out = append(out, subject{p, args})
	}
	return out
}

func (v *Verify) probes(ctx context.Context, t *Target, hosts []subject) (all []probe, err error) {
	if v.Etcd != nil {
		p, err := newEtcdProbe(ctx, t, hosts)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return append(all, newChecks(t, hosts)...), nil
}

// preview looks once and fails nothing: earlier tasks of the run were only
// foreseen.
func (v *Verify) preview(ctx context.Context, probes []probe) (Result, error) {
	res, later := Result{Msg: "holds already"}, ""
	ctx, cancel := context.WithTimeout(ctx, min(v.Timeout, 10*time.Second))
	defer cancel()
	for _, p := range probes {
		wrong, reached := p.look(ctx)
		switch {
		case !reached:
			later = "decided at run time: nothing answers yet"
		case len(wrong) > 0:
			later = "decided at run time; as things are, " + wrong[0].text
		}
		if reached {
			p.tell(&res)
		}
	}
	if later != "" {
		res.Msg = later
		res.Text += later + "\n"
	}
	return res, nil
}

// later is a result that says what only a run can tell.
func (*Verify) later(why string) Result { return Result{Msg: why, Text: why + "\n"} }

// The pause between two looks grows from the first to the second.
const (
	shortPause = 100 * time.Millisecond
	longPause  = time.Second
)

// await looks until nothing is wrong, and returns what was wrong last.
func (v *Verify) await(ctx context.Context, t *Target, probes []probe) ([]finding, error) {
	started := time.Now()
	within, cancel := context.WithTimeout(ctx, v.Timeout)
	defer cancel()
	var last []finding // of a look that had time enough
	for pause := shortPause; ; pause = min(pause*3/2, longPause) {
		wrong := lookAll(within, probes)
		if len(wrong) == 0 {
			for _, p := range probes {
				wrong = append(wrong, p.prove(within)...)
			}
		}
		if len(wrong) == 0 {
			return nil, nil
		}
		if last == nil || within.Err() == nil {
			last = wrong
		}
		if t.Status != nil {
			t.Status(fmt.Sprintf("%s (%.0f s of %.0f s)", wrong[0].text, time.Since(started).Seconds(), v.Timeout.Seconds()))
		}
		select {
		case <-within.Done():
			return last, ctx.Err()
		case <-t.Interrupted:
			return last, Failf("stopped by Ctrl-C while this was waited for: %s", wrong[0].text)
		case <-time.After(pause):
		}
	}
}

func lookAll(ctx context.Context, probes []probe) (wrong []finding) {
	for _, p := range probes {
		w, _ := p.look(ctx)
		wrong = append(wrong, w...)
	}
	return wrong
}

func (v *Verify) failure(wrong []finding, took time.Duration, cause error) *Failure {
	var lines, hints []string
	for _, w := range wrong {
		lines = append(lines, w.text)
		if w.hint != "" {
			hints = append(hints, w.hint)
		}
	}
	f := Failf("the cluster is not as it should be after %.0f s, %s", took.Seconds(), count(len(wrong), "problem"))
	if cause != nil {
		f = Failf("verify was stopped after %.0f s: %w", took.Seconds(), cause)
	}
	f.Stderr = strings.Join(lines, "\n")
	f.Hint = strings.Join(hints, "\n")
	return f
}

// count is "1 problem" or "3 problems".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
