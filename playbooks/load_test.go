package playbooks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/playbooks"
)

// What Ansible runs must load, without an error.
func TestOK(t *testing.T) {
	t.Chdir("testdata/ok")
	files, _ := filepath.Glob("*.yml")
	n := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "hosts:") && !strings.Contains(string(text), "import_playbook:") {
			continue // a part of another one
		}
		n++
		t.Run(file, func(t *testing.T) {
			l := playbooks.NewLoader(playbooks.Options{Catalog: testCatalog})
			plays, err := l.Load(t.Context(), []string{file})
			if err != nil {
				t.Error(report(err, nil))
			}
			if err == nil && len(plays) == 0 {
				t.Error("no plays")
			}
		})
	}
	if n < 30 {
		t.Fatalf("only %d playbooks", n)
	}
}
