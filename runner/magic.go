package runner

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/playbooks"
)

// hostMagic are the variables that the run itself gives, for a host.
func (r *Run) hostMagic(h *host) computed {
	inv := r.cfg.Inventory
	short, _, _ := strings.Cut(h.name, ".")
	is := func(v any) func() (any, error) { return func() (any, error) { return v, nil } }
	c := computed{
		"inventory_hostname":       is(h.name),
		"inventory_hostname_short": is(short),
		"omit":                     is(omitted{}),
		"hostvars":                 is(hostVarsMap{r}),
		"ansible_check_mode":       is(r.cfg.Check),
		"ansible_diff_mode":        is(r.cfg.Diff),
		"ansible_verbosity":        is(r.cfg.Verbosity),
		"ansible_forks":            is(r.cfg.Forks),
		"ansible_run_tags":         is(anys(orAll(r.cfg.Only))),
		"ansible_skip_tags":        is(anys(r.cfg.Skip)),
		"ansible_version":          is(ansibleVersion()),
		"groups":                   func() (any, error) { return groupsDict(inv), nil },
		"group_names": func() (any, error) {
			if ih := inv.Host(h.name); ih != nil {
				return anys(ih.GroupNames()), nil
			}
			return []any{}, nil
		},
		"ansible_facts": func() (any, error) {
			_, facts, _ := h.vars()
			return facts, nil
		},
	}
	if ih := inv.Host(h.name); ih != nil && ih.Source != "" {
		if file, err := filepath.Abs(ih.Source); err == nil {
			c["inventory_file"] = is(file)
			c["inventory_dir"] = is(filepath.Dir(file))
		}
	}
	if r.cfg.Limit != "" {
		c["ansible_limit"] = is(r.cfg.Limit)
	}
	return c
}

// magic are hostMagic and what play and task add.
func (r *Run) magic(p *play, h *host, t *playbooks.Task) computed {
	c := r.hostMagic(h)
	is := func(v any) func() (any, error) { return func() (any, error) { return v, nil } }
	c["ansible_play_hosts_all"] = func() (any, error) { return anys(hostNames(p.all)), nil }
	remaining := func() (any, error) {
		left := []any{}
		for _, h := range p.all {
			if !h.gone.Load() && h.failing() == nil {
				left = append(left, h.name)
			}
		}
		return left, nil
	}
	c["ansible_play_hosts"] = remaining
	c["play_hosts"] = remaining
	c["ansible_play_batch"] = func() (any, error) {
		left := []any{}
		for _, h := range p.batch {
			if !h.gone.Load() && h.failing() == nil {
				left = append(left, h.name)
			}
		}
		return left, nil
	}
	if p.spec != nil {
		c["ansible_play_name"] = is(p.name)
		dir, err := filepath.Abs(p.spec.Dir)
		if err != nil {
			dir = p.spec.Dir
		}
		c["playbook_dir"] = is(dir)
		c["ansible_search_path"] = is(anys(searchDirs(p.spec, t)))
	}
	if t.Role != nil {
		c["role_name"] = is(t.Role.RoleName)
		c["ansible_role_name"] = is(t.Role.RoleName)
		c["role_path"] = is(t.Role.Dir)
	}
	if f := h.rescuing.Load(); f != nil {
		c["ansible_failed_task"] = is(value.NewDict("name", f.task.Label(), "action", f.task.Action))
		c["ansible_failed_result"] = is(f.result)
	}
	return c
}

func groupsDict(inv *inventory.Inventory) *value.Dict {
	d := value.NewDict()
	for _, g := range inv.Groups() {
		names := []any{}
		for _, h := range g.Hosts() {
			names = append(names, h.Name)
		}
		d.Set(g.Name, names)
	}
	return d
}

// ansibleVersion is the Ansible whose language this is, for playbooks that ask.
func ansibleVersion() *value.Dict {
	return value.NewDict("full", "2.14.18", "major", 2, "minor", 14, "revision", 18, "string", "2.14.18")
}

func orAll(tags []string) []string {
	if len(tags) == 0 {
		return []string{"all"}
	}
	return tags
}

func anys(in []string) []any {
	out := make([]any, len(in))
	for i, s := range in {
		out[i] = s
	}
	return out
}

// lookup answers the lookups that need the run: the others are jinja's own.
func (r *Run) lookup(ctx context.Context, name string, args []any, kwargs *value.Dict) (any, bool, error) {
	switch name {
	case "inventory_hostnames":
		found := []any{}
		for _, a := range args {
			hosts, err := r.cfg.Inventory.Match(value.Str(a))
			if err != nil {
				return nil, true, err
			}
			for _, h := range hosts {
				found = append(found, h.Name)
			}
		}
		return found, true, nil
	}
	return nil, false, nil
}
