package hosts

import (
	"fmt"
	"strings"
)

// A Kind says what sort of Linux a host is.
type Kind string

// The kinds of host. All but Busybox are Debian with systemd and OpenSSH.
const (
	Firewalld Kind = "firewalld" // firewalld runs, zone public; ufw and nftables are installed and idle
	UFW       Kind = "ufw"       // ufw runs, only SSH is open; no firewalld
	NFTables  Kind = "nftables"  // /etc/nftables.conf drops all input but SSH; no firewalld, no ufw
	Plain     Kind = "plain"     // no firewall: the one that boots fastest
	Sudo      Kind = "sudo"      // like Firewalld, but one logs in as deploy and sudo asks for SudoPassword
	Busybox   Kind = "busybox"   // no systemd, no bash, no coreutils: busybox and dropbear
)

// SudoPassword is what sudo asks deploy for on a host of kind Sudo. It has a
// space in it because that is allowed, and breaks what doesn't quote.
const SudoPassword = "correct horse"

// Kinds returns every kind.
func Kinds() []Kind { return []Kind{Firewalld, UFW, NFTables, Plain, Sudo, Busybox} }

// ParseKinds reads a comma-separated list of kinds.
func ParseKinds(list string) ([]Kind, error) {
	var kinds []Kind
	for name := range strings.SplitSeq(list, ",") {
		kind := Kind(strings.TrimSpace(name))
		if err := kind.check(); err != nil {
			return nil, err
		}
		kinds = append(kinds, kind)
	}
	return kinds, nil
}

func (k Kind) check() error {
	for _, known := range Kinds() {
		if k == known {
			return nil
		}
	}
	return fmt.Errorf("there is no kind of host %q: choose from %v", string(k), Kinds())
}

// user is who logs in by SSH.
func (k Kind) user() string {
	if k == Sudo {
		return "deploy"
	}
	return "root"
}

// systemd reports whether systemd is the host's init.
func (k Kind) systemd() bool { return k != Busybox }
