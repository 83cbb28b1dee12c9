package tasks

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// wantedPorts reads `ports`: a port alone stands for any address.
func wantedPorts(ports []string) ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	for _, p := range ports {
		if n, err := strconv.ParseUint(p, 10, 16); err == nil && n > 0 {
			out = append(out, netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(n)))
			continue
		}
		ap, err := netip.ParseAddrPort(p)
		if err != nil || ap.Port() == 0 {
			return nil, &ArgError{Arg: "ports", Msg: fmt.Sprintf("ports: %q is no port", p), Hint: "write 2379, 192.168.161.3:2379 or [fd00::3]:2379"}
		}
		out = append(out, ap)
	}
	return out, nil
}

// freePorts fails if another process than the daemon itself listens where the
// daemon is going to.
func (l *Launch) freePorts(ctx context.Context, t *Target, d *daemon) error {
	ports := l.Ports
	if len(ports) == 0 {
		for _, g := range []Gate{l.Alive, l.Ready} {
			if p := g.port(); p != "" {
				ports = append(ports, p)
			}
		}
	}
	wanted, err := wantedPorts(ports)
	if err != nil {
		return err
	}
	if len(wanted) == 0 {
		return nil
	}
	_, facts, err := t.Query(ctx, script.New().Call("tell_arch").Call("tell_holders", numbers(wanted)...))
	if err != nil {
		return err
	}
	for _, have := range (&daemon{facts: facts}).listeners() {
		if !slices.ContainsFunc(wanted, func(want netip.AddrPort) bool { return clash(have.addr, want) }) {
			continue
		}
		if err := l.holder(d, have, facts["holders"]); err != nil {
			return err
		}
	}
	return nil
}

// numbers are those of the ports.
func numbers(ports []netip.AddrPort) []string {
	out := make([]string, len(ports))
	for i, p := range ports {
		out[i] = strconv.Itoa(int(p.Port()))
	}
	return out
}

// holder fails if the one who holds a socket, one of the lines "INODE PID
// COMMAND", is not the daemon. Forked children hold it too.
func (l *Launch) holder(d *daemon, have listener, lines string) error {
	var foreign string
	for line := range strings.Lines(lines) {
		inode, who, _ := strings.Cut(strings.TrimSpace(line), " ")
		pid, _, _ := strings.Cut(who, " ")
		if inode != have.inode {
			continue
		}
		if d.running() && pid == d.process.pid {
			return nil
		}
		foreign = who
	}
	pid, command, _ := strings.Cut(foreign, " ")
	switch {
	case foreign != "":
		return Failf("%s needs port %d, but process %s listens on %s: %s", l.Name, have.addr.Port(), pid, have.addr, command).
			WithHint("stop that process, or give the daemon another port")
	case d.running(): // this user can't see it; it will be the daemon's own
		return nil
	}
	return Failf("%s needs port %d, but a process that this user can't see listens on %s", l.Name, have.addr.Port(), have.addr).
		WithHint("look with `ss -ltnp` as root; a container may publish the port")
}

// clash reports whether two sockets can't listen at once.
func clash(a, b netip.AddrPort) bool {
	return a.Port() == b.Port() &&
		(a.Addr().IsUnspecified() || b.Addr().IsUnspecified() || a.Addr().Unmap() == b.Addr().Unmap())
}
