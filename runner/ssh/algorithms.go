package ssh

import (
	"slices"
	"strings"

	xssh "golang.org/x/crypto/ssh"
)

// choose applies an option that lists algorithms, as ssh_config(5) has it: a
// list in place of the usual ones, or with + behind, ^ before and - without
// them. Old servers need such. Names that this client does not know stay out
// by themselves when the two sides look for a common one.
func choose(usual []string, option string) []string {
	if option == "" {
		return usual
	}
	names := strings.Split(strings.TrimLeft(option, "+-^"), ",")
	switch option[0] {
	case '+':
		return append(slices.Clone(usual), names...)
	case '^':
		return append(names, usual...)
	case '-':
		return slices.DeleteFunc(slices.Clone(usual), func(a string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return matches(n, a) })
		})
	}
	return names
}

// matches reports whether a name matches a pattern with * at its ends.
func matches(pattern, name string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	return len(name) >= len(head)+len(tail) && strings.HasPrefix(name, head) && strings.HasSuffix(name, tail)
}

// algorithms sets what the user's options say of a connection's algorithms.
func (r *route) algorithms(c *xssh.Config) {
	usual := xssh.SupportedAlgorithms()
	c.Ciphers = choose(usual.Ciphers, r.ciphers)
	c.MACs = choose(usual.MACs, r.macs)
	c.KeyExchanges = choose(usual.KeyExchanges, r.keyExchanges)
}
