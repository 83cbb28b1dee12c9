package tasks

import (
	"context"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Ping tries whether a host can be worked on.
type Ping struct {
	Data string `arg:"data" default:"pong" doc:"What it answers; crash makes it fail"`
}

// Doc implements Module.
func (*Ping) Doc() Doc {
	return Doc{
		Summary:  "Try whether a host can be worked on",
		Text:     `Logs in, becomes the user that the task says, and runs a shell there. It is no ICMP ping.`,
		Examples: "- ping:\n",
		Returns:  []Return{{"ping", "the data"}},
	}
}

// Run implements Module.
func (p *Ping) Run(ctx context.Context, t *Target) (Result, error) {
	out, _, err := t.Query(ctx, script.New().Call("printf", "%s", p.Data))
	res := t.Result()
	switch {
	case err != nil:
		return res, err
	case p.Data == "crash":
		return res, Failf("boom")
	}
	res.Set("ping", string(out))
	return res, nil
}
