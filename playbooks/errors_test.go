package playbooks_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the .want files anew")

// Each playbook in testdata/errors and testdata/syntax is refused, or warned
// of, with exactly the words of its .want file.
func TestErrors(t *testing.T) { golden(t, "testdata/errors") }

func TestSyntaxErrors(t *testing.T) { golden(t, "testdata/syntax") }

func golden(t *testing.T, dir string) {
	t.Chdir(dir)
	files, _ := filepath.Glob("*.yml")
	if len(files) < 18 {
		t.Fatalf("only %d cases", len(files))
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			l := playbooks.NewLoader(playbooks.Options{Catalog: testCatalog})
			_, err := l.Load(t.Context(), []string{file})
			got := report(err, l.Warnings())
			want := strings.TrimSuffix(file, ".yml") + ".want"
			if *update {
				if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func report(err error, warnings []*source.Error) string {
	var b strings.Builder
	var all source.Errors
	errors.As(err, &all)
	for _, e := range all {
		b.WriteString(e.Detail() + "\n")
	}
	for _, w := range warnings {
		b.WriteString("warning: " + w.Detail() + "\n")
	}
	return b.String()
}
