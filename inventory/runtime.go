package inventory

import "github.com/etcdplay/etcdplay/internal/source"

// AddHost adds a host at run time, or adds groups and variables to one that
// exists; groups that do not exist are made. The name may carry a port. Their
// group_vars and host_vars are read; that is where an error can come from.
func (inv *Inventory) AddHost(name string, groups []string, vars ...Var) (*Host, error) {
	names, port, err := expandHost(name)
	if err != nil || len(names) != 1 {
		names, port = []string{name}, 0
	}
	if port != 0 {
		vars = append([]Var{{Name: portVar, Value: port}}, vars...)
	}
	for i := range vars {
		vars[i].Layer, vars[i].Group = HostVars, ""
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	h := inv.addHost(names[0], "")
	h.vars = h.vars.with(vars...)
	for _, g := range groups {
		inv.addGroup(g).add(h)
	}
	inv.settle()
	return h, inv.readVarFiles()
}

// AddGroup makes a group at run time where it does not exist, and puts it below
// the parents, for group_by.
func (inv *Inventory) AddGroup(name string, parents ...string) (*Group, error) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	g := inv.addGroup(name)
	var errs source.Errors
	for _, p := range parents {
		errs.Add(inv.link(inv.addGroup(p), g))
	}
	inv.settle()
	errs.Add(inv.readVarFiles())
	return g, errs.Err()
}
