package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/google/go-cmp/cmp"
)

// testdata holds inventories with what ansible-inventory 2.14.18 makes of them.
// manifest.json says which of them Ansible fails to parse: it warns and goes
// on, and here they are refused.
type fixture struct {
	Case         string
	Args         []string
	FailedSource bool `json:"failed_source"`
	Expect       string
	ExpectExport string `json:"expect_export"`
	Graph        string
	Warnings     []string
}

func fixtures(t *testing.T) []fixture {
	t.Helper()
	var all []fixture
	data, err := os.ReadFile("manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 70 {
		t.Fatalf("only %d fixtures", len(all))
	}
	return all
}

// sources are the -i arguments; paths are relative to testdata.
func (f fixture) sources() []string {
	var out []string
	for i, a := range f.Args {
		if i > 0 && f.Args[i-1] == "-i" {
			out = append(out, a)
		}
	}
	return out
}

// refused reports whether this package must refuse the fixture: what Ansible
// fails to parse, and keys given twice, of which it silently drops the first.
func (f fixture) refused(t *testing.T) bool {
	if f.FailedSource {
		return true
	}
	for _, w := range f.Warnings {
		// Ansible warns of a merged key that is given again, too; that is what
		// merging is for.
		if strings.Contains(w, "duplicate dict key") && !strings.Contains(readFile(t, f.sources()[0]), "<<:") {
			return true
		}
	}
	return false
}

