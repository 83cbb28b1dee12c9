// Package facts makes a host's facts of what the host shows of itself: the
// names and shapes are those of Ansible's setup module, so that playbooks
// written for it find what they look for.
package facts

import (
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// Raw is what the verbs of the prelude told (71-facts.sh): the texts of files
// and the output of commands, by key.
type Raw map[string]string

// files splits a key's text into files: each line stands behind its file's
// name and a colon.
func (r Raw) files(key string) files {
	f := files{}
	for line := range strings.Lines(r[key]) {
		name, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if ok && strings.HasPrefix(name, "/") {
			f[name] = append(f[name], text)
		}
	}
	return f
}

// has reports whether a key was told at all.
func (r Raw) has(key string) bool { _, ok := r[key]; return ok }

// files are the lines of files by path.
type files map[string][]string

// line is the first line of the first of the files that is there, trimmed.
func (f files) line(paths ...string) string {
	for _, p := range paths {
		if len(f[p]) > 0 {
			return strings.Trim(f[p][0], " \t\r\x00")
		}
	}
	return ""
}

// text is a file's lines as one text.
func (f files) text(path string) string { return strings.Join(f[path], "\n") }

// number is the leading whole number of a text, or 0.
func number(s string) int {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && s[end] == '-') {
		end++
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}

// words makes a list value.
func words(list ...string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// dict is short for value.NewDict.
func dict(pairs ...any) *value.Dict { return value.NewDict(pairs...) }

// assignments reads NAME=value lines as shells do, for the plain quoting that
// os-release and its kin allow.
func assignments(lines []string) map[string]string {
	out := map[string]string{}
	for _, line := range lines {
		name, val, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		out[name] = unquote(val)
	}
	return out
}

func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '"' && s[0] != '\'' {
		return s
	}
	inner := s[1 : len(s)-1]
	if s[0] == '\'' {
		return inner
	}
	return strings.NewReplacer(`\"`, `"`, `\$`, `$`, "\\`", "`", `\\`, `\`).Replace(inner)
}
