package tasks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// runText is the run file: a script that becomes the daemon. It stays on the
// host for people to read and to start the daemon by hand.
func (l *Launch) runText(head string, words []string) string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n" + head)
	b.WriteString("umask 022\n")
	if l.Dir != "" {
		fmt.Fprintf(&b, "cd %s || exit 1\n", script.Quote(l.Dir))
	}
	for _, k := range slices.Sorted(maps.Keys(l.Env)) {
		fmt.Fprintf(&b, "export %s=%s\n", k, script.Quote(l.Env[k]))
	}
	b.WriteString("exec " + script.Quote(words[0]))
	for _, w := range words[1:] {
		b.WriteString(" \\\n\t" + script.Quote(w))
	}
	b.WriteByte('\n')
	return b.String()
}
