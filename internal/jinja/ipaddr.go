package jinja

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"net/netip"
	"sort"
	"strconv"
	"strings"
)

// ipaddr answers one query about one value: false if it is no address (of the
// wanted version), nil if the query finds nothing.
func (c *call) ipaddr(v any, query string, version int) (any, error) {
	s, ok := c.ipText(v)
	if !ok {
		return false, nil
	}
	n, ok := parseIP(s, version)
	if !ok {
		return false, nil
	}
	if version != 0 && n.version() != version {
		return false, nil
	}
	if strings.Trim(s, "0123456789") == "" {
		v = n.String()
	}
	if q := ipQueries()[query]; q != nil {
		return q(n, v)
	}
	if i, err := strconv.ParseInt(query, 10, 64); err == nil {
		if n.single() {
			if n.network {
				return n.String(), nil
			}
			return n.ip.String(), nil
		}
		a, ok := nth(n, i).(string)
		if !ok {
			return false, nil
		}
		return a + "/" + strconv.Itoa(n.bits), nil
	}
	if outer, ok := parseIP(query, 0); ok {
		if outer.version() == n.version() && outer.prefix().Contains(n.first()) && outer.prefix().Contains(n.last()) {
			return v, nil
		}
		return nil, nil
	}
	return nil, &hinted{fmt.Sprintf("%s has no query %s", c.fn.name, brief(query)), didYouMean(query, names(ipQueries()))}
}

type ipQuery = func(n ipNet, v any) (any, error)

