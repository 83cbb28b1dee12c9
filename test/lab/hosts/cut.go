package hosts

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// switchRules make the bridges drop what the sets name: all packets of the
// ports in cut, and those between the pairs of ports in parted. The links stay
// up, as when a switch somewhere fails: a link that goes down takes the host's
// addresses with it.
const switchRules = `
table bridge lab {
	set cut { type ifname; }
	set parted { type ifname . ifname; }
	chain incoming { type filter hook prerouting priority 0; iifname @cut drop; }
	chain passing { type filter hook forward priority 0; iifname . oifname @parted drop; }
	chain outgoing { type filter hook postrouting priority 0; oifname @cut drop; }
}
`

// Cut takes hosts off the network: the switch drops all their packets. What
// runs on them goes on, and Exec still works.
func (l *Lab) Cut(ctx context.Context, hosts ...string) error {
	return l.each(ctx, hosts, func(ctx context.Context, h Host) error {
		return l.nft(ctx, "add element bridge lab cut { "+h.cable()+" }")
	})
}

// Mend brings hosts back to the network that Cut took off, so that connections
// work at once. Boot does so too.
func (l *Lab) Mend(ctx context.Context, hosts ...string) error {
	if err := l.each(ctx, hosts, l.mend); err != nil {
		return err
	}
	return l.forgetLost(ctx)
}

func (l *Lab) mend(ctx context.Context, h Host) error {
	// To delete what isn't there is an error, to add what is there isn't.
	element := "element bridge lab cut { " + h.cable() + " }"
	return l.nft(ctx, "add "+element+"; delete "+element)
}

// Part makes the switch drop the packets between two hosts. Both still reach
// the controller and the other hosts.
func (l *Lab) Part(ctx context.Context, a, b string) error {
	pairs, err := l.pairs(a, b)
	if err != nil {
		return err
	}
	return l.nft(ctx, "add "+pairs)
}

// Rejoin undoes Part.
func (l *Lab) Rejoin(ctx context.Context, a, b string) error {
	pairs, err := l.pairs(a, b)
	if err != nil {
		return err
	}
	if err := l.nft(ctx, "add "+pairs+"; delete "+pairs); err != nil {
		return err
	}
	return l.forgetLost(ctx)
}

// forgetLost makes the controller and all hosts forget which neighbours they
// looked for in vain: they would go on to believe it for some seconds.
func (l *Lab) forgetLost(ctx context.Context) error {
	places := []string{l.Netns()}
	for _, h := range l.Hosts {
		if init, err := l.init(h); err == nil {
			places = append(places, fmt.Sprintf("/proc/%d/ns/net", init.PID))
		}
	}
	for _, place := range places {
		const flush = "ip neigh flush nud failed; ip neigh flush nud incomplete"
		cmd := exec.CommandContext(ctx, "nsenter", "--net="+place, "--", "sh", "-c", flush)
		if out, err := cmd.CombinedOutput(); err != nil && exists(place) { // a host may go off meanwhile
			return fmt.Errorf("flush the neighbours: %w: %s", err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

func (l *Lab) pairs(a, b string) (string, error) {
	one, err := l.Host(a)
	if err != nil {
		return "", err
	}
	other, err := l.Host(b)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("element bridge lab parted { %[1]s . %[2]s, %[2]s . %[1]s }", one.cable(), other.cable()), nil
}

// nft applies rules to the lab's switch, all or none.
func (l *Lab) nft(ctx context.Context, rules string) error {
	cmd := l.Command(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
