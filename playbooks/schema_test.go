package playbooks_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
)

// A checker applies the parts of JSON Schema that Schema uses.
type checker struct{ root map[string]any }

func (c checker) check(at string, schema any, v any) []string {
	if b, ok := schema.(bool); ok {
		if !b {
			return []string{at + ": not allowed"}
		}
		return nil
	}
	s := schema.(map[string]any)
	var bad []string
	for key, rule := range s {
		switch key {
		case "$ref":
			name := strings.TrimPrefix(rule.(string), "#/definitions/")
			def, ok := c.root["definitions"].(map[string]any)[name]
			if !ok {
				return []string{"no definition " + name}
			}
			bad = append(bad, c.check(at, def, v)...)
		case "type":
			if !slices.ContainsFunc(asList(rule), func(t any) bool { return isType(t.(string), v) }) {
				bad = append(bad, fmt.Sprintf("%s: %v is no %v", at, v, rule))
			}
		case "enum":
			if !slices.ContainsFunc(asList(rule), func(x any) bool { return value.Equal(x, v) }) {
				bad = append(bad, fmt.Sprintf("%s: %v is none of %v", at, v, rule))
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(rule.(string)).MatchString(text) {
				bad = append(bad, fmt.Sprintf("%s: %v does not match", at, v))
			}
		case "required":
			if d, ok := v.(*value.Dict); ok {
				for _, name := range asList(rule) {
					if _, has := d.Get(name); !has {
						bad = append(bad, fmt.Sprintf("%s: %v is missing", at, name))
					}
				}
			}
		case "items":
			for i, x := range list(v) {
				bad = append(bad, c.check(fmt.Sprintf("%s[%d]", at, i), rule, x)...)
			}
		case "anyOf":
			if !slices.ContainsFunc(asList(rule), func(r any) bool { return len(c.check(at, r, v)) == 0 }) {
				bad = append(bad, at+": none of anyOf")
			}
		case "if":
			branch := "then"
			if len(c.check(at, rule, v)) > 0 {
				branch = "else"
			}
			bad = append(bad, c.check(at, s[branch], v)...)
		case "additionalProperties":
			bad = append(bad, c.properties(at, s, v)...)
		case "properties", "patternProperties", "then", "else", "$schema", "title", "description", "default", "definitions":
		default:
			bad = append(bad, "unknown rule "+key)
		}
	}
	return bad
}

func (c checker) properties(at string, s map[string]any, v any) []string {
	d, ok := v.(*value.Dict)
	if !ok {
		return nil
	}
	var bad []string
	props, _ := s["properties"].(map[string]any)
	patterns, _ := s["patternProperties"].(map[string]any)
	for k, x := range d.All() {
		name := value.Str(k)
		rule, ok := props[name]
		for p, r := range patterns {
			if !ok && regexp.MustCompile(p).MatchString(name) {
				rule, ok = r, true
			}
		}
		if !ok {
			rule = s["additionalProperties"]
		}
		bad = append(bad, c.check(at+"."+name, rule, x)...)
	}
	return bad
}

func asList(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func isType(t string, v any) bool {
	switch x := v.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case int:
		return t == "integer" || t == "number"
	case float64:
		return t == "number" || t == "integer" && x == float64(int(x))
	case string:
		return t == "string"
	case []any:
		return t == "array"
	case *value.Dict:
		return t == "object"
	}
	return false
}

func newChecker(t *testing.T) checker {
	t.Helper()
	text, err := json.Marshal(playbooks.Schema(testCatalog))
	if err != nil {
		t.Fatal(err)
	}
	var c checker
	if err := json.Unmarshal(text, &c.root); err != nil {
		t.Fatal(err)
	}
	return c
}

func readYAML(t *testing.T, file string) any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := value.ParseYAML(file, text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := value.FromYAML(n, value.YAMLOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// An editor must not mark what runs.
func TestSchemaAcceptsWhatRuns(t *testing.T) {
	c := newChecker(t)
	files, _ := filepath.Glob("testdata/ok/*.yml")
	files = append(files, "testdata/tree/site.yml", "testdata/tree/plays/web.yml")
	for _, file := range files {
		v := readYAML(t, file)
		first, ok := list(v), false
		if len(first) > 0 {
			if d, isDict := first[0].(*value.Dict); isDict {
				_, hosts := d.Get("hosts")
				_, imp := d.Get("import_playbook")
				ok = hosts || imp
			}
		}
		if !ok {
			continue
		}
		if bad := c.check(file, c.root, v); len(bad) > 0 {
			t.Error(strings.Join(bad, "\n"))
		}
	}
}

func TestSchemaMarksMistakes(t *testing.T) {
	c := newChecker(t)
	for _, name := range []string{
		"e1", "e2", "e3", "e11", "e12", "e14", "keyword-unknown", "args-indent", "tasks-unknown", "playbook-of-tasks", "not-plays",
	} {
		v := readYAML(t, "testdata/errors/"+name+".yml")
		if bad := c.check(name, c.root, v); len(bad) == 0 {
			t.Errorf("%s.yml passes", name)
		}
	}
}
