package playbooks_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/playbooks"
)

// Whatever a file holds: no panic, an end, and errors with a place.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/ok/*.yml", "testdata/errors/*.yml", "testdata/syntax/*.yml", "testdata/tree/*/*.yml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Add("- hosts: &a [x, *a]\n  <<: {tasks: [{debug: &b {<<: *b}}]}\n")
	f.Add("a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\n")
	f.Fuzz(func(t *testing.T, text string) {
		t.Chdir(t.TempDir())
		l := playbooks.NewLoader(playbooks.Options{Catalog: testCatalog, Shipped: fstest.MapFS{
			"fuzz.yml":  {Data: []byte(text)},
			"other.yml": {Data: []byte("- hosts: all\n")},
		}})
		plays, err := l.Load(t.Context(), []string{"fuzz.yml"})
		var all source.Errors
		if err != nil && !errors.As(err, &all) {
			t.Errorf("an error without a place: %v", err)
		}
		for _, e := range all {
			if e.Msg == "" || e.Pos.File == "" {
				t.Errorf("error %+v", e)
			}
			e.Detail()
		}
		for _, play := range plays {
			playbooks.Selected(&playbooks.Block{Tasks: play.Tasks}, []string{"x"}, nil)
		}
	})
}
