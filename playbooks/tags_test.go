package playbooks_test

import (
	"os"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
)

// The table lists what Ansible runs for each choice of tags.
func TestSelected(t *testing.T) {
	table, err := os.ReadFile("testdata/24-tags.table")
	if err != nil {
		t.Fatal(err)
	}
	l := playbooks.NewLoader(playbooks.Options{Catalog: testCatalog})
	plays, err := l.Load(t.Context(), []string{"testdata/ok/24-tags.yml"})
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(table)), "\n")
	if len(rows) != 18 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		flags, want, _ := strings.Cut(row, " -> ")
		flags = strings.Trim(flags, "[]")
		t.Run(flags, func(t *testing.T) {
			only, skip := tagFlags(flags)
			var ran []string
			for _, p := range plays {
				ran = walkSelected(t, l, p.Tasks, only, skip, ran)
			}
			if got := strings.Join(ran, " "); got != strings.TrimSpace(want) {
				t.Errorf("ran\n%s, want\n%s", got, want)
			}
		})
	}
}

func tagFlags(s string) (only, skip []string) {
	words := strings.Fields(s)
	for i := 0; i+1 < len(words); i += 2 {
		tags := strings.Split(words[i+1], ",")
		if words[i] == "--tags" {
			only = tags
		} else {
			skip = tags
		}
	}
	return only, skip
}

// walkSelected lists what runs, going into includes as the runner does.
func walkSelected(t *testing.T, l *playbooks.Loader, nodes []playbooks.Node, only, skip, ran []string) []string {
	t.Helper()
	for _, n := range nodes {
		if !playbooks.Selected(n, only, skip) {
			continue
		}
		switch n := n.(type) {
		case *playbooks.Block:
			ran = walkSelected(t, l, n.Tasks, only, skip, ran)
		case *playbooks.Task:
			ran = append(ran, value.Str(n.Name.Raw()))
			if n.Action != "include_tasks" {
				continue
			}
			file := n.FreeForm
			if file == nil {
				file, _, _ = n.Args.Entry("file")
			}
			b, err := l.IncludeTasks(t.Context(), file.Raw().(string), n, nil)
			if err != nil {
				t.Fatal(err)
			}
			ran = walkSelected(t, l, b.Tasks, only, skip, ran)
		}
	}
	return ran
}
