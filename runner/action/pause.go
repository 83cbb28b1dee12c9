package action

import (
	"context"
	"fmt"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
)

// Pause waits for a time, or for somebody.
type Pause struct {
	Seconds float64 `arg:"seconds" doc:"How long"`
	Minutes float64 `arg:"minutes" doc:"How long, in minutes"`
	Prompt  string  `arg:"prompt" doc:"A text to show; what is typed is returned as user_input"`
	Echo    bool    `arg:"echo" default:"true" doc:"Show what is typed"`
}

// Doc describes the task.
func (Pause) Doc() tasks.Doc {
	return tasks.Doc{
		Summary:  "Wait for a time, or until somebody presses Enter",
		Text:     "Runs once for all hosts. Without a terminal a pause for input ends at once.",
		Examples: "- pause:\n    prompt: Press Enter when the load balancer is drained\n",
		Returns:  []tasks.Return{{Name: "user_input", Doc: "what was typed"}},
	}
}

// Order is once: there is one person to ask.
func (Pause) Order() tasks.Order { return tasks.Once }

// Run waits.
func (p *Pause) Run(ctx context.Context, r Run) (tasks.Result, error) {
	var res tasks.Result
	wait := time.Duration((p.Seconds + 60*p.Minutes) * float64(time.Second))
	start := time.Now()
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return res, ctx.Err()
		}
		res.Set("user_input", "")
	} else {
		text := p.Prompt
		if text == "" {
			text = "Press Enter to go on"
		}
		in, asked, err := r.Prompt(ctx, text, !p.Echo)
		if err != nil {
			return res, err
		}
		if !asked {
			r.Warn("pause: there is no terminal to ask at, going on")
		}
		res.Set("user_input", in)
	}
	res.Set("stdout", fmt.Sprintf("Paused for %.2f seconds", time.Since(start).Seconds()))
	return res, nil
}
