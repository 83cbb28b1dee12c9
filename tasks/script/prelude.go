package script

import (
	"embed"
	"io/fs"
	"regexp"
	"strings"
	"sync"
)

//go:embed prelude/*.sh
var preludeFiles embed.FS

// Prelude is the text of all verbs, from the files in prelude/ in the order of
// their names, without blank and comment lines (so no string or here-document
// in them may hold such a line).
func Prelude() string {
	var b strings.Builder
	for _, u := range preludeUnits() {
		b.WriteString(u.text)
	}
	return b.String()
}

// A unit is one file of the prelude. A shell reads a unit before the first
// script that uses one of its verbs, and only then: most hosts need few.
type unit struct {
	text  string
	needs []int // the units whose verbs its own use, itself among them, in order
}

var verb = regexp.MustCompile(`(?m)^([A-Za-z_][A-Za-z0-9_]*)\(\) `)

// preludeIndex is what is known of the prelude's files, worked out once.
type preludeIndex struct {
	units []unit
	of    map[string]int // the unit of a verb, or of a variable that a unit sets at its top
}

var indexPrelude = sync.OnceValue(func() preludeIndex {
	x := preludeIndex{of: map[string]int{}}
	names, _ := fs.Glob(preludeFiles, "prelude/*.sh")
	for i, n := range names {
		text, err := preludeFiles.ReadFile(n)
		if err != nil {
			panic("script: embedded prelude: " + err.Error())
		}
		u := unit{text: withoutComments(string(text))}
		for _, m := range verb.FindAllStringSubmatch(u.text, -1) {
			x.of[m[1]] = i
		}
		for _, m := range topVariable.FindAllStringSubmatch(u.text, -1) {
			x.of[m[1]] = i
		}
		x.units = append(x.units, u)
	}
	for i := range x.units {
		x.units[i].needs = x.closure(x.units[i].text, i)
	}
	return x
})

var topVariable = regexp.MustCompile(`(?m)^([a-z][a-z0-9_]*)=`)

func preludeUnits() []unit { return indexPrelude().units }

// closure lists the units that a text needs, with what those need in turn.
func (x preludeIndex) closure(text string, with ...int) []int {
	need := make([]bool, len(x.units))
	queue := append(x.named(text), with...)
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if need[i] {
			continue
		}
		need[i] = true
		if done := x.units[i].needs; done != nil {
			for _, j := range done {
				need[j] = true
			}
			continue
		}
		queue = append(queue, x.named(x.units[i].text)...)
	}
	list := []int{}
	for i, n := range need {
		if n {
			list = append(list, i)
		}
	}
	return list
}

// named lists the units whose verbs a text names anywhere: in doubt one more.
func (x preludeIndex) named(text string) []int {
	var list []int
	for text != "" {
		n := 0
		for n < len(text) && inWord(text[n]) {
			n++
		}
		if i, ok := x.of[text[:n]]; ok {
			list = append(list, i)
		}
		text = text[min(n+1, len(text)):]
	}
	return list
}

// inWord reports whether a name of a verb or variable may hold this byte.
func inWord(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// missing is the text of the units that a script needs and that a shell has
// not read yet; it marks them as read.
func missing(body string, read map[int]bool) string {
	x := indexPrelude()
	var b strings.Builder
	for _, i := range x.closure(body, 0) { // the core always: records and ends
		if !read[i] {
			read[i] = true
			b.WriteString(x.units[i].text)
		}
	}
	return b.String()
}

// withoutComments drops blank lines and lines that are only a comment.
func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if t := strings.TrimLeft(line, " \t"); t == "\n" || strings.HasPrefix(t, "#") {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}
