package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/tasks"
)

// A job is a task that runs in the background (async with poll: 0). It runs
// on a connection of its own, and the run waits for it before it ends.
type job struct {
	id, host string
	done     chan struct{}
	res      tasks.Result
	err      error
}

// async starts a call in the background, or gives it its time and waits.
func (c *call) async(ctx context.Context) (outcome, bool) {
	limit, err := c.p.seconds(ctx, c.sc, c.t.Async, 0)
	if err != nil {
		return c.failed(err), true
	}
	if limit <= 0 || c.check {
		return outcome{}, false
	}
	poll, err := c.p.seconds(ctx, c.sc, c.t.Poll, 15*time.Second)
	if err != nil {
		return c.failed(err), true
	}
	id := "j" + strconv.FormatUint(rand.Uint64N(1e12), 10) + "." + strconv.Itoa(rand.IntN(1e4))
	j := c.p.run.startJob(ctx, c, id, limit)
	if poll > 0 {
		return c.await(ctx, j, limit, poll), true
	}
	res := tasks.Result{Changed: true}
	res.Set("ansible_job_id", id)
	res.Set("started", 1)
	res.Set("finished", 0)
	res.Set("results_file", "")
	return c.outcome(res, nil), true
}

func (r *Run) startJob(ctx context.Context, c *call, id string, limit time.Duration) *job {
	j := &job{id: id, host: c.h.name, done: make(chan struct{})}
	r.mu.Lock()
	r.jobs[id] = j
	r.mu.Unlock()
	background := *c
	background.settings.Lane = id
	background.timeout = limit
	go func() {
		defer close(j.done)
		ctx, cancel := background.within(ctx)
		defer cancel()
		j.res, j.err = background.run.run(ctx, &background)
		if e := background.timedOut(ctx, j.err); e != j.err {
			j.err = tasks.Failf("async task did not complete within the requested time - %gs", limit.Seconds())
		}
	}()
	return j
}

// await waits for a job and tells how it is getting on.
func (c *call) await(ctx context.Context, j *job, limit, poll time.Duration) outcome {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-j.done:
			c.p.run.emit(AsyncPoll{Host: c.h.name, Job: j.id, Finished: true, Failed: j.err != nil})
			return c.outcome(j.res, j.err)
		case <-tick.C:
			c.p.run.emit(AsyncPoll{Host: c.h.name, Job: j.id})
		}
	}
}

func (r *Run) jobStatus(id string) (finished bool, res tasks.Result, err error, known bool) {
	r.mu.Lock()
	j := r.jobs[id]
	r.mu.Unlock()
	if j == nil {
		return false, tasks.Result{}, nil, false
	}
	select {
	case <-j.done:
		return true, j.res, j.err, true
	default:
		return false, tasks.Result{}, nil, true
	}
}

// waitJobs lets the background jobs end, each within its own time.
func (r *Run) waitJobs(ctx context.Context) {
	r.mu.Lock()
	open := map[string]*job{}
	for id, j := range r.jobs {
		open[id] = j
	}
	r.mu.Unlock()
	for _, j := range open {
		select {
		case <-j.done:
			continue
		default:
		}
		r.warn(source.Pos{}, j.host, fmt.Sprintf("waiting for the background job %s to end", j.id))
		<-j.done
	}
}

// rawVar makes a variable of a value that was read at run time.
func rawVar(name string, v any) playbooks.Var {
	val, err := playbooks.NewValue(v, source.Pos{})
	if err != nil {
		// A template that does not compile is told when it is used.
		val, _ = playbooks.NewValue(value.NewDict("error", err.Error()), source.Pos{})
	}
	return playbooks.Var{Name: name, Value: val}
}
