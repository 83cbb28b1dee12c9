package script

import (
	"regexp"
	"strings"
)

// variable is $NAME or ${NAME}.
var variable = regexp.MustCompile(`\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})`)

// Expand makes a word of a text in which a leading ~ stands for the home and
// $NAME or ${NAME} for a variable of the host's environment; what is not set
// stays as it is written. The rest is quoted: nothing else in the text means
// anything to the shell.
func Expand(s string) string {
	var b strings.Builder
	if s == "~" || strings.HasPrefix(s, "~/") {
		b.WriteString(`"${HOME-~}"`)
		s = s[1:]
	}
	for {
		m := variable.FindStringSubmatchIndex(s)
		if m == nil {
			break
		}
		name := variable.FindStringSubmatch(s)
		if m[0] > 0 {
			b.WriteString(Quote(s[:m[0]]))
		}
		switch n := name[1] + name[2]; {
		case strings.HasPrefix(strings.ToUpper(n), "EP_"):
			b.WriteString(Quote(s[m[0]:m[1]])) // ours, not the environment's
		case name[2] != "":
			// no shell takes a } inside; the prelude has one in a variable
			b.WriteString(`"${` + n + `-\${` + n + `$ep_brace}"`)
		default:
			b.WriteString(`"${` + n + `-\$` + n + `}"`)
		}
		s = s[m[1]:]
	}
	if s != "" || b.Len() == 0 {
		b.WriteString(Quote(s))
	}
	return b.String()
}

// CallExpanded is Call with words in which ~ and variables stand for the
// host's (see Expand).
func (s *Script) CallExpanded(verb string, args ...string) *Script {
	s.b.WriteString(verb)
	for _, a := range args {
		s.b.WriteByte(' ')
		s.b.WriteString(Expand(a))
	}
	s.b.WriteByte('\n')
	return s
}
