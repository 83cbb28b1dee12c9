package runner

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
)

// checkHosts refuses a run that could not mean what it says.
func (r *Run) checkHosts() error {
	var errs source.Errors
	if r.cfg.Limit != "" {
		hosts, err := r.cfg.Inventory.Limit(r.cfg.Inventory.Hosts(), r.cfg.Limit)
		if err == nil && len(hosts) == 0 && len(r.cfg.Inventory.Hosts()) > 0 {
			errs.Add(source.Errorf(source.Pos{}, "--limit %s selects no host", r.cfg.Limit))
		}
		errs.Add(err)
	}
	for _, p := range r.cfg.Plays {
		if free(p.Strategy) {
			for _, t := range allTasks(p) {
				errs.Add(r.refuseFree(t))
			}
		}
	}
	return errs.Err()
}

func free(strategy *playbooks.Value) bool {
	return strategy != nil && strings.HasSuffix(value.Str(strategy.Raw()), "free")
}

// allTasks lists what a play holds before the run.
func allTasks(p *playbooks.Play) []*playbooks.Task {
	var nodes []playbooks.Node
	for _, role := range p.Roles {
		nodes = append(nodes, role.Tasks...)
	}
	var out []*playbooks.Task
	for _, list := range [][]playbooks.Node{nodes, p.PreTasks, p.Tasks, p.PostTasks, p.Handlers} {
		out = flatten(list, out)
	}
	return out
}

// refuseFree refuses a task whose hosts must go together, where each goes on
// its own.
func (r *Run) refuseFree(t *playbooks.Task) error {
	if m, ok := r.cfg.Tasks.New(t.Action); !ok || !coordinated(m) {
		return nil
	}
	e := source.Errorf(place(t), "%s needs all hosts together, and with strategy free each goes on its own", t.Action)
	e.Text = r.cfg.Loader.Line(e.Pos)
	return e.WithHint("put it into a play of its own, without strategy: free")
}
