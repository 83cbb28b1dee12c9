package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// A place is where a case's contenders run and what they talk to.
type place struct {
	dir       string // for files
	home      string // a home with .ssh/known_hosts, for all of them
	key       string // the private key that the hosts let in
	inventory string
	addrs     []string // of the hosts' SSH servers, with ports
	enter     []string // the beginning of each command line: into the lab's network
}

// command is a program at this place.
func (p *place) command(ctx context.Context, env []string, argv ...string) *exec.Cmd {
	argv = append(append([]string{}, p.enter...), argv...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), append([]string{"HOME=" + p.home, "XDG_CACHE_HOME=" + p.home + "/.cache",
		"SSH_AUTH_SOCK=", "NO_COLOR=1", "ANSIBLE_NOCOLOR=1", "ANSIBLE_CONFIG=" + filepath.Join(p.dir, "ansible.cfg")}, env...)...)
	cmd.Dir = p.dir
	return cmd
}

func (p *place) known() string { return filepath.Join(p.home, ".ssh", "known_hosts") }

// sshArgs are OpenSSH's client's, with nothing but what the hosts need.
func (p *place) sshArgs() string {
	return "-F none -o BatchMode=yes -o LogLevel=ERROR -o UserKnownHostsFile=" + p.known() + " -o IdentitiesOnly=yes -i " + p.key
}

// etcdplayOn is the program itself.
func (b *bench) etcdplayOn(p *place, playbook string, check func(string) error, args ...string) contender {
	return contender{name: "etcdplay", check: check, command: func(ctx context.Context) *exec.Cmd {
		argv := append([]string{b.etcdplay, "run", playbook, "-i", p.inventory}, args...)
		return p.command(ctx, []string{"ANSIBLE_INVENTORY="}, argv...)
	}}
}

// plainSSH is one parallel round of OpenSSH's client, with a script that a
// person wrote for just this work.
func (b *bench) plainSSH(p *place, script string) contender {
	c := contender{name: "plain ssh, one script"}
	if _, err := exec.LookPath("ssh"); err != nil {
		c.skip = "OpenSSH's client is not installed"
		return c
	}
	var text strings.Builder
	text.WriteString("pids=\n")
	for _, addr := range p.addrs {
		host, port, _ := strings.Cut(addr, ":")
		fmt.Fprintf(&text, "ssh %s -p %s root@%s sh -s <%s & pids=\"$pids $!\"\n", p.sshArgs(), port, host, script)
	}
	text.WriteString("for pid in $pids; do wait $pid || exit 1; done\n")
	c.command = func(ctx context.Context) *exec.Cmd { return p.command(ctx, nil, "sh", "-c", text.String()) }
	return c
}

// goClient is the Go client of this program; without a script it only logs in.
func (b *bench) goClient(p *place, name, script string) contender {
	return contender{name: name, command: func(ctx context.Context) *exec.Cmd {
		argv := append([]string{b.self, "client", "-key", p.key, "-known", p.known(), "-script", script}, p.addrs...)
		return p.command(ctx, nil, argv...)
	}}
}

// ansible is ansible-playbook, tuned as well as it can be.
func (b *bench) ansible(p *place, playbook string, check func(string) error) contender {
	return b.ansibleWith(p, "Ansible, pipelining, 50 forks", playbook, check)
}

// mitogenOn is Ansible with Mitogen in place of its connections.
func (b *bench) mitogenOn(p *place, playbook string, check func(string) error) contender {
	const name = "Ansible with Mitogen"
	strategies := filepath.Join(b.mitogen, "ansible_mitogen", "plugins", "strategy")
	if b.mitogen == "" {
		return contender{name: name, skip: "no checkout: -mitogen FOLDER"}
	}
	if _, err := os.Stat(strategies); err != nil {
		return contender{name: name, skip: "no checkout of Mitogen: " + err.Error()}
	}
	return b.ansibleWith(p, name, playbook, check, "ANSIBLE_STRATEGY=mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS="+strategies)
}

func (b *bench) ansibleWith(p *place, name, playbook string, check func(string) error, env ...string) contender {
	c := contender{name: name, check: check}
	bin, err := exec.LookPath("ansible-playbook")
	if err != nil {
		c.skip = "ansible-playbook is not installed (Debian: apt-get install ansible-core)"
		return c
	}
	// Each run dials anew, as one that a person starts: the masters that keep
	// connections for its tasks end with it.
	var control string
	runs := 0
	c.command = func(ctx context.Context) *exec.Cmd {
		runs++
		control = filepath.Join(b.dir, "cp"+strconv.Itoa(runs))
		env := append([]string{
			"ANSIBLE_PIPELINING=1", "ANSIBLE_FORKS=50", "ANSIBLE_SSH_ARGS=-F none -o ControlMaster=auto -o ControlPersist=60s -o BatchMode=yes",
			"ANSIBLE_SSH_CONTROL_PATH_DIR=" + control, "ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3", "ANSIBLE_LOCAL_TEMP=" + filepath.Join(b.dir, "ansible"),
			"ANSIBLE_TIMEOUT=60", // of a login; where the machine has much to do, the default of 10 s is too short for Mitogen
		}, env...)
		return p.command(ctx, env, bin, "-i", p.inventory, playbook)
	}
	c.after = func(ctx context.Context) {
		sockets, _ := filepath.Glob(filepath.Join(control, "*"))
		for _, s := range sockets {
			_ = p.command(ctx, nil, "ssh", "-F", "none", "-o", "ControlPath="+s, "-O", "exit", "host").Run()
		}
	}
	return c
}
