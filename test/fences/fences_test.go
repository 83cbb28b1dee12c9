// Package fences keeps the dependencies of the packages pointing one way.
package fences

import (
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/etcdplay/etcdplay/"

// may lists for each package which of the project's others it may import;
// tests may import anything.
var may = map[string][]string{
	"internal/source": {},
	"internal/value":  {"internal/source"},
	"internal/pki":    {},
	"internal/vault":  {},
	"internal/jinja":  {"internal/source", "internal/value"},
	"inventory":       {"internal/source", "internal/value"},
	"tasks/script":    {},
	"tasks/etcd":      {},
	"tasks/facts":     {"internal/source", "internal/value"},
	"tasks":           {"internal/source", "internal/value", "internal/jinja", "internal/pki", "tasks/script", "tasks/etcd", "tasks/facts"},
	"tasks/tasktest":  {"internal/source", "internal/value", "tasks", "tasks/script"}, // for tests only
	"playbooks":       {"internal/source", "internal/value", "internal/jinja", "tasks"},
	"runner/action":   {"internal/source", "internal/value", "tasks"},
	"runner/ssh":      {"internal/source", "tasks", "tasks/script"},
	"runner":          {"internal/source", "internal/value", "internal/jinja", "inventory", "playbooks", "tasks", "tasks/script", "runner/action"},
	"runner/report":   {"internal/source", "internal/value", "tasks", "runner"},
	"cmd/etcdplay":    {"*"},
}

// only lists who alone may import a library.
var only = map[string][]string{
	"github.com/melbahja/goph":  {"runner/ssh"},
	"github.com/fatih/color":    {"runner/report", "cmd/etcdplay"},
	"go.etcd.io/etcd/client/v3": {"tasks/etcd"},
	"go.etcd.io/bbolt":          {"tasks/etcd"},
	"github.com/spf13/cobra":    {"cmd/etcdplay"},
	"golang.org/x/crypto/ssh":   {"runner/ssh"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestDependenciesPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(name, "test/") {
			continue
		}
		allowed, known := may[name]
		if !known {
			t.Errorf("package %s has no place yet: say in test/fences what it may import", name)
			continue
		}
		for _, imp := range p.Imports {
			if inner, ours := strings.CutPrefix(imp, module); ours && !contains(allowed, inner) && !contains(allowed, "*") {
				t.Errorf("%s must not import %s", name, inner)
			}
		}
	}
}

func TestLibrariesHaveOneRoom(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(name, "test/") {
			continue
		}
		for _, imp := range p.Imports {
			for lib, rooms := range only {
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !contains(rooms, name) {
					t.Errorf("%s must not import %s: only %v may", name, imp, rooms)
				}
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
