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
		b.WriteString(" \\\n\t" + quoteArg(w))
	}
	b.WriteByte('\n')
	return b.String()
}

// quoteArg quotes a word that is not the first of a command, where --flag=value
// needs no quotes for its flag.
func quoteArg(word string) string {
	flag, val, ok := strings.Cut(word, "=")
	if ok && strings.HasPrefix(flag, "-") && script.Quote(flag) == flag {
		return flag + "=" + script.Quote(val)
	}
	return script.Quote(word)
}

// commandLine is a command line as a user would type it.
func commandLine(words []string) string {
	out := []string{script.Quote(words[0])}
	for _, w := range words[1:] {
		out = append(out, quoteArg(w))
	}
	return strings.Join(out, " ")
}
