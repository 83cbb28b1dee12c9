package hosts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Home is a folder to use as the home of who works with the lab: its .ssh has
// the key that all hosts let in, the known_hosts and an SSH configuration.
func (l *Lab) Home() string { return l.path("home") }

// Key is the file of the private key that all hosts let in.
func (l *Lab) Key() string { return filepath.Join(l.Home(), ".ssh", "id_ed25519") }

// KnownHosts is the file with the true keys of all hosts.
func (l *Lab) KnownHosts() string { return filepath.Join(l.Home(), ".ssh", "known_hosts") }

// SSHConfig is a configuration with which OpenSSH reaches the hosts by name.
func (l *Lab) SSHConfig() string { return filepath.Join(l.Home(), ".ssh", "config") }

// Inventory is the file with a ready inventory: the group etcd has the hosts
// that the controller reaches, the group behind those that only peer1 does.
func (l *Lab) Inventory() string { return l.path("hosts.ini") }

func (l *Lab) hostKey(host string) string { return l.path("hosts", host, "key") }

// writeIdentity makes the keys of the lab and its hosts and writes the files
// that tell of them.
func (l *Lab) writeIdentity() error {
	if _, err := newKey(l.Key(), "lab "+l.Name); err != nil {
		return err
	}
	var known strings.Builder
	for _, h := range l.Hosts {
		key, err := newKey(l.hostKey(h.Name), h.Name)
		if err != nil {
			return err
		}
		known.WriteString(h.Name + "," + h.Address + " " + key.authorized(h.Name))
	}
	for file, content := range map[string]string{
		l.KnownHosts(): known.String(),
		l.SSHConfig():  l.sshConfig(),
		l.Inventory():  l.inventory(),
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) sshConfig() string {
	var b strings.Builder
	for _, h := range l.Hosts {
		fmt.Fprintf(&b, "Host %s %s\n\tHostName %s\n\tUser %s\n", h.Name, h.Address, h.Address, h.User)
		if h.Via != "" {
			fmt.Fprintf(&b, "\tProxyCommand ssh -F %s -W %%h:%%p %s\n", l.SSHConfig(), h.Via)
		}
	}
	fmt.Fprintf(&b, "Host *\n\tIdentityFile %s\n\tIdentitiesOnly yes\n\tUserKnownHostsFile %s\n"+
		"\tStrictHostKeyChecking yes\n\tBatchMode yes\n\tLogLevel ERROR\n\tConnectTimeout 10\n", l.Key(), l.KnownHosts())
	return b.String()
}

func (l *Lab) inventory() string {
	var b strings.Builder
	b.WriteString("# The hosts of the lab " + l.Name + "\n")
	group, last := "", ""
	for _, h := range l.Hosts {
		if group = "etcd"; h.Via != "" {
			group = "behind"
		}
		if group != last {
			fmt.Fprintf(&b, "\n[%s]\n", group)
			last = group
		}
		fmt.Fprintf(&b, "%s ansible_host=%s ansible_user=%s", h.Name, h.Address, h.User)
		if h.Kind == Sudo {
			fmt.Fprintf(&b, " ansible_become=true ansible_become_password='%s'", SudoPassword)
		}
		b.WriteString("\n")
	}
	options := "-o UserKnownHostsFile=" + l.KnownHosts()
	fmt.Fprintf(&b, "\n[all:vars]\nansible_ssh_private_key_file=%s\nansible_ssh_common_args='%s'\n", l.Key(), options)
	if group == "behind" {
		jump := l.Hosts[0]
		fmt.Fprintf(&b, "\n[behind:vars]\nansible_ssh_common_args='%s -o ProxyJump=%s@%s'\n", options, jump.User, jump.Address)
	}
	return b.String()
}