// A byte order mark is skipped here; Ansible takes it for a part of the first
// name and fails on a section, which has a test of its own.
func (f fixture) hasBOM(t *testing.T) bool {
	info, err := os.Stat(f.sources()[0])
	return err == nil && !info.IsDir() && strings.HasPrefix(readFile(t, f.sources()[0]), "\ufeff")
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFixtures(t *testing.T) {
	t.Chdir("testdata")
	placed := regexp.MustCompile(`^\S+:\d+(:\d+)?: .`)
	for _, f := range fixtures(t) {
		t.Run(f.Case, func(t *testing.T) {
			inv, err := Load(context.Background(), f.sources(), Options{KeepVault: true})
			if f.hasBOM(t) {
				if err != nil {
					t.Fatalf("a byte order mark is refused: %v", err)
				}
				if _, err := json.Marshal(inv.List(false)); err != nil || strings.Contains(inv.Group(All).Graph(true), "\ufeff") {
					t.Errorf("the byte order mark became a part of a name: %v", err)
				}
				return
			}
			if f.refused(t) {
				var many source.Errors
				var one *source.Error
				if !errors.As(err, &many) && !errors.As(err, &one) {
					t.Fatalf("not refused with a place: %v", err)
				}
				file, _ := os.Stat(f.sources()[0])
				if text := err.Error(); file != nil && file.Mode()&0o111 == 0 && !placed.MatchString(text) {
					t.Errorf("no FILE:LINE: in %q", text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantJSON(t, "--list", readFile(t, f.Expect), inv.List(false))
			wantJSON(t, "--list --export", readFile(t, f.ExpectExport), inv.List(true))
			wantYAML(t, "--list --yaml", readFile(t, f.Case+".list.yaml.txt"), inv.Tree(false))
			wantYAML(t, "--list --yaml --export", readFile(t, f.Case+".export.yaml.txt"), inv.Tree(true))
			if diff := cmp.Diff(readFile(t, f.Graph), inv.Group(All).Graph(false)); diff != "" {
				t.Errorf("--graph (-Ansible +here):\n%s", diff)
			}
			if _, err := os.Stat(f.Case + ".vars.graph"); err != nil {
				return // Ansible cannot print it: a !vault value without a password
			}
			// There are no tuples here: 1,2,3 is a list.
			want := strings.ReplaceAll(readFile(t, f.Case+".vars.graph"), "(1, 2, 3)", "[1, 2, 3]")
			if diff := cmp.Diff(want, inv.Group(All).Graph(true)); diff != "" {
				t.Errorf("--graph --vars (-Ansible +here):\n%s", diff)
			}
		})
	}
}

func wantJSON(t *testing.T, what, want string, got *value.Dict) {
	t.Helper()
	w, err := value.DecodeJSON([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	g, err := value.DecodeJSON([]byte(value.JSON(got, value.JSONStyle{Indent: 4})))
	if err != nil {
		t.Fatal(err)
	}
	if value.Equal(w, g) {
		return
	}
	sorted := value.JSONStyle{Indent: 1, SortKeys: true}
	t.Errorf("%s (-Ansible +here):\n%s", what, cmp.Diff(value.JSON(w, sorted), value.JSON(g, sorted)))
}

func wantYAML(t *testing.T, what, want string, got *value.Dict) {
	t.Helper()
	w, g := parseYAML(t, want), parseYAML(t, value.YAML(got))
	if !value.Equal(w, g) {
		t.Errorf("%s (-Ansible +here):\n%s", what, cmp.Diff(value.YAML(w), value.YAML(g)))
	}
}

func parseYAML(t *testing.T, text string) any {
	t.Helper()
	node, err := value.ParseYAML("", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v, err := value.FromYAML(node, value.YAMLOptions{KeepVault: true})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPatternFixtures(t *testing.T) {
	t.Chdir("testdata")
	inv, err := Load(context.Background(), []string{"95-patterns.ini"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	type selection struct {
		Pattern json.RawMessage
		Split   []string
		Limit   string
		Order   string
		Hosts   []string
		Error   string
	}
	var cases struct {
		Patterns, Limits, Order []selection
		ListPatterns            []selection `json:"list_patterns"`
		Groups                  map[string][]string
	}
	if err := json.Unmarshal([]byte(readFile(t, "95-patterns.patterns.json")), &cases); err != nil {
		t.Fatal(err)
	}
	check := func(c selection, hosts []*Host, err error) {
		t.Helper()
		if (err != nil) != (c.Error != "") {
			t.Errorf("%s %s: error %v, Ansible's %q", c.Pattern, c.Limit, err, c.Error)
			return
		}
		if diff := cmp.Diff(append([]string{}, c.Hosts...), names(hosts)); diff != "" {
			t.Errorf("%s %s %s (-Ansible +here):\n%s", c.Pattern, c.Limit, c.Order, diff)
		}
	}
	patterns := func(c selection) []string {
		var one string
		var many []string
		if json.Unmarshal(c.Pattern, &one) == nil {
			return []string{one}
		}
		if err := json.Unmarshal(c.Pattern, &many); err != nil {
			t.Fatal(err)
		}
		return many
	}
	for _, c := range append(cases.Patterns, cases.ListPatterns...) {
		p := patterns(c)
		if c.Split != nil {
			if diff := cmp.Diff(c.Split, append([]string{}, splitPattern(p[0])...)); diff != "" {
				t.Errorf("split %s (-Ansible +here):\n%s", c.Pattern, diff)
			}
		}
		hosts, err := inv.Match(p...)
		check(c, hosts, err)
	}
	for _, c := range cases.Limits {
		hosts, err := inv.Match(patterns(c)...)
		if err == nil {
			hosts, err = inv.Limit(hosts, c.Limit)
		}
		check(c, hosts, err)
	}
	for _, c := range cases.Order {
		hosts, err := inv.Match(patterns(c)...)
		if err == nil {
			hosts, err = Ordered(hosts, c.Order)
		}
		check(c, hosts, err)
	}
	for name, want := range cases.Groups {
		if diff := cmp.Diff(want, names(inv.Group(name).Hosts())); diff != "" {
			t.Errorf("group %s (-Ansible +here):\n%s", name, diff)
		}
	}
}

func names(hosts []*Host) []string {
	out := []string{}
	for _, h := range hosts {
		out = append(out, h.Name)
	}
	return out
}
