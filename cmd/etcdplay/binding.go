package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/fatih/color"

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

// warnOfTags tells of --tags that no task has: most often a typo. What is
// included at run time may have them, so it is only a warning.
func warnOfTags(plays []*playbooks.Play, only []string) {
	known := map[string]bool{"all": true, "always": true, "never": true, "tagged": true, "untagged": true}
	for _, p := range plays {
		for _, t := range p.AllTags() {
			known[t] = true
		}
	}
	for _, tag := range only {
		if !known[tag] {
			hint := source.DidYouMean(tag, slices.Collect(maps.Keys(known)))
			fmt.Fprintln(os.Stderr, color.MagentaString("[WARNING]: ")+strings.TrimSpace("no task has the tag "+tag+"; "+hint))
		}
	}
}