// ipQueries are the queries by name; the value as given is v.
func ipQueries() map[string]ipQuery {
	text := func(f func(n ipNet) string) ipQuery {
		return func(n ipNet, _ any) (any, error) { return f(n), nil }
	}
	keep := func(f func(n ipNet) bool) ipQuery {
		return func(n ipNet, v any) (any, error) {
			if f(n) {
				return v, nil
			}
			return nil, nil
		}
	}
	onNetwork := func(f func(n ipNet) any) ipQuery {
		return func(n ipNet, v any) (any, error) {
			if !n.network {
				return nil, fmt.Errorf("%s is no network: it has no /prefix", brief(v))
			}
			return f(n), nil
		}
	}
	// host: the address of a host, not that of its network.
	isHost := func(n ipNet) bool { return n.single() || n.sizeIs(2) || n.ip != n.first() }
	address := func(n ipNet, _ any) (any, error) {
		if _, has := n.broadcast(); n.single() || n.ip != n.first() || !has || n.version() == 6 {
			return n.ip.String(), nil
		}
		return nil, nil
	}
	hostPrefix := func(n ipNet, _ any) (any, error) {
		b, _ := n.broadcast()
		if !n.single() && !n.sizeIs(2) && (n.ip == n.first() || n.ip == b) {
			return false, nil
		}
		return n.String(), nil
	}
	ipPrefix := func(f func(n ipNet) string) ipQuery {
		return func(n ipNet, _ any) (any, error) {
			if !n.single() && isHost(n) {
				return f(n), nil
			}
			return nil, nil
		}
	}
	mask := text(func(n ipNet) string { return n.hostmask().String() })
	subnet := text(func(n ipNet) string { return n.prefix().String() })
	network := text(func(n ipNet) string { return n.first().String() })
	loopback := keep(ipNet.loopback)
	v4 := func(n ipNet, v any) (any, error) {
		if n.version() == 4 {
			return v, nil
		}
		if b := n.ip.As16(); n.ip.Is4In6() || string(b[:12]) == strings.Repeat("\x00", 12) {
			a := netip.AddrFrom4([4]byte(b[12:]))
			return ipNet{a, max(n.bits-96, 0), true}.String(), nil
		}
		return false, nil
	}
	v6 := func(n ipNet, v any) (any, error) {
		if n.version() == 6 {
			return v, nil
		}
		a := netip.AddrFrom16(n.ip.As16())
		return ipNet{a, n.bits + 96, true}.String(), nil
	}
	return map[string]ipQuery{
		"": func(n ipNet, _ any) (any, error) {
			if n.network {
				return n.String(), nil
			}
			return n.ip.String(), nil
		},
		"address": address, "ip": address,
		"address/prefix": hostPrefix, "gateway": hostPrefix, "gw": hostPrefix, "host/prefix": hostPrefix,
		"hostnet": hostPrefix, "router": hostPrefix,
		"bool": func(ipNet, any) (any, error) { return true, nil },
		"broadcast": func(n ipNet, _ any) (any, error) {
			if b, ok := n.broadcast(); ok && !n.single() && !n.sizeIs(2) {
				return b.String(), nil
			}
			return nil, nil
		},
		"cidr": text(ipNet.String),
		"first_usable": onNetwork(func(n ipNet) any {
			if f, _, ok := n.usable(); ok {
				return f.String()
			}
			return nil
		}),
		"last_usable": onNetwork(func(n ipNet) any {
			if _, l, ok := n.usable(); ok {
				return l.String()
			}
			return nil
		}),
		"range_usable": onNetwork(func(n ipNet) any {
			if f, l, ok := n.usable(); ok {
				return f.String() + "-" + l.String()
			}
			return nil
		}),
		"next_usable":     onNetwork(func(n ipNet) any { return neighbour(n, n.ip.Next()) }),
		"previous_usable": onNetwork(func(n ipNet) any { return neighbour(n, n.ip.Prev()) }),
		"peer": func(n ipNet, v any) (any, error) {
			if !n.network || n.width()-n.bits > 2 || n.single() {
				return nil, fmt.Errorf("%s is no point-to-point network", brief(v))
			}
			raw := n.ip.AsSlice()
			low := len(raw) - 1
			if n.sizeIs(2) {
				raw[low] ^= 1
			} else {
				if raw[low]&3 == 0 || raw[low]&3 == 3 {
					return nil, fmt.Errorf("%s is the address of the network or its broadcast and has no peer", brief(v))
				}
				raw[low] ^= 3
			}
			a, _ := netip.AddrFromSlice(raw)
			return a.String(), nil
		},
		"host": func(n ipNet, _ any) (any, error) {
			if _, has := n.broadcast(); n.single() || n.ip != n.first() || !has {
				return n.String(), nil
			}
			return nil, nil
		},
		"hostmask": mask, "wildcard": mask,
		"int": func(n ipNet, _ any) (any, error) {
			if n.network {
				return ipNumber(n.ip).String() + "/" + strconv.Itoa(n.bits), nil
			}
			i := ipNumber(n.ip)
			if !i.IsInt64() {
				return i.String(), nil
			}
			return int(i.Int64()), nil
		},
		"ip/prefix":  ipPrefix(ipNet.String),
		"ip_netmask": ipPrefix(func(n ipNet) string { return n.ip.String() + " " + n.netmask().String() }),
		"ipv4":       v4, "v4": v4, "ipv6": v6, "v6": v6,
		"link-local": keep(func(n ipNet) bool { return within(n.ip, "169.254.0.0/16", "fe80::/10") }),
		"lo":         loopback, "loopback": loopback,
		"multicast": keep(ipNet.multicast),
		"unicast":   keep(func(n ipNet) bool { return !n.multicast() }),
		"private":   keep(ipNet.private),
		"public":    keep(ipNet.public),
		"net": func(n ipNet, _ any) (any, error) {
			if !n.single() && n.ip == n.first() {
				return n.String(), nil
			}
			return nil, nil
		},
		"netmask": text(func(n ipNet) string { return n.netmask().String() }),
		"network": network, "network_id": network,
		"network/prefix": subnet, "subnet": subnet,
		"network_netmask":  text(func(n ipNet) string { return n.first().String() + " " + n.netmask().String() }),
		"network_wildcard": text(func(n ipNet) string { return n.first().String() + " " + n.hostmask().String() }),
		"prefix":           func(n ipNet, _ any) (any, error) { return n.bits, nil },
		"revdns":           text(reverseDNS),
		"size":             func(n ipNet, _ any) (any, error) { return sizeValue(n, 0), nil },
		"size_usable": func(n ipNet, _ any) (any, error) {
			switch {
			case n.single():
				return 0, nil
			case n.sizeIs(2):
				return 2, nil
			}
			return sizeValue(n, 2), nil
		},
		"type": func(n ipNet, _ any) (any, error) {
			if n.single() || n.ip != n.first() {
				return "address", nil
			}
			return "network", nil
		},
		"version": func(n ipNet, _ any) (any, error) { return n.version(), nil },
		"wrap": func(n ipNet, v any) (any, error) {
			switch {
			case n.version() == 4:
				return v, nil
			case n.network:
				return "[" + n.ip.String() + "]/" + strconv.Itoa(n.bits), nil
			}
			return "[" + n.ip.String() + "]", nil
		},
	}
}

