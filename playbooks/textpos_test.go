package playbooks

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// Every character of a scalar's text that is not white space is found where
// it stands in the file, however YAML folds, unindents and unescapes it.
func TestTextPos(t *testing.T) {
	for name, file := range map[string]string{
		"plain":            "a: one two three\n",
		"plain lines":      "a: one two\n   three\n\n   four\n",
		"double quoted":    `a: "one two \"three\" \\ four é \x41 five"` + "\n",
		"double lines":     "a: \"one \\\n   two\n\n   three\"\n",
		"single quoted":    "a: 'it''s two'\n",
		"single lines":     "a: 'it''s\n   two\n\n   three'\n",
		"literal":          "a: |\n  one\n    two\n\n  three\n",
		"literal indented": "a:\n  - b: |2-\n        one\n      two\n",
		"folded":           "a: >-\n  one\n  two\n\n    three\n  four\n",
		"tagged":           "a: !unsafe 'one two'\n",
		"anchored":         "a: &x one two\n",
		"tagged block":     "a: !unsafe |\n  one\n  two\n",
		"in flow":          "a: [x, {b: \"one two\"}]\n",
		"wide":             "é: \"ü one\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			var root yaml.Node
			if err := yaml.Unmarshal([]byte(file), &root); err != nil {
				t.Fatal(err)
			}
			d := &document{name: "f", lines: strings.Split(file, "\n")}
			n := lastScalar(&root)
			for off, r := range n.Value {
				if strings.ContainsRune(" \n\"\\'A", r) { // escaped, or written otherwise
					continue
				}
				at := textPos(d, n, n.Value, off)
				line := []rune(d.line(at.Line))
				if at.Col < 1 || at.Col > len(line) || line[at.Col-1] != r {
					t.Fatalf("%q at %d of %q is said to stand at %d:%d", r, off, n.Value, at.Line, at.Col)
				}
			}
		})
	}
}

func lastScalar(n *yaml.Node) *yaml.Node {
	if len(n.Content) == 0 {
		return n
	}
	return lastScalar(n.Content[len(n.Content)-1])
}
