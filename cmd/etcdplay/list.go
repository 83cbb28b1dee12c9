package main

import (
	"fmt"
	"os"

	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/playbooks"
)

// list answers --syntax-check, --list-hosts, --list-tasks and --list-tags;
// false when none of them is asked for.
func (o *runOptions) list(plays []*playbooks.Play, inv *inventory.Inventory) (bool, error) {
	if !o.syntax && !o.listHosts && !o.listTasks && !o.listTags {
		return false, nil
	}
	if !o.listHosts || o.listTasks || o.listTags {
		err := playbooks.List(os.Stdout, plays, playbooks.ListOptions{Tasks: o.listTasks, Tags: o.listTags, Only: o.tags, Skip: o.skip})
		if err != nil || !o.listHosts {
			return true, err
		}
	}
	for i, p := range plays {
		hosts, err := inv.Match(p.Pattern())
		if err == nil && o.limit != "" {
			hosts, err = inv.Limit(hosts, o.limit)
		}
		if err != nil {
			return true, err
		}
		fmt.Printf("\n  play #%d (%s): %s\n    hosts (%d):\n", i+1, p.Pattern(), p.Title(), len(hosts))
		for _, h := range hosts {
			fmt.Println("      " + h.Name)
		}
	}
	return true, nil
}
