package jinja

import (
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
)

// ipText is the value of an ipaddr filter as text; ok=false: it is none.
func (c *call) ipText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case int:
		return strconv.Itoa(v), v > 0
	}
	return "", false
}

// eachIP applies f to the value or to each item of a list, where it keeps
// only what is not false or None.
func (c *call) eachIP(f func(v any) (any, error)) (any, error) {
	l, ok := sequence(c.in)
	if !ok {
		return f(c.in)
	}
	out := c.newList(len(l))
	for _, e := range l {
		e, err := use(e)
		if err != nil {
			return nil, err
		}
		v, err := f(e)
		if err != nil {
			return nil, err
		}
		if ok, err := c.st.truth(v); err != nil {
			return nil, err
		} else if ok {
			out = append(out, v)
		}
	}
	return out, nil
}

func networkFilters() map[string]function {
	ip := func(version int) function {
		return function{sig: "query", fn: func(c *call) (any, error) {
			query := c.text(0, "")
			if c.err != nil {
				return nil, nil
			}
			return c.eachIP(func(v any) (any, error) { return c.ipaddr(v, query, version) })
		}}
	}
	return map[string]function{
		"ipaddr": ip(0), "ipv4": ip(4), "ipv6": ip(6),
		"ipwrap": {sig: "query", fn: func(c *call) (any, error) { return c.ipwrap() }},
		"nthhost": {sig: "query!", fn: func(c *call) (any, error) {
			n, ok := c.network()
			i := c.int(0, 0)
			if !ok || c.err != nil {
				return false, nil
			}
			return nth(n, int64(i)), nil
		}},
		"ipmath": {sig: "amount!", fn: func(c *call) (any, error) {
			n, ok := c.network()
			if !ok {
				return nil, c.wants("IP addresses")
			}
			a, ok := addIP(n.ip, big.NewInt(int64(c.int(0, 0))))
			if !ok {
				return nil, fmt.Errorf("there is no address %s%+d", n.ip, c.int(0, 0))
			}
			return a.String(), nil
		}},
		"ipsubnet":            {sig: "query index", fn: func(c *call) (any, error) { return c.ipsubnet() }},
		"network_in_network":  {sig: "test!", fn: func(c *call) (any, error) { return c.inNetwork(false) }},
		"network_in_usable":   {sig: "test!", fn: func(c *call) (any, error) { return c.inNetwork(true) }},
		"next_nth_usable":     {sig: "offset!", fn: func(c *call) (any, error) { return c.nthUsable(1) }},
		"previous_nth_usable": {sig: "offset!", fn: func(c *call) (any, error) { return c.nthUsable(-1) }},
		"cidr_merge":          {sig: "action", fn: func(c *call) (any, error) { return c.cidrMerge() }},
		"ip4_hex": {sig: "delimiter", fn: func(c *call) (any, error) {
			a, err := netip.ParseAddr(c.input())
			if err != nil || !a.Is4() {
				return nil, c.wants("IPv4 addresses")
			}
			b, d := a.As4(), c.text(0, "")
			return fmt.Sprintf("%02x%s%02x%s%02x%s%02x", b[0], d, b[1], d, b[2], d, b[3]), nil
		}},
		"hwaddr":  {sig: "query", fn: func(c *call) (any, error) { return c.hwaddr() }},
		"macaddr": {sig: "query", fn: func(c *call) (any, error) { return c.hwaddr() }},
	}
}

// network is the filtered value as an address or network.
func (c *call) network() (ipNet, bool) {
	s, ok := c.ipText(c.in)
	if !ok {
		return ipNet{}, false
	}
	return parseIP(s, 0)
}

// nth is the address number i of a network, counted from the end if i < 0.
func nth(n ipNet, i int64) any {
	k := big.NewInt(i)
	if i < 0 {
		k.Add(k, n.size())
	}
	if k.Sign() < 0 || k.Cmp(n.size()) >= 0 {
		return false
	}
	a, _ := addIP(n.first(), k)
	return a.String()
}

