// Package ssh is the transport: it reaches hosts over SSH (or this machine
// directly), keeps one connection for each host and one long-lived shell for
// each user that tasks work as, and moves files. It is the only package that
// knows goph.
package ssh

import (
	"strings"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// A Host says how to reach one host. Equal Hosts share a connection. What is
// left empty comes from the user's ssh_config, then from the defaults.
type Host struct {
	Name     string // the inventory name, for messages; Address where that is empty
	Local    bool   // this machine, without SSH; only Name counts then
	Address  string // name or IP address; an alias of ssh_config too
	Port     int    // 0: ssh_config's, else 22
	User     string // "": ssh_config's, else the user who runs this program
	Password string // for the login; "": none
	KeyFile  string // a private key offered before any other; "": none
	// Args are options as ssh(1) takes them: -o Name=value, -J, -i, -p, -l, -F
	// (ansible_ssh_common_args). Others are refused.
	Args     string
	HostKeys Policy // "": the Options' policy
}

// Become says which user to work as, and how to become that user.
type Become struct {
	Method   string // sudo, su or doas; "": sudo
	User     string // "": stay the login user
	Password string
	Flags    string // options in place of sudo's own -H, as shell words
	// Lane keeps apart what must not wait for each other: each lane has a shell of
	// its own. "" is the lane of ordinary tasks.
	Lane string
}

// Methods lists how one can become another user.
func Methods() []string { return []string{"sudo", "su", "doas"} }

func (b Become) check() error {
	for _, m := range Methods() {
		if b.Method == m {
			for _, s := range []string{b.User, b.Password, b.Flags} {
				if strings.ContainsAny(s, "\n\x00") {
					return tasks.Failf("the user, password or flags for %s hold a newline", b.Method)
				}
			}
			return nil
		}
	}
	return tasks.Failf("there is no way named %q to become another user", b.Method).
		WithHint("become_method is one of %s", strings.Join(Methods(), ", "))
}

// quotedFlags makes quoted words of the flags. -n and -S are left out: whether
// sudo may ask is not for the user's flags to say.
func (b Become) quotedFlags() (string, error) {
	words, err := splitWords(b.Flags)
	if err != nil {
		return "", tasks.Failf("become_flags %q: %w", b.Flags, err)
	}
	var kept []string
	for _, w := range words {
		if w != "-n" && w != "-S" && w != "--stdin" && w != "--non-interactive" {
			kept = append(kept, w)
		}
	}
	if b.Flags == "" && b.Method == "sudo" {
		kept = []string{"-H"}
	}
	return script.QuoteAll(kept...), nil
}
