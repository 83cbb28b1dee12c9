package playbooks

import "slices"

// Selected reports whether a task runs under --tags and --skip-tags, by
// Ansible's rules: a task has its own tags and those of everything around it;
// always and never mean what they say unless named; all, tagged and untagged
// stand for sets of tasks. Of an include only the include itself is asked
// about. A block is selected if anything in it is.
func Selected(n Node, only, skip []string) bool {
	switch n := n.(type) {
	case *Task:
		return selected(allTags(n.Chain()), only, skip)
	case *Block:
		for _, section := range [][]Node{n.Tasks, n.Rescue, n.Always} {
			if slices.ContainsFunc(section, func(n Node) bool { return Selected(n, only, skip) }) {
				return true
			}
		}
	}
	return false
}

// AllTags are a task's tags and those that it inherits, without repeats, its
// own first.
func (t *Task) AllTags() []string { return allTags(t.Chain()) }

func allTags(chain []*Common) []string {
	var tags []string
	for _, c := range chain {
		for _, t := range c.Tags {
			if !slices.Contains(tags, t) {
				tags = append(tags, t)
			}
		}
	}
	return tags
}

func selected(tags, only, skip []string) bool {
	has := func(tag string) bool { return slices.Contains(tags, tag) }
	wanted := func(list []string, tag string) bool { return slices.Contains(list, tag) }
	meets := func(list []string) bool {
		return slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(list, t) }) ||
			len(tags) == 0 && wanted(list, "untagged")
	}
	if len(only) == 0 {
		only = []string{"all"}
	}
	switch {
	case has("always"):
	case wanted(only, "all") && !has("never"):
	case meets(only):
	case wanted(only, "tagged") && len(tags) > 0 && !has("never"):
	default:
		return false
	}
	switch {
	case wanted(skip, "all"):
		return has("always") && !wanted(skip, "always")
	case meets(skip):
		return false
	}
	return !wanted(skip, "tagged") || len(tags) == 0
}
