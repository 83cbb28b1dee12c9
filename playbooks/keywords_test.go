package playbooks

import (
	"slices"
	"testing"
)

func TestSharedKeywordsAreRead(t *testing.T) {
	for _, name := range slices.Concat(sharedKeywords, notOfPlays) {
		l := NewLoader(Options{})
		s := &scope{parse: l.parse(t.Context()), doc: &document{}}
		if !s.shared(&Common{}, entry{key: name}) {
			t.Errorf("%s is listed but not read", name)
		}
	}
}
