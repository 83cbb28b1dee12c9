package script

import "strings"

// A Script is built line by line from constant shell text and quoted values.
type Script struct{ b strings.Builder }

// New makes an empty script.
func New() *Script { return &Script{} }

// Call adds a command: a verb of the prelude, or a program, with its
// arguments quoted. A verb that fails ends the script.
func (s *Script) Call(verb string, args ...string) *Script {
	s.b.WriteString(verb)
	for _, a := range args {
		s.b.WriteByte(' ')
		s.b.WriteString(Quote(a))
	}
	s.b.WriteByte('\n')
	return s
}

// Set assigns a value to a shell variable.
func (s *Script) Set(name, val string) *Script {
	s.b.WriteString(name + "=" + Quote(val) + "\n")
	return s
}

// Text adds constant shell text. It must never hold a user's value: those go
// through Call and Set.
func (s *Script) Text(sh string) *Script {
	s.b.WriteString(strings.TrimSuffix(sh, "\n"))
	s.b.WriteByte('\n')
	return s
}

// Render is the whole script: it stops at the first command that fails, or at
// an unset variable.
func (s *Script) Render(check, diff bool) string {
	flag := func(name string, on bool) string {
		if on {
			return name + "=1\n"
		}
		return name + "=0\n"
	}
	return flag("EP_CHECK", check) + flag("EP_DIFF", diff) + "set -eu\n" + s.b.String()
}

// Body is the script's lines alone.
func (s *Script) Body() string { return s.b.String() }
