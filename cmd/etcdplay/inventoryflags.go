package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/inventory"
)

// inventoryFlags say which hosts there are.
type inventoryFlags struct{ sources []string }

func (o *inventoryFlags) register(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.sources, "inventory", "i", nil, "inventory `FILE`, folder, executable, or list of hosts with a comma (repeatable)")
}

// load reads the inventory; without -i what ETCDPLAY_INVENTORY,
// ANSIBLE_INVENTORY or ansible.cfg name, and without any of them none: then
// only localhost is known.
func (o *inventoryFlags) load(ctx context.Context, cfg *config, opts inventory.Options) (*inventory.Inventory, error) {
	sources := o.sources
	if len(sources) == 0 {
		sources = cfg.inventories()
	}
	for _, s := range sources {
		if strings.TrimSpace(s) == "" {
			return nil, source.Errorf(source.Pos{}, "-i is empty").WithHint("name an inventory file: -i hosts.ini")
		}
	}
	return inventory.Load(ctx, sources, opts)
}

func (c *config) inventories() []string {
	for _, env := range []string{"ETCDPLAY_INVENTORY", "ANSIBLE_INVENTORY"} {
		if v := os.Getenv(env); v != "" {
			return splitSources(v)
		}
	}
	v := c.values["defaults.inventory"]
	if v == "" {
		return nil
	}
	var out []string
	for _, s := range splitSources(v) {
		s = expandHome(s)
		if !filepath.IsAbs(s) && !strings.Contains(s, ",") {
			s = filepath.Join(filepath.Dir(c.file), s)
		}
		out = append(out, s)
	}
	return out
}

// splitSources takes a list of sources apart at commas, as Ansible does for a
// setting that names several; a list of hosts stays whole.
func splitSources(v string) []string {
	if _, err := os.Stat(v); err == nil || !strings.Contains(v, ",") {
		return []string{v}
	}
	var files []string
	for _, s := range strings.Split(v, ",") {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if _, err := os.Stat(expandHome(s)); err != nil {
			return []string{v}
		}
		files = append(files, s)
	}
	return files
}
