package playbooks

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// ListOptions say what List shows.
type ListOptions struct {
	Tasks, Tags bool     // --list-tasks, --list-tags
	Only, Skip  []string // --tags, --skip-tags
}

// List writes what plays consist of, in the form that Ansible has for
// --list-tasks and --list-tags; with neither, the names of the playbooks, as
// for --syntax-check. What is included at run time shows as its include.
func List(w io.Writer, plays []*Play, o ListOptions) error {
	var b strings.Builder
	number := 0
	for i, p := range plays {
		if i == 0 || plays[i-1].Playbook != p.Playbook {
			fmt.Fprintf(&b, "\nplaybook: %s\n", p.Playbook)
			number = 0
		}
		number++
		if !o.Tasks && !o.Tags {
			continue
		}
		fmt.Fprintf(&b, "\n  play #%d (%s): %s\tTAGS: [%s]\n", number, p.Pattern(), p.Title(), sorted(p.Tags))
		tasks := p.listed(o)
		if o.Tasks {
			b.WriteString("    tasks:\n")
			for _, t := range tasks {
				fmt.Fprintf(&b, "      %s\tTAGS: [%s]\n", t.Title(), sorted(t.AllTags()))
			}
		}
		if o.Tags {
			var tags []string
			for _, t := range tasks {
				tags = append(tags, t.AllTags()...)
			}
			fmt.Fprintf(&b, "      TASK TAGS: [%s]\n", sorted(tags))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sorted(tags []string) string {
	tags = slices.Clone(tags)
	slices.Sort(tags)
	return strings.Join(slices.Compact(tags), ", ")
}

// listed are the selected tasks of a play but for its handlers, in order.
func (p *Play) listed(o ListOptions) []*Task {
	all := slices.Clone(p.PreTasks)
	for _, r := range p.Roles {
		all = append(all, r.Tasks...)
	}
	all = append(append(all, p.Tasks...), p.PostTasks...)
	var out []*Task
	var walk func([]Node)
	walk = func(nodes []Node) {
		for _, n := range nodes {
			switch n := n.(type) {
			case *Task:
				if Selected(n, o.Only, o.Skip) {
					out = append(out, n)
				}
			case *Block:
				walk(n.Tasks)
			}
		}
	}
	walk(all)
	return out
}

// Pattern is what stands behind `hosts:`, in one line.
func (p *Play) Pattern() string {
	raw := p.Hosts.Raw()
	if list, ok := raw.([]any); ok {
		words := make([]string, len(list))
		for i, x := range list {
			words[i] = value.Str(x)
		}
		return strings.Join(words, ",")
	}
	return value.Str(raw)
}

// Title is a play's name as written, or else its pattern.
func (p *Play) Title() string {
	if p.Name != nil {
		return value.Str(p.Name.Raw())
	}
	return p.Pattern()
}

// Label is a task's name as written, or else its action.
func (t *Task) Label() string {
	if name := value.Str(t.Name.Raw()); t.Name != nil && name != "" {
		return name
	}
	if role, _, ok := t.Args.Entry("name"); ok && t.Action == "include_role" {
		return t.Action + " : " + value.Str(role.Raw())
	}
	return t.Action
}

// Title is a task's label behind its role's name.
func (t *Task) Title() string {
	title := t.Label()
	if t.Role != nil {
		title = t.Role.RoleName + " : " + title
	}
	return title
}

// AllTags are the tags of all tasks that a play holds before the run, sorted.
func (p *Play) AllTags() []string {
	var tags []string
	for _, t := range p.listed(ListOptions{Only: []string{"all", "never"}}) {
		tags = append(tags, t.AllTags()...)
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}
