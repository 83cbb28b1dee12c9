package script

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed prelude/*.sh
var preludeFiles embed.FS

// Prelude is the text that every shell reads first: all verbs, from the files
// in prelude/ in the order of their names, without blank and comment lines (so
// no string or here-document in them may hold such a line).
func Prelude() string {
	var b strings.Builder
	names, _ := fs.Glob(preludeFiles, "prelude/*.sh")
	for _, n := range names {
		text, err := preludeFiles.ReadFile(n)
		if err != nil {
			panic("script: embedded prelude: " + err.Error())
		}
		b.WriteString(withoutComments(string(text)))
	}
	return b.String()
}

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
