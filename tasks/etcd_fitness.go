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
	Latency time.Duration `arg:"latency" default:"10ms" doc:"How long 99 of 100 small writes may take to the disk; the default is etcd's own advice"`
	Skew    time.Duration `arg:"skew" default:"500ms" doc:"How far the hosts' clocks may be apart"`
	Files   int           `arg:"files" default:"65536" doc:"How many open files the host must allow"`
}

// Doc implements Module.
func (*EtcdFitness) Doc() Doc {
	return Doc{
		Summary: "Look whether hosts are fit for etcd",
		Text: `Warns, and never fails: of a disk that is slow to write through, of clocks that
nobody sets or that are apart, of memory that is swapped out, of few open files.

The disk is timed with 300 writes of 2300 bytes, as etcd's log makes them, each on
the disk (O_DSYNC) before the next, for 20 seconds at most. dd measures each by itself,
so what starting it takes does not count. Told are the median and what 99 of 100 stayed
below, to compare with the latency. All hosts are timed at once, as members write. On a
host whose dd can't write so (busybox), the disk is not timed.

The clock is taken for synchronised when chrony follows a source, or the kernel or
systemd say so; where only ntpd or the like runs, that is believed. Clocks are compared
over the connection, which is good to half its round trip.`,
		Examples: `- etcd_fitness:
    data: /home/etcd/data
`,
		Returns: []Return{
			{"write_median", "milliseconds for one write, or empty"},
			{"write_p99", "milliseconds that 99 of 100 writes stayed below, or empty"},
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
		writes, dir, err := f.timeDisk(ctx, t)
		if err != nil {
			return res, err
		}
		if len(writes) == 0 {
			warn("the disk could not be timed: this dd does not know oflag=dsync")
		} else {
			median, p99 := percentile(writes, 50), percentile(writes, 99)
			if p99 > f.Latency {
				warn("the disk of %s is slow: 99 of 100 writes took up to %s, half of them up to %s; etcd wants %s", dir, ms(p99), ms(median), ms(f.Latency))
			}
			res.Set("write_median", median.Seconds()*1000)
			res.Set("write_p99", p99.Seconds()*1000)
			said = append(said, fmt.Sprintf("99 of 100 writes within %s, half within %s (%d writes)", ms(p99), ms(median), len(writes)))
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

// timeDisk measures single writes; none where that can't be done.
func (f *EtcdFitness) timeDisk(ctx context.Context, t *Target) (writes []time.Duration, dir string, err error) {
	const count, seconds = "300", "20"
	t.Status("timing the disk")
	_, facts, err := t.Query(ctx, script.New().Call("fitness_disk", f.Data, count, seconds))
	if err != nil {
		return nil, "", err
	}
	for text := range strings.FieldsSeq(facts["disk"]) {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, "", nil
		}
		writes = append(writes, time.Duration(seconds*1e9))
	}
	slices.Sort(writes)
	return writes, facts["disk_dir"], nil
}

// percentile is what p of 100 don't exceed; sorted must not be empty.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
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
