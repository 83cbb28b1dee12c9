package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// upper also knows the one letter of common use that becomes two.
func upper(s string) string { return strings.ToUpper(strings.ReplaceAll(s, "ß", "SS")) }

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 || r == utf8.RuneError {
		return s
	}
	return string(unicode.ToTitle(r)) + strings.ToLower(s[n:])
}

func swapCase(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsUpper(r) {
			b.WriteRune(unicode.ToLower(r))
		} else {
			b.WriteString(upper(string(r)))
		}
	}
	return b.String()
}

// pythonTitle begins every run of letters with a capital.
func pythonTitle(s string) string {
	var b strings.Builder
	in := false
	for _, r := range s {
		was := in
		in = unicode.IsLetter(r)
		switch {
		case in && was:
			b.WriteRune(unicode.ToLower(r))
		case r == 'ß':
			b.WriteString("Ss")
		default:
			b.WriteRune(unicode.ToTitle(r))
		}
	}
	return b.String()
}

func splitBlanks(s string, most int, fromRight bool) []string {
	if most < 0 {
		return strings.Fields(s)
	}
	var parts []string
	if fromRight {
		for s = strings.TrimRightFunc(s, unicode.IsSpace); s != "" && most > 0; most-- {
			i := strings.LastIndexFunc(s, unicode.IsSpace)
			if i < 0 {
				break
			}
			_, n := utf8.DecodeRuneInString(s[i:])
			parts = append([]string{s[i+n:]}, parts...)
			s = strings.TrimRightFunc(s[:i], unicode.IsSpace)
		}
		if s != "" {
			parts = append([]string{s}, parts...)
		}
		return parts
	}
	for s = strings.TrimLeftFunc(s, unicode.IsSpace); s != "" && most > 0; most-- {
		i := strings.IndexFunc(s, unicode.IsSpace)
		if i < 0 {
			break
		}
		parts = append(parts, s[:i])
		s = strings.TrimLeftFunc(s[i:], unicode.IsSpace)
	}
	if s != "" {
		parts = append(parts, s)
	}
	return parts
}

func splitLines(s string, keepEnds bool) []string {
	var lines []string
	for s != "" {
		i := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if i < 0 {
			return append(lines, s)
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		if keepEnds {
			lines = append(lines, s[:i+n])
		} else {
			lines = append(lines, s[:i])
		}
		s = s[i+n:]
	}
	return lines
}
