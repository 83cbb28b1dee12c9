package hosts

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// record is the file with the identity of a host's systemd-nspawn process.
func (l *Lab) record(host string) string { return l.path("hosts", host, "process.json") }

func (l *Lab) console(host string) string { return l.path("hosts", host, "console.log") }

// bootScript becomes systemd-nspawn, in a mount namespace of its own, so that
// the kernel unmounts the host's disk when the host is gone, however it went.
// Before that it moves itself to the host's own control groups.
//
// nsenter --net is used and not ip netns exec, for the latter hides
// /sys/fs/cgroup, which systemd-nspawn needs. /run/systemd/nspawn is private
// too: hosts of different labs have the same names.
const bootScript = `
root=$1 lower=$2 upper=$3 work=$4 netns=$5 groups=$6; shift 6
for group in $groups; do
	mkdir -p "$group"
	echo $$ >"$group/cgroup.procs"
done
mount -t overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" overlay "$root"
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
exec nsenter --net="$netns" systemd-nspawn --directory="$root" "$@"
`

// boot starts a host that is off and waits until it has booted.
func (l *Lab) boot(ctx context.Context, h Host) error {
	ctx, cancel := context.WithTimeoutCause(ctx, l.bootTimeout, fmt.Errorf("it didn't boot within %v", l.bootTimeout))
	defer cancel()
	p, err := recorded(l.record(h.Name))
	if err != nil {
		return err
	}
	if !p.running() {
		// It may have gone off by itself, and left something behind.
		if err := l.end(ctx, h.Name); err != nil {
			return err
		}
		if p, err = l.start(ctx, h); err != nil {
			return err
		}
	}
	if err := l.mend(ctx, h); err != nil {
		return err
	}
	return l.waitBooted(ctx, h, p)
}

func (l *Lab) start(ctx context.Context, h Host) (process, error) {
	dir := l.path("hosts", h.Name)
	argv := []string{
		"unshare", "--mount", "--propagation", "slave", "sh", "-euc", bootScript, "sh",
		dir + "/root", strings.Join(h.Layers, ":"), dir + "/upper", dir + "/work",
		namespaceFile(l.Name), strings.Join(cgroups(l.Name, h.Name), " "),
		"--quiet", "--machine=" + h.Name, "--register=no", "--keep-unit", "--settings=no",
		"--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe",
		"--network-bridge=" + h.bridge(),
	}
	if h.Inside != "" {
		argv = append(argv, "--network-veth-extra="+innerCable+":host1")
	}
	if h.Kind.systemd() {
		argv = append(argv, "--boot")
	} else {
		argv = append(argv, "--kill-signal=SIGUSR2", "/sbin/init") // busybox init powers off at SIGUSR2
	}
	if err := l.unplug(ctx, h); err != nil {
		return process{}, err
	}
	p, err := detach(ctx, l.record(h.Name), l.console(h.Name), argv...)
	if err != nil || h.Inside == "" {
		return p, err
	}
	err = until(ctx, "its second network interface", func() (bool, error) {
		if !p.running() {
			return false, fmt.Errorf("it went off; its %s", tail(l.console(h.Name)))
		}
		return ipInside(ctx, l.Name, "link", "set", innerCable, "master", backBridge, "up") == nil, nil
	})
	return p, err
}

// unplug removes what is left of a host's cables from when it was on: on a busy
// machine the kernel takes them away some time after the host is gone.
func (l *Lab) unplug(ctx context.Context, h Host) error {
	cables := []string{h.cable()}
	if h.Inside != "" {
		cables = append(cables, innerCable)
	}
	for _, cable := range cables {
		if ipInside(ctx, l.Name, "link", "show", cable) != nil {
			continue
		}
		// The kernel may be faster.
		if err := ipInside(ctx, l.Name, "link", "delete", cable); err != nil && ipInside(ctx, l.Name, "link", "show", cable) == nil {
			return err
		}
	}
	return nil
}

// innerCable is the outer end of the jump host's interface to the hosts behind.
const innerCable = "vx-inner"

// init returns the first process of a host.
func (l *Lab) init(h Host) (process, error) {
	p, err := recorded(l.record(h.Name))
	if err != nil {
		return process{}, err
	}
	if children := p.children(); len(children) > 0 {
		return children[0], nil
	}
	return process{}, errOff
}

var errOff = errors.New("the host is off")

// waitBooted waits until the SSH server answers and the init has started all
// its services.
func (l *Lab) waitBooted(ctx context.Context, h Host, p process) error {
	unanswered := errors.New("not asked yet")
	err := until(ctx, "its SSH server", func() (bool, error) {
		if !p.running() {
			return false, errors.New("it went off")
		}
		_, unanswered = l.banner(ctx, h)
		return unanswered == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w; its %s", err, unanswered, tail(l.console(h.Name)))
	}
	if !h.Kind.systemd() {
		return nil
	}
	state, err := l.atConsole(ctx, h, "systemctl is-system-running --wait")
	switch state = strings.TrimSpace(state); {
	case state == "running":
		return nil
	case state == "":
		return fmt.Errorf("wait for the end of the boot: %w", err)
	}
	failed, err := l.atConsole(ctx, h, "systemctl --failed --no-legend --plain; systemctl list-jobs --no-legend")
	return errors.Join(fmt.Errorf("it booted, but is %s:\n%s", state, failed), err)
}

// banner returns the first line that the host's SSH server says. A host behind
// the jump host is asked from there.
func (l *Lab) banner(ctx context.Context, h Host) (string, error) {
	from := namespaceFile(l.Name)
	if h.Via != "" {
		jump, err := l.Host(h.Via)
		if err != nil {
			return "", err
		}
		init, err := l.init(jump)
		if err != nil {
			return "", fmt.Errorf("%s: %w", jump.Name, err)
		}
		from = fmt.Sprintf("/proc/%d/ns/net", init.PID)
	}
	const patience = 2 * time.Second // a packet that a firewall drops is never answered
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := dial(ctx, from, "tcp4", net.JoinHostPort(h.Address, strconv.Itoa(sshPort)))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "SSH-2.0-") {
		err = fmt.Errorf("that is no SSH server: %q", line)
	}
	return line, err
}

const sshPort = 22
