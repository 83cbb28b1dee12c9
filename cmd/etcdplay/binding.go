package main

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/playbooks"
)

// checkBinding refuses a run that no host would take part in: an empty
// inventory, or plays of which none finds its group.
func checkBinding(plays []*playbooks.Play, inv *inventory.Inventory, loader *playbooks.Loader) error {
	var missing source.Errors
	for _, p := range plays {
		if p.Hosts.Dynamic() {
			return nil // only the run knows
		}
		pattern := p.Pattern()
		hosts, err := inv.Match(pattern)
		if err != nil {
			missing.Add(source.Errorf(p.Hosts.Pos, "hosts: %w", err))
			continue
		}
		if len(hosts) > 0 {
			return nil
		}
		e := source.Errorf(p.Hosts.Pos, "the pattern %q matches no host of the inventory", pattern)
		e.Text = loader.Line(p.Hosts.Pos)
		e.Hint = source.DidYouMean(pattern, groupNames(inv))
		if e.Hint == "" {
			e.Hint = "the inventory has the groups " + strings.Join(groupNames(inv), ", ")
			if len(inv.Hosts()) == 0 {
				e.Hint = "the inventory is empty: name your hosts in a file and give it with -i, under a line [" + pattern + "]"
			}
		}
		missing.Add(e)
	}
	return missing.Err()
}

func groupNames(inv *inventory.Inventory) []string {
	var names []string
	for _, g := range inv.Groups() {
		names = append(names, g.Name)
	}
	return names
}
