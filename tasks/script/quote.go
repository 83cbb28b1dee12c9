// Package script is the shell side of the tasks: quoting, the prelude with
// every verb that changes a host, and the records by which a script tells
// what it did.
package script

import "strings"

// Quote makes a word of any text (without NUL bytes, which no shell can hold)
// that every POSIX shell reads back unchanged. It is the only way by which
// values reach a shell.
func Quote(s string) string {
	if s == "" {
		return "''"
	}
	if strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// QuoteAll quotes each word and joins them with spaces.
func QuoteAll(words ...string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = Quote(w)
	}
	return strings.Join(out, " ")
}

// unsafe reports whether a word with r in it needs quotes. `=` is unsafe: at
// the start of a command it would make an assignment of the word.
func unsafe(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
		strings.ContainsRune("_@%+:,./-", r))
}
