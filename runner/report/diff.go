package report

import (
	"strings"

	"github.com/etcdplay/etcdplay/tasks"
)

// context is how many unchanged lines stand around a change.
const context = 3

// diff draws a change as a unified diff.
func (t *Terminal) diff(d tasks.Diff) string {
	if d.Before == d.After {
		return ""
	}
	var b strings.Builder
	head := func(sign, word, name string) {
		if name != "" {
			word += ": " + name
		}
		b.WriteString(sign + " " + word + "\n")
	}
	head("---", "before", d.BeforeHeader)
	head("+++", "after", d.AfterHeader)
	for _, l := range unified(splitLines(d.Before), splitLines(d.After)) {
		switch l[0] {
		case '-':
			l = t.red.Sprint(l)
		case '+':
			l = t.green.Sprint(l)
		case '@':
			l = t.cyan.Sprint(l)
		}
		b.WriteString(l + "\n")
	}
	b.WriteString("\n")
	return b.String()
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	if !strings.HasSuffix(s, "\n") {
		lines[len(lines)-1] += "\n\\ No newline at end of file"
	}
	return lines
}
