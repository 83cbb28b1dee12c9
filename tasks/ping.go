package tasks

import (
	"context"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Ping shows that a host can be worked on.
type Ping struct {
	Data string `arg:"data" default:"pong" doc:"What comes back; \"crash\" fails"`
}

// Doc implements Module.
func (*Ping) Doc() Doc {
	return Doc{
		Summary:  "Show that the host can be reached and has a shell",
		Text:     `Logs in, becomes the task's user and runs an empty script. It is no ICMP ping.`,
		Examples: "- ping:\n",
		Returns:  []Return{{"ping", "what data says"}},
	}
}

// Run implements Module.
func (p *Ping) Run(ctx context.Context, t *Target) (Result, error) {
	if p.Data == "crash" {
		return Result{}, Failf("boom")
	}
	res, err := t.Script(ctx, script.New())
	res.Set("ping", p.Data)
	return res, err
}
