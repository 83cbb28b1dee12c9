package tasks

import (
	"errors"
	"strings"
)

// shellWords splits a command line as a POSIX shell does, without expanding
// anything: quotes, backslashes, white space.
func shellWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	started := false
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == '\'' && c != '\'', quote == '"' && c != '"' && c != '\\':
			word.WriteByte(c)
		case quote != 0 && c == quote:
			quote = 0
		case quote == '"' && c == '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
			}
			word.WriteByte(s[i])
		case c == '\\':
			if i+1 == len(s) {
				return nil, errors.New("it ends with a backslash")
			}
			i++
			word.WriteByte(s[i])
			started = true
		case c == '\'' || c == '"':
			quote, started = c, true
		case strings.IndexByte(" \t\r\n", c) >= 0:
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
		default:
			word.WriteByte(c)
			started = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote " + string(quote) + " is never closed")
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}