func neighbour(n ipNet, a netip.Addr) any {
	first, last, ok := n.usable()
	if !ok || !a.IsValid() || a.Compare(first) < 0 || a.Compare(last) > 0 {
		return nil
	}
	return a.String()
}

// sizeValue is the number of addresses; beyond 64 bits it is text.
func sizeValue(n ipNet, minus int64) any {
	s := n.size()
	for range minus {
		s.Sub(s, big.NewInt(1))
	}
	if s.IsInt64() {
		return int(s.Int64())
	}
	return s.String()
}

func reverseDNS(n ipNet) string {
	raw := n.ip.AsSlice()
	var b strings.Builder
	if n.ip.Is4() {
		for i := len(raw) - 1; i >= 0; i-- {
			b.WriteString(strconv.Itoa(int(raw[i])) + ".")
		}
		return b.String() + "in-addr.arpa."
	}
	digits := hex.EncodeToString(raw)
	for i := len(digits) - 1; i >= 0; i-- {
		b.WriteString(digits[i:i+1] + ".")
	}
	return b.String() + "ip6.arpa."
}

func sortPrefixes(nets []netip.Prefix) {
	sort.Slice(nets, func(i, j int) bool {
		if c := nets[i].Addr().Compare(nets[j].Addr()); c != 0 {
			return c < 0
		}
		return nets[i].Bits() < nets[j].Bits()
	})
}

// hwaddr checks and formats a hardware address.
func (c *call) hwaddr() (any, error) {
	s := c.input()
	query := c.text(0, "")
	digits := strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "").Replace(s))
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != 6 && len(raw) != 8 {
		if query == "" || query == "bool" {
			return nil, nil
		}
		return nil, fmt.Errorf("%s is no hardware address", brief(s))
	}
	parts := func(size int, sep string) string {
		var out []string
		for i := 0; i < len(digits); i += size {
			out = append(out, digits[i:i+size])
		}
		return strings.Join(out, sep)
	}
	switch query {
	case "":
		return s, nil
	case "bool":
		return true, nil
	case "bare":
		return strings.ToUpper(digits), nil
	case "cisco":
		return parts(4, "."), nil
	case "eui48", "win":
		return strings.ToUpper(parts(2, "-")), nil
	case "linux":
		return parts(2, ":"), nil
	case "unix":
		p := strings.Split(parts(2, ":"), ":")
		for i := range p {
			if p[i] = strings.TrimLeft(p[i], "0"); p[i] == "" {
				p[i] = "0"
			}
		}
		return strings.Join(p, ":"), nil
	case "pgsql", "postgresql", "psql":
		return parts(6, ":"), nil
	case "int":
		n, err := strconv.ParseInt(digits, 16, 64)
		return int(n), err
	}
	return nil, &hinted{fmt.Sprintf("%s has no query %s", c.fn.name, brief(query)),
		"it has: bare, bool, cisco, int, linux, pgsql, unix, win"}
}
