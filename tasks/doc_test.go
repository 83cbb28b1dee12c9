package tasks

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDocsNameEveryArgument(t *testing.T) {
	r := Builtin()
	for _, name := range r.Names() {
		m, _ := r.New(name)
		md, plain := Markdown(name, m), Plain(name, m)
		for _, a := range Args(m) {
			if !strings.Contains(md, "| `"+a.Name+"` |") {
				t.Errorf("%s.md does not name %s", name, a.Name)
			}
			if !strings.Contains(plain, "\n  "+a.Name+" (") {
				t.Errorf("the text on %s does not name %s", name, a.Name)
			}
		}
		text, _, _ := strings.Cut(plain, "\nEXAMPLES\n")
		for line := range strings.Lines(text) {
			if len([]rune(line)) > 100 {
				t.Errorf("%s: a line of %d columns: %s", name, len(line), line)
			}
		}
		if _, err := json.Marshal(Schema(m)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
