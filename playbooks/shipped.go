package playbooks

import (
	"io/fs"
	"strings"
)

// A ShippedPlaybook is one that comes with the program.
type ShippedPlaybook struct {
	Name    string // "site.yml"
	Summary string // the first sentence of its head comment
}

// ListShipped lists the playbooks of a folder like Shipped, by name.
func ListShipped(fsys fs.FS) ([]ShippedPlaybook, error) {
	names, err := fs.Glob(fsys, "*.yml")
	if err != nil {
		return nil, err
	}
	var list []ShippedPlaybook
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		list = append(list, ShippedPlaybook{name, firstSentence(string(text))})
	}
	return list, nil
}

// firstSentence is that of a file's head comment.
func firstSentence(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		comment, is := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !is {
			break
		}
		words = append(words, comment)
	}
	sentence, _, _ := strings.Cut(strings.Join(words, " ")+" ", ". ")
	return strings.TrimRight(strings.TrimSpace(sentence), ".:")
}
