package runner

import (
	"context"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/playbooks"
)

// gatherFacts runs `setup` on all hosts, unless the play says no.
func (p *play) gatherFacts(ctx context.Context, hosts []*host) error {
	v, err := p.keyword(ctx, p.spec.GatherFacts)
	if err != nil {
		return err
	}
	if v != nil {
		on, err := truth(v)
		if err != nil {
			return source.Errorf(p.spec.GatherFacts.Pos, "gather_facts: %w", err)
		}
		if !on {
			return nil
		}
	}
	name, err := playbooks.NewValue("Gathering Facts", p.spec.Pos)
	if err != nil {
		return err
	}
	setup := &playbooks.Task{Action: "setup", Play: p.spec}
	setup.Name, setup.Pos, setup.Tags = name, p.spec.Pos, []string{"always"}
	p.section(ctx, []playbooks.Node{setup}, hosts)
	return nil
}
