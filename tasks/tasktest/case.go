package tasktest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A Case is one entry of a case file: what is there, what is asked for, and
// what a user may rely on afterwards. {root} in it stands for the case's own
// folder.
type Case struct {
	Name  string    `yaml:"name"`
	Task  string    `yaml:"task"`
	Args  yaml.Node `yaml:"args"`
	Setup string    `yaml:"setup"` // sh, run in the folder before anything else
	// Root: the folder's subfolders (etc, home…) cover the machine's.
	Root  bool              `yaml:"root"`
	Netns bool              `yaml:"netns"` // in a network namespace of its own
	Binds []string          `yaml:"binds"` // what is mounted over what: FROM, TO, FROM, TO…
	Peers []Peer            `yaml:"peers"`
	Files map[string]string `yaml:"files"` // on the controller, by name
	Only  []string          `yaml:"only"`  // names of shells; all when empty
	Needs []string          `yaml:"needs"` // programs without which a shell is left out, and said so
	Env   []string          `yaml:"env"`
	Path  string            `yaml:"path"` // a folder with programs that go before the machine's

	Changes  []string          `yaml:"changes"`  // as check mode predicts and a run makes them
	Warnings []string          `yaml:"warnings"` // parts of them
	Fails    string            `yaml:"fails"`    // a part of the error; the run must fail
	Hint     string            `yaml:"hint"`     // a part of its hint
	Data     map[string]string `yaml:"data"`     // what register sees, as text
	Skipped  bool              `yaml:"skipped"`
	After    string            `yaml:"after"` // sh, run in the folder; every line must succeed
	// Again: the second run makes these changes; none when empty.
	Again []string `yaml:"again"`
	// Unforeseen: check mode can't know what a run will do; only that it
	// changes nothing is checked.
	Unforeseen bool `yaml:"unforeseen"`
}

// A Peer is a host of the case's play.
type Peer struct {
	Name    string `yaml:"name"`
	Address string `yaml:"address"`
}

// Load reads a case file. Unknown keys are errors.
func Load(t testing.TB, name string) []Case {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var cases []Case
	if err := dec.Decode(&cases); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	base := strings.TrimSuffix(filepath.Base(name), ".yml")
	for i := range cases {
		if cases[i].Task == "" {
			cases[i].Task = base
		}
	}
	return cases
}

// args turns the case's arguments into values.
func (c *Case) args(t testing.TB, root string) *value.Dict {
	t.Helper()
	v := toValue(t, &c.Args, root)
	if v == nil {
		return value.NewDict()
	}
	d, ok := v.(*value.Dict)
	if !ok {
		t.Fatalf("case %q: args are no dict", c.Name)
	}
	return d
}

func toValue(t testing.TB, n *yaml.Node, root string) any {
	t.Helper()
	switch n.Kind {
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = toValue(t, c, root)
		}
		return list
	case yaml.MappingNode:
		d := value.NewDict()
		for i := 0; i < len(n.Content); i += 2 {
			d.Set(toValue(t, n.Content[i], root), toValue(t, n.Content[i+1], root))
		}
		return d
	case yaml.ScalarNode:
		var v any
		if err := n.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if s, ok := v.(string); ok {
			return strings.ReplaceAll(s, "{root}", root)
		}
		return v
	}
	return nil
}
