package main

import (
	"context"
	"fmt"
	"os"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/playbooks"
)

// list answers --syntax-check, --list-hosts, --list-tasks and --list-tags.
func (o *runOptions) list(_ context.Context, plays []*playbooks.Play, inv *inventory.Inventory) (bool, error) {
	if o.syntax && !o.listHosts && !o.listTasks && !o.listTags {
		for _, p := range plays {
			fmt.Printf("\nplaybook: %s\n", p.Pos.File)
		}
		return true, nil
	}
	if !o.listHosts && !o.listTasks && !o.listTags {
		return false, nil
	}
	for i, p := range plays {
		pattern := patternText(p.Hosts.Raw())
		name := pattern
		if p.Name != nil {
			name = value.Str(p.Name.Raw())
		}
		fmt.Printf("\n  play #%d (%s): %s\tTAGS: [%s]\n", i+1, pattern, name, joined(p.Tags))
		if o.listHosts {
			hosts, err := inv.Match(pattern)
			if err == nil && o.limit != "" {
				hosts, err = inv.Limit(hosts, o.limit)
			}
			if err != nil {
				return true, err
			}
			fmt.Printf("    pattern: [%s]\n    hosts (%d):\n", value.Repr(pattern), len(hosts))
			for _, h := range hosts {
				fmt.Printf("      %s\n", h.Name)
			}
		}
		if o.listTasks {
			fmt.Println("    tasks:")
			for _, t := range playbooks.ListTasks(p, o.tags, o.skip) {
				fmt.Printf("      %s\tTAGS: [%s]\n", t.Name, joined(t.Tags))
			}
		}
		if o.listTags {
			fmt.Printf("      TASK TAGS: [%s]\n", joined(playbooks.ListTags(p, o.tags, o.skip)))
		}
	}
	fmt.Fprintln(os.Stdout)
	return true, nil
}

func joined(tags []string) string {
	s := ""
	for i, t := range tags {
		if i > 0 {
			s += ", "
		}
		s += t
	}
	return s
}
