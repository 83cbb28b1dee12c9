package playbooks_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner/action"
	"github.com/etcdplay/etcdplay/tasks"
)

// realCatalog are the tasks and actions that the program has.
type realCatalog struct {
	tasks   *tasks.Registry
	actions *action.Registry
}

func (c realCatalog) Lookup(name string) (playbooks.Spec, bool) {
	if _, ok := c.tasks.New(name); ok {
		return playbooks.SpecOf(func() any { m, _ := c.tasks.New(name); return m }), true
	}
	if _, ok := c.actions.New(name); ok {
		return playbooks.SpecOf(func() any { a, _ := c.actions.New(name); return a }), true
	}
	return playbooks.Spec{}, false
}

func (c realCatalog) Names() []string { return append(c.tasks.Names(), c.actions.Names()...) }

func load(t *testing.T, names ...string) {
	t.Helper()
	loader := playbooks.NewLoader(playbooks.Options{
		Catalog: realCatalog{tasks.Builtin(), action.Builtin()}, Shipped: playbooks.Shipped(),
	})
	if _, err := loader.Load(t.Context(), names); err != nil {
		t.Errorf("%v: %v", names, err)
	}
	for _, w := range loader.Warnings() {
		t.Errorf("%v: warning: %v", names, w)
	}
}

func TestShippedPlaybooksAreSound(t *testing.T) {
	names, err := fs.Glob(playbooks.Shipped(), "*.yml")
	if err != nil || !slices.Contains(names, "site.yml") || !slices.Contains(names, "local.yml") {
		t.Fatalf("shipped are %v, %v", names, err)
	}
	for _, name := range names {
		load(t, name)
	}
}

func TestInit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "cluster")
	written, err := playbooks.Init(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, w := range written {
		name, _ := filepath.Rel(dir, w)
		names = append(names, filepath.ToSlash(name))
	}
	if want := []string{"group_vars/etcd.yml", "hosts.ini"}; !slices.Equal(names, want) {
		t.Errorf("wrote %v, want %v", names, want)
	}
	hosts := etcdHosts(t, filepath.Join(dir, "hosts.ini"))
	if want := "peer1 peer2 peer3"; hosts != want {
		t.Errorf("the group etcd is %s, want %s", hosts, want)
	}

	changed := filepath.Join(dir, "hosts.ini")
	if err := os.WriteFile(changed, []byte("[etcd]\nmine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "group_vars", "etcd.yml")); err != nil {
		t.Fatal(err)
	}
	if _, err := playbooks.Init(dir); err == nil || !strings.Contains(err.Error(), "hosts.ini exists already") {
		t.Errorf("a second time: %v", err)
	}
	if text, _ := os.ReadFile(changed); string(text) != "[etcd]\nmine\n" {
		t.Errorf("hosts.ini was overwritten: %s", text)
	}
	if _, err := os.Stat(filepath.Join(dir, "group_vars", "etcd.yml")); err == nil {
		t.Error("wrote a part although other files exist")
	}
}

func TestTheArticlesInventory(t *testing.T) {
	if hosts := etcdHosts(t, "examples/article.ini"); hosts != "peer1 peer2 peer3" {
		t.Errorf("the group etcd is %s", hosts)
	}
}

func etcdHosts(t *testing.T, file string) string {
	t.Helper()
	inv, err := inventory.Load(t.Context(), []string{file}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := inv.Match("etcd")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	return strings.Join(names, " ")
}
