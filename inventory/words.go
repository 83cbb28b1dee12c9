package inventory

import (
	"errors"
	"strings"
)

// A word is one shell word of a host line.
type word struct {
	text string
	col  int  // of its first character, from 1
	hash bool // a # cut it short
}

// splitWords splits a host line as a POSIX shell would: quotes, backslashes,
// and # that begins a comment wherever it stands unquoted, even inside a word.
// col is the column of the line's first character.
func splitWords(line string, col int) ([]word, error) {
	var words []word
	var b strings.Builder
	start, inWord := 0, false
	begin := func(i int) {
		if !inWord {
			start, inWord = i, true
		}
	}
	end := func(hash bool) {
		if inWord {
			words = append(words, word{b.String(), col + start, hash})
			b.Reset()
			inWord = false
		}
	}
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; r {
		case ' ', '\t', '\r', '\n':
			end(false)
		case '#':
			end(true)
			return words, nil
		case '\\':
			begin(i)
			if i++; i == len(runes) {
				return nil, errors.New("the line ends in a backslash that escapes nothing")
			}
			b.WriteRune(runes[i])
		case '\'', '"':
			begin(i)
			closed := false
			for i++; i < len(runes); i++ {
				c := runes[i]
				if c == r {
					closed = true
					break
				}
				if c == '\\' && r == '"' && i+1 < len(runes) && (runes[i+1] == '"' || runes[i+1] == '\\') {
					i++
					c = runes[i]
				}
				b.WriteRune(c)
			}
			if !closed {
				return nil, errors.New("a quote is opened and never closed")
			}
		default:
			begin(i)
			b.WriteRune(r)
		}
	}
	end(false)
	return words, nil
}
