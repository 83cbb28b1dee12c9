package tasks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Firewall opens and closes ports.
type Firewall struct {
	Ports   []string `arg:"ports,required" alias:"port" split:"," doc:"2379, \"2379/tcp\", \"7000-7010/udp\"; tcp without a protocol"`
	Source  []string `arg:"source" alias:"sources" split:"," doc:"Addresses or networks that alone may come in; everybody may without it"`
	Zone    string   `arg:"zone" default:"public" doc:"firewalld's zone"`
	State   string   `arg:"state" default:"present" choices:"present,absent" doc:"present opens, absent closes"`
	Backend string   `arg:"backend" default:"auto" choices:"auto,firewalld,ufw,nftables,iptables" doc:"Which firewall; auto finds the one that is active"`
}

// Doc implements Module.
func (*Firewall) Doc() Doc {
	return Doc{
		Summary: "Open or close ports, now and after a reboot",
		Text: `Finds the firewall that is active on the host and sees to two things apart: that
the port is open now, and that it is open after a reboot. Nothing is reloaded, so
no connection breaks.

- firewalld: the zone at run time and its permanent configuration. A source makes
  a rich rule. A zone that does not exist is a failure; one without interfaces is
  warned about, because what is open there has no effect.
- ufw: a rule, which ufw keeps.
- iptables: a rule at the top of INPUT, for IPv4 and IPv6 where they filter, and
  in the file that is restored at boot (/etc/iptables/rules.v4,
  /etc/sysconfig/iptables, Alpine's rules-save).
- nftables: every chain must let a packet pass, so the rule goes to the top of each
  input chain that drops something, and into /etc/nftables/etcdplay.nft, which the
  host's nftables.conf includes from then on.

A host without an active firewall is no failure: there is a warning, and backend is
"none". Closing takes away exactly what opening puts there; a port that another
rule opens stays open. The rest of the firewall is left alone.`,
		Examples: `- firewall:
    ports: [2379/tcp, 2380/tcp]

- firewall:
    ports: 2380
    source: 192.168.161.0/24
    zone: internal
`,
		Returns: []Return{{"backend", "firewalld, ufw, iptables, nftables or none; \"iptables nftables\" where both filter"}, {"zone", "firewalld's zone"}, {"ports", "the ports, as 2379/tcp"}},
	}
}

// Validate implements Validator.
func (f *Firewall) Validate() error {
	_, errPorts := f.ports()
	_, errSources := f.sources()
	if !zoneName.MatchString(f.Zone) {
		errPorts = errors.Join(errPorts, &ArgError{Arg: "zone", Msg: fmt.Sprintf("zone: %q is no name of a zone", f.Zone)})
	}
	return errors.Join(errPorts, errSources)
}

// Run implements Module.
func (f *Firewall) Run(ctx context.Context, t *Target) (Result, error) {
	ports, err := f.ports()
	if err != nil {
		return Result{}, err
	}
	sources, err := f.sources()
	if err != nil {
		return Result{}, err
	}
	s := script.New().Call("use_firewall", f.Backend, f.Zone, f.State)
	names := make([]any, len(ports))
	for i, p := range ports {
		names[i] = p.String()
		for _, src := range sources {
			s.Call("firewall_port", p.numbers, p.proto, src.text, src.family)
		}
	}
	res, err := t.Script(ctx, s)
	res.Set("ports", names)
	return res, err
}

// A port is one port or a range of them, of one protocol.
type port struct{ numbers, proto string }

func (p port) String() string { return p.numbers + "/" + p.proto }

var (
	portForm = regexp.MustCompile(`^([0-9]{1,5})(?:[-:]([0-9]{1,5}))?(?:/([a-zA-Z]+))?$`)
	zoneName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_/.-]{0,63}$`)
	protos   = []string{"tcp", "udp", "sctp", "dccp"}
)

func (f *Firewall) ports() ([]port, error) {
	var out []port
	for _, text := range f.Ports {
		m := portForm.FindStringSubmatch(strings.TrimSpace(text))
		if m == nil {
			return nil, &ArgError{Arg: "ports", Msg: fmt.Sprintf("ports: %q is no port; write 2379, 2379/tcp or 7000-7010/udp", text)}
		}
		low, _ := strconv.Atoi(m[1])
		high := low
		if m[2] != "" {
			high, _ = strconv.Atoi(m[2])
		}
		if low < 1 || high > 65535 || low > high {
			return nil, &ArgError{Arg: "ports", Msg: fmt.Sprintf("ports: %q is out of range: ports go from 1 to 65535", text)}
		}
		p := port{numbers: strconv.Itoa(low), proto: strings.ToLower(m[3])}
		if high > low {
			p.numbers += "-" + strconv.Itoa(high)
		}
		if p.proto == "" {
			p.proto = "tcp"
		}
		if !slices.Contains(protos, p.proto) {
			return nil, &ArgError{Arg: "ports", Msg: fmt.Sprintf("ports: %q: the protocol is none of %s", text, strings.Join(protos, ", "))}
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, &ArgError{Arg: "ports", Msg: "ports: the list is empty"}
	}
	return out, nil
}

// A source is who may come in; the zero source is everybody.
type fwSource struct{ text, family string }

// sources brings addresses to the form that firewalls print: networks without
// host bits, single addresses without a length.
func (f *Firewall) sources() ([]fwSource, error) {
	var out []fwSource
	for _, text := range f.Source {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			addr, err := netip.ParseAddr(strings.TrimSpace(text))
			if err != nil || addr.Zone() != "" {
				return nil, &ArgError{Arg: "source", Msg: fmt.Sprintf("source: %q is no IP address and no network like 192.168.161.0/24", text)}
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		src := fwSource{text: prefix.Masked().String(), family: "ipv6"}
		if prefix.Addr().Is4() {
			src.family = "ipv4"
		}
		if prefix.IsSingleIP() {
			src.text = prefix.Addr().String()
		}
		if prefix.Bits() == 0 {
			return nil, &ArgError{Arg: "source", Msg: fmt.Sprintf("source: %q is everybody: leave it out", text)}
		}
		if !slices.Contains(out, src) {
			out = append(out, src)
		}
	}
	if f.Source != nil && len(out) == 0 {
		// an empty list from a variable must not open the port to everybody
		return nil, &ArgError{Arg: "source", Msg: "source: the list is empty", Hint: "leave it out to let everybody in"}
	}
	if f.Source == nil {
		out = []fwSource{{}}
	}
	return out, nil
}
