package playbooks_test

import (
	"os"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/google/go-cmp/cmp"
)

// Each file in testdata/list holds what Ansible prints for the command line in
// its first line.
func TestList(t *testing.T) {
	cases, err := os.ReadDir("testdata/list")
	if err != nil || len(cases) < 4 {
		t.Fatal(err, len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name(), func(t *testing.T) {
			text, err := os.ReadFile("testdata/list/" + c.Name())
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir("testdata/ok")
			command, want, _ := strings.Cut(string(text), "\n")
			var names []string
			var o playbooks.ListOptions
			words := strings.Fields(command)
			for i := 0; i < len(words); i++ {
				switch words[i] {
				case "--list-tasks":
					o.Tasks = true
				case "--list-tags":
					o.Tags = true
				case "--syntax-check":
				case "--tags":
					i++
					o.Only = strings.Split(words[i], ",")
				case "--skip-tags":
					i++
					o.Skip = strings.Split(words[i], ",")
				default:
					names = append(names, words[i])
				}
			}
			plays, err := playbooks.NewLoader(playbooks.Options{Catalog: testCatalog}).Load(t.Context(), names)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			if err := playbooks.List(&got, plays, o); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
