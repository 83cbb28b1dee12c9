package action

import (
	"context"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// WaitForConnection waits until the host can be reached.
type WaitForConnection struct {
	Timeout        time.Duration `arg:"timeout" default:"600" doc:"How long to try"`
	Delay          time.Duration `arg:"delay" doc:"How long to wait before the first try"`
	Sleep          time.Duration `arg:"sleep" default:"1" doc:"How long to wait between tries"`
	ConnectTimeout time.Duration `arg:"connect_timeout" default:"5" doc:"How long one try may take"`
}

// Doc describes the task.
func (WaitForConnection) Doc() tasks.Doc {
	return tasks.Doc{
		Summary:  "Wait until the host can be reached again",
		Examples: "- wait_for_connection:\n    timeout: 120\n",
		Returns:  []tasks.Return{{Name: "elapsed", Doc: "seconds waited"}},
	}
}

// Run drops the connection and dials until it is there.
func (w *WaitForConnection) Run(ctx context.Context, r Run) (tasks.Result, error) {
	var res tasks.Result
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	pause := w.Delay
	for {
		if err := sleep(ctx, pause); err != nil {
			return res, tasks.Failf("the host could not be reached within %s", w.Timeout)
		}
		r.Reconnect()
		try, done := context.WithTimeout(ctx, w.ConnectTimeout)
		err := r.Ping(try)
		done()
		if err == nil {
			res.Set("elapsed", int(time.Since(start).Seconds()))
			return res, nil
		}
		pause = max(w.Sleep, 50*time.Millisecond)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// AsyncStatus asks for a background job.
type AsyncStatus struct {
	Job  string `arg:"jid,required" doc:"ansible_job_id of the task that was started"`
	Mode string `arg:"mode" default:"status" choices:"status,cleanup" doc:"cleanup forgets the job"`
}

// Doc describes the task.
func (AsyncStatus) Doc() tasks.Doc {
	return tasks.Doc{
		Summary:  "Ask whether a background job has finished",
		Examples: "- async_status:\n    jid: \"{{ job.ansible_job_id }}\"\n  register: job_result\n  until: job_result.finished\n  retries: 30\n",
	}
}

// Run asks.
func (a *AsyncStatus) Run(_ context.Context, r Run) (tasks.Result, error) {
	finished, res, err, known := r.Job(a.Job)
	if !known {
		return tasks.Result{}, tasks.Failf("there is no job %s", a.Job)
	}
	if res.Data == nil {
		res.Data = value.NewDict()
	}
	res.Set("ansible_job_id", a.Job)
	res.Set("started", 1)
	if !finished {
		res.Set("finished", 0)
		return res, nil
	}
	res.Set("finished", 1)
	return res, err
}