func (c *call) ipwrap() (any, error) {
	query := c.text(0, "")
	wrap := func(v any) (any, error) {
		s, ok := c.ipText(v)
		if !ok {
			return v, nil
		}
		n, ok := parseIP(s, 0)
		if !ok || n.version() == 4 {
			return v, nil
		}
		if query != "" {
			found, err := c.ipaddr(v, query, 0)
			if err != nil || found == nil || found == false {
				return v, err
			}
			if s, ok := found.(string); ok {
				if n, ok = parseIP(s, 0); !ok {
					return found, nil
				}
			}
		}
		if n.network {
			return "[" + n.ip.String() + "]/" + strconv.Itoa(n.bits), nil
		}
		return "[" + n.ip.String() + "]", nil
	}
	l, ok := sequence(c.in)
	if !ok {
		return wrap(c.in)
	}
	out := c.newList(len(l))
	for _, e := range l {
		v, err := wrap(e)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (c *call) inNetwork(usable bool) (any, error) {
	n, ok := c.network()
	t, ok2 := parseIP(c.text(0, ""), 0)
	if !ok || !ok2 || n.version() != t.version() {
		return false, nil
	}
	first, last := n.first(), n.last()
	if usable {
		if f, l, ok := n.usable(); ok {
			first, last = f, l
		}
	}
	return t.first().Compare(first) >= 0 && t.last().Compare(last) <= 0, nil
}

func (c *call) nthUsable(sign int64) (any, error) {
	n, ok := c.network()
	offset := c.int(0, 0)
	if !ok || !n.network {
		return nil, c.wants("networks such as 10.0.0.5/24")
	}
	first, last, ok := n.usable()
	a, ok2 := addIP(n.ip, big.NewInt(sign*int64(offset)))
	if !ok || !ok2 || a.Compare(first) < 0 || a.Compare(last) > 0 {
		return nil, nil
	}
	return a.String(), nil
}

func (c *call) ipsubnet() (any, error) {
	n, ok := c.network()
	if !ok {
		return false, nil
	}
	if !c.given(0) {
		return n.prefix().String(), nil
	}
	bits, err := strconv.Atoi(c.text(0, ""))
	if err != nil {
		return nil, fmt.Errorf("ipsubnet takes the length of a prefix, not %s", brief(c.args[0]))
	}
	if bits < 0 || bits > n.width() {
		return false, nil
	}
	if !n.network { // the network of that length that the address is in
		if !c.given(1) {
			return ipNet{n.ip, bits, true}.prefix().String(), nil
		}
		n.bits, bits = bits, n.width()
	}
	if bits < n.bits {
		return false, nil
	}
	count := new(big.Int).Lsh(big.NewInt(1), uint(bits-n.bits))
	if !c.given(1) {
		return count.String(), nil
	}
	i := big.NewInt(int64(c.int(1, 0)))
	if i.Sign() < 0 {
		i.Add(i, count)
	}
	if i.Sign() < 0 || i.Cmp(count) >= 0 {
		return false, nil
	}
	a, _ := addIP(n.first(), i.Lsh(i, uint(n.width()-bits)))
	return ipNet{a, bits, true}.String(), nil
}

// cidrMerge joins neighbouring networks, or finds the one that spans all.
func (c *call) cidrMerge() (any, error) {
	var nets []netip.Prefix
	for _, e := range c.list() {
		s, _ := c.ipText(e)
		n, ok := parseIP(s, 0)
		if !ok {
			return nil, fmt.Errorf("cidr_merge works on addresses and networks, not on %s", brief(e))
		}
		nets = append(nets, n.prefix())
	}
	switch action := c.word(0, "merge"); action {
	case "merge":
		return c.strings(mergePrefixes(nets))
	case "span":
		if len(nets) == 0 {
			return nil, nil
		}
		for bits := nets[0].Bits(); bits >= 0; bits-- {
			span := netip.PrefixFrom(nets[0].Addr(), bits).Masked()
			all := true
			for _, n := range nets {
				all = all && span.Contains(n.Addr()) && n.Bits() >= bits
			}
			if all {
				return span.String(), nil
			}
		}
		return nil, fmt.Errorf("no network spans addresses of both versions")
	default:
		return nil, &hinted{fmt.Sprintf("cidr_merge has no action %s", brief(action)), "it has: merge, span"}
	}
}

func mergePrefixes(nets []netip.Prefix) []string {
	for changed := true; changed; {
		changed = false
		sortPrefixes(nets)
		var out []netip.Prefix
		for _, n := range nets {
			if k := len(out) - 1; k >= 0 {
				last := out[k]
				if last.Bits() <= n.Bits() && last.Contains(n.Addr()) {
					changed = true
					continue
				}
				if last.Bits() == n.Bits() && n.Bits() > 0 {
					up := netip.PrefixFrom(last.Addr(), n.Bits()-1).Masked()
					if up.Addr() == last.Addr() && up.Contains(n.Addr()) {
						out[k] = up
						changed = true
						continue
					}
				}
			}
			out = append(out, n)
		}
		nets = out
	}
	text := make([]string, len(nets))
	for i, n := range nets {
		text[i] = n.String()
	}
	return text
}

func networkTests() map[string]function {
	is := func(f func(n ipNet) bool) function {
		return function{fn: func(c *call) (any, error) {
			n, ok := c.network()
			return ok && f(n), nil
		}}
	}
	address := func(n ipNet) bool { return !n.network }
	return map[string]function{
		"ip":           is(func(ipNet) bool { return true }),
		"ip_address":   is(address),
		"ipv4":         is(func(n ipNet) bool { return n.version() == 4 }),
		"ipv6":         is(func(n ipNet) bool { return n.version() == 6 }),
		"ipv4_address": is(func(n ipNet) bool { return n.version() == 4 && address(n) }),
		"ipv6_address": is(func(n ipNet) bool { return n.version() == 6 && address(n) }),
		"loopback":     is(func(n ipNet) bool { return n.loopback() }),
		"private":      is(func(n ipNet) bool { return n.private() }),
		"public":       is(func(n ipNet) bool { return n.public() }),
		"in_network": {sig: "network!", fn: func(c *call) (any, error) {
			n, ok := c.network()
			outer, ok2 := parseIP(c.text(0, ""), 0)
			if !ok || !ok2 || n.version() != outer.version() {
				return false, nil
			}
			return n.first().Compare(outer.first()) >= 0 && n.last().Compare(outer.last()) <= 0, nil
		}},
	}
}
