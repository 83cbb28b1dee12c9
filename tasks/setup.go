package tasks

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/facts"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// Setup gathers the facts of a host.
type Setup struct {
	Subset   []string      `arg:"gather_subset" default:"all" split:"," doc:"What to gather: all, min, hardware, network, virtual, or single facts; !name leaves out. min is always there unless !min is given"`
	Filter   []string      `arg:"filter" split:"," doc:"Only facts whose names match one of these patterns (*, ?, [...]), with or without ansible_ in front"`
	FactPath string        `arg:"fact_path" default:"/etc/ansible/facts.d" doc:"The folder on the host with local facts: NAME.fact files of JSON or INI, or programs that print such"`
	Timeout  time.Duration `arg:"gather_timeout" default:"10s" doc:"Accepted for Ansible's sake: a file server that does not answer holds nothing up here"`
}

// Doc implements Module.
func (*Setup) Doc() Doc {
	return Doc{
		Summary: "Gather facts about a host",
		Text: `Every play does this first on its own, unless it says gather_facts: false. The host
needs nothing but a shell and grep: one round trip, and the facts have the names
and shapes that they have in Ansible, as ansible_facts.NAME and ansible_NAME.

Missing, compared with Ansible: python, python_version (there need be none),
capabilities, LVM, iSCSI, Fibre Channel, features of network interfaces, facter and
ohai. loadavg and uptime_seconds are there. date_time counts whole seconds.

default_ipv4 is empty on a host without a way to the internet: use
all_ipv4_addresses there, or the address in the inventory.`,
		Examples: `- setup:
    gather_subset: [min, network]

- setup:
    filter: ansible_distribution*
`,
		Returns: []Return{{"ansible_facts", "the facts"}},
	}
}

// Validate implements Validator.
func (s *Setup) Validate() error {
	for _, p := range s.Filter {
		if _, err := path.Match(p, ""); err != nil {
			return &ArgError{Arg: "filter", Msg: fmt.Sprintf("filter: %q is no pattern", p)}
		}
	}
	if _, err := facts.NewSubset(s.Subset); err != nil {
		return &ArgError{Arg: "gather_subset", Msg: err.Error()}
	}
	return absolute("fact_path", s.FactPath)
}

// Run implements Module.
func (s *Setup) Run(ctx context.Context, t *Target) (Result, error) {
	subset, err := facts.NewSubset(s.Subset)
	if err != nil {
		return t.Result(), err
	}
	ask := script.New()
	for _, kind := range subset.Kinds() {
		if kind == "local" {
			ask.Call("facts_local", s.FactPath)
		} else {
			ask.Call("facts_" + kind)
		}
	}
	_, raw, err := t.Query(ctx, ask)
	if err != nil {
		return t.Result(), err
	}
	found := subset.Read(raw)
	names := make([]any, len(s.Subset))
	for i, n := range s.Subset {
		names[i] = n
	}
	found.Set("gather_subset", names)
	found.Set("module_setup", true)
	res := t.Result()
	res.Facts = s.filter(found)
	res.Set("ansible_facts", res.Facts)
	return res, nil
}

// filter gives the facts that are asked for their full names.
func (s *Setup) filter(all *value.Dict) *value.Dict {
	out := value.NewDict()
	for k, v := range all.All() {
		name := k.(string)
		full := "ansible_" + name
		if name == "gather_subset" || name == "module_setup" {
			full = name
		}
		if len(s.Filter) == 0 || slices.ContainsFunc(s.Filter, func(p string) bool {
			return p == "" || match(p, name) || match(p, full)
		}) {
			out.Set(full, v)
		}
	}
	return out
}

func match(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok
}
