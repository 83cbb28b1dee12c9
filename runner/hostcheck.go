package runner

import (
	"github.com/etcdplay/etcdplay/internal/source"
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
	return errs.Err()
}
