package ssh

import (
	"fmt"
	"strings"
)

// options are ssh_config's options by name, in lower case.
type options map[string][]string

func (o options) first(name string) string {
	if v := o[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// parseArgs reads options as ssh(1) takes them on its command line. What
// changes nothing here (multiplexing, verbosity, compression) is passed over;
// what would change something and can't be honoured is an error.
func parseArgs(s string) (options, error) {
	words, err := splitWords(s)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", s, err)
	}
	o := options{}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if len(w) < 2 || w[0] != '-' {
			return nil, fmt.Errorf("%q is no option", w)
		}
		flag, val := w[:2], w[2:]
		if strings.Contains("-C -q -v -x -a -T -4 -6 -A -k -X -Y", flag) && flag != "-" {
			continue
		}
		name, known := map[string]string{"-J": "proxyjump", "-i": "identityfile", "-p": "port", "-l": "user", "-F": "configfile", "-o": ""}[flag]
		if !known {
			return nil, fmt.Errorf("the option %s is not supported", flag)
		}
		if val == "" {
			if i++; i == len(words) {
				return nil, fmt.Errorf("the option %s wants a value", flag)
			}
			val = words[i]
		}
		if flag == "-o" {
			var ok bool
			if name, val, ok = strings.Cut(val, "="); !ok {
				if name, val, ok = strings.Cut(strings.TrimSpace(name), " "); !ok {
					return nil, fmt.Errorf("-o %s wants the form Name=value", name)
				}
			}
			name, val = strings.ToLower(strings.TrimSpace(name)), strings.Trim(strings.TrimSpace(val), `"`)
			switch {
			case honoured[name]:
			case passedOver[name]:
				continue
			default:
				return nil, fmt.Errorf("the option %s is not supported", name)
			}
		}
		o[name] = append(o[name], val)
	}
	return o, nil
}

// honoured are the options that have an effect.
var honoured = set("hostname port user identityfile identitiesonly certificatefile identityagent proxyjump proxycommand " +
	"userknownhostsfile globalknownhostsfile stricthostkeychecking connecttimeout hostkeyalias ciphers macs kexalgorithms hostkeyalgorithms " +
	"serveraliveinterval serveralivecountmax")

// passedOver are those without which the same work is done.
var passedOver = set("controlmaster controlpath controlpersist loglevel forwardagent forwardx11 compression batchmode " +
	"preferredauthentications passwordauthentication kbdinteractiveauthentication pubkeyauthentication gssapiauthentication " +
	"addkeystoagent checkhostip updatehostkeys tcpkeepalive requesttty hashknownhosts pubkeyacceptedkeytypes pubkeyacceptedalgorithms " +
	"visualhostkey connectionattempts addressfamily sendenv setenv ipqos canonicalizehostname")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
