package tasks

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// EtcdFitness looks whether the hosts are fit for members of an etcd cluster.
type EtcdFitness struct {
	Data    string        `arg:"data,required" doc:"The data directory, or where it will be: its disk is timed"`
	Latency time.Duration `arg:"latency" default:"10ms" doc:"How long a small write to the disk may take; etcd's own advice is 10 ms for 99 of 100"`
	Skew    time.Duration `arg:"skew" default:"500ms" doc:"How far the hosts' clocks may be apart"`
	Files   int           `arg:"files" default:"65536" doc:"How many open files the host must allow"`
}

// Doc implements Module.
func (*EtcdFitness) Doc() Doc {
	return Doc{
		Summary: "Look whether hosts are fit for etcd",
		Text: `Warns, and never fails: of a disk that is slow to write through, of clocks that
nobody sets or that are apart, of memory that is swapped out, of few open files.

The disk is timed with 500 writes of 2300 bytes, as etcd's log makes them, each on
the disk (O_DSYNC) before the next, in ten runs of 50. What is told is the mean of
all, and the mean of the slowest run. That is no 99th percentile: no shell can time
a single write. A slowest run below the limit says that hardly any write of it took
longer; one above it says for certain that writes take longer at times. On a host
whose dd can't write so, the disk is not timed.

Clocks are compared over the connection, which is good to half its round trip.`,
		Examples: `- etcd_fitness:
    data: /home/etcd/data
`,
		Returns: []Return{
			{"write_mean", "milliseconds for one write, or empty"},
			{"write_worst", "the same, in the slowest run of 50"},
			{"clock_offset", "milliseconds ahead of this machine"},
			{"synchronised", "whether something sets the clock"},
		},
		Check: "The disk is not timed.",
	}
}

// Validate implements Validator.
func (f *EtcdFitness) Validate() error { return absolute("data", f.Data) }

// A hostFitness is what one host told.
type hostFitness struct {
	facts  map[string]string
	offset time.Duration // of its clock, ahead of ours
	known  bool          // of offset
}

// Gather implements Gatherer.
func (f *EtcdFitness) Gather(ctx context.Context, t *Target) (any, error) {
	_, facts, err := t.Query(ctx, script.New().Call("fitness_look"))
	if err != nil {
		return nil, err
	}
	own := &hostFitness{facts: facts}
	shortest := time.Hour
	for range 3 { // the quickest answer tells the clock best
		begun := time.Now()
		_, facts, err := t.Query(ctx, script.New().Call("fitness_clock"))
		took := time.Since(begun)
		if err != nil {
			return nil, err
		}
		if took >= shortest {
			continue
		}
		shortest = took
		if seconds, err := strconv.ParseFloat(facts["clock"], 64); err == nil {
			at := time.Unix(0, int64(seconds*1e9))
			own.offset, own.known = at.Sub(begun.Add(took/2)), true
		}
	}
	return own, nil
}

// Run implements Module.
func (f *EtcdFitness) Run(ctx context.Context, t *Target) (Result, error) {
	own, ok := t.Host.Gathered.(*hostFitness)
	if !ok {
		return Result{}, Failf("the host was not looked at")
	}
	res := Result{}
	warn := func(format string, args ...any) { res.Warnings = append(res.Warnings, fmt.Sprintf(format, args...)) }
	var said []string
	if !t.Check {
		mean, worst, dir, err := f.timeDisk(ctx, t)
		if err != nil {
			return res, err
		}
		switch {
		case mean == 0:
			warn("the disk could not be timed: this dd does not know oflag=dsync")
		case worst > f.Latency:
			warn("the disk of %s is slow: %s for a write through it, %s in the slowest of ten runs; etcd wants %s", dir, ms(mean), ms(worst), ms(f.Latency))
		}
		if mean > 0 {
			res.Set("write_mean", mean.Seconds()*1000)
			res.Set("write_worst", worst.Seconds()*1000)
			said = append(said, fmt.Sprintf("%s a write, %s in the slowest run", ms(mean), ms(worst)))
		}
	}
	synchronised := own.facts["synchronised"] == "yes" || own.facts["chrony"] == "Normal" || own.facts["synchronised"] == "" && own.facts["time_daemon"] != ""
	res.Set("synchronised", synchronised)
	if !synchronised {
		warn("nothing sets the clock, or it is not set yet: install chrony")
	}
	if own.known {
		res.Set("clock_offset", own.offset.Milliseconds())
		said = append(said, "clock "+ms(own.offset))
	}
	if text := f.apart(t); text != "" {
		warn("%s", text)
	}
	if n, err := strconv.Atoi(own.facts["open_files"]); err == nil && n < f.Files {
		warn("a process may open %d files, and etcd wants %d: without systemd, raise the hard limit", n, f.Files)
	}
	if n, err := strconv.Atoi(own.facts["swaps"]); err == nil && n > 0 {
		warn("%s of memory are swapped out: a member that waits for its memory misses heartbeats", sizeText(int64(n)<<10))
	}
	res.Msg = strings.Join(said, ", ")
	return res, nil
}

// timeDisk measures; mean is 0 where that can't be done.
func (f *EtcdFitness) timeDisk(ctx context.Context, t *Target) (mean, worst time.Duration, dir string, err error) {
	const writes = 50 // in a run
	t.Status("timing the disk")
	_, facts, err := t.Query(ctx, script.New().Call("fitness_disk", f.Data))
	if err != nil {
		return 0, 0, "", err
	}
	runs := strings.Fields(facts["disk"])
	for _, run := range runs {
		seconds, err := strconv.ParseFloat(run, 64)
		if err != nil {
			return 0, 0, "", nil
		}
		one := time.Duration(seconds * 1e9 / writes)
		mean += one / time.Duration(len(runs))
		worst = max(worst, one)
	}
	return mean, worst, facts["disk_dir"], nil
}

// apart is said at the host whose clock is the farthest ahead.
func (f *EtcdFitness) apart(t *Target) string {
	var known []Peer
	for _, p := range t.Peers {
		if own, ok := p.Gathered.(*hostFitness); ok && own.known {
			known = append(known, p)
		}
	}
	if len(known) < 2 {
		return ""
	}
	offset := func(p Peer) time.Duration { return p.Gathered.(*hostFitness).offset }
	byClock := func(a, b Peer) int { return int(offset(a) - offset(b)) }
	first, last := slices.MinFunc(known, byClock), slices.MaxFunc(known, byClock)
	if d := offset(last) - offset(first); d > f.Skew && last.Name == t.Host.Name {
		return fmt.Sprintf("its clock is %s ahead of %s's: certificates and leases count on clocks that agree", ms(d), first.Name)
	}
	return ""
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
