package jinja

import (
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
)

// An ipNet is an address with its prefix, as given: 10.0.0.5/24 keeps the 5.
type ipNet struct {
	ip   netip.Addr
	bits int
	// network: it was given with a prefix.
	network bool
}

func (n ipNet) prefix() netip.Prefix { return netip.PrefixFrom(n.ip, n.bits).Masked() }
func (n ipNet) String() string       { return n.ip.String() + "/" + strconv.Itoa(n.bits) }
func (n ipNet) width() int           { return n.ip.BitLen() }
func (n ipNet) version() int {
	if n.ip.Is4() {
		return 4
	}
	return 6
}

// size is the number of addresses.
func (n ipNet) size() *big.Int {
	return new(big.Int).Lsh(big.NewInt(1), uint(n.width()-n.bits))
}

func (n ipNet) sizeIs(i int64) bool { return n.size().Cmp(big.NewInt(i)) == 0 }
func (n ipNet) single() bool        { return n.bits == n.width() }

func (n ipNet) first() netip.Addr { return n.prefix().Addr() }
func (n ipNet) last() netip.Addr {
	size := n.size()
	a, _ := addIP(n.first(), size.Sub(size, big.NewInt(1)))
	return a
}

// broadcast is the last address of a network that has one.
func (n ipNet) broadcast() (netip.Addr, bool) {
	if n.ip.Is4() && n.bits >= 31 {
		return netip.Addr{}, false
	}
	return n.last(), true
}

func (n ipNet) netmask() netip.Addr {
	ones := netip.PrefixFrom(allOnes(n.ip.Is4()), n.bits).Masked()
	return ones.Addr()
}

func (n ipNet) hostmask() netip.Addr {
	raw := n.netmask().AsSlice()
	for i := range raw {
		raw[i] ^= 0xff
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

func allOnes(v4 bool) netip.Addr {
	if v4 {
		return netip.AddrFrom4([4]byte{255, 255, 255, 255})
	}
	var raw [16]byte
	for i := range raw {
		raw[i] = 0xff
	}
	return netip.AddrFrom16(raw)
}

func ipNumber(a netip.Addr) *big.Int { return new(big.Int).SetBytes(a.AsSlice()) }

// numberIP is the address of a number; ok=false: there is none.
func numberIP(i *big.Int, v4 bool) (netip.Addr, bool) {
	size := 16
	if v4 {
		size = 4
	}
	if i.Sign() < 0 || i.BitLen() > 8*size {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(i.FillBytes(make([]byte, size)))
}

func addIP(a netip.Addr, n *big.Int) (netip.Addr, bool) {
	return numberIP(new(big.Int).Add(ipNumber(a), n), a.Is4())
}

// usable are the first and last addresses that hosts can have.
func (n ipNet) usable() (first, last netip.Addr, ok bool) {
	switch {
	case n.single():
		return n.ip, n.ip, false
	case n.sizeIs(2):
		return n.first(), n.last(), true
	}
	return n.first().Next(), n.last().Prev(), true
}

// parseIP reads an address, a network, or a number that is an address.
func parseIP(s string, version int) (ipNet, bool) {
	if s == "" {
		return ipNet{}, false
	}
	if strings.Trim(s, "0123456789") == "" {
		i, _ := new(big.Int).SetString(s, 10)
		for _, v4 := range []bool{true, false} {
			if version == 6 && v4 || version == 4 && !v4 {
				continue
			}
			if a, ok := numberIP(i, v4); ok {
				return ipNet{a, a.BitLen(), false}, true
			}
		}
		return ipNet{}, false
	}
	host, mask, isNet := strings.Cut(s, "/")
	a, err := netip.ParseAddr(host)
	if err != nil || a.Zone() != "" {
		i, ok := new(big.Int).SetString(host, 10)
		if !ok || !isNet {
			return ipNet{}, false
		}
		if a, ok = numberIP(i, true); !ok {
			if a, ok = numberIP(i, false); !ok {
				return ipNet{}, false
			}
		}
	}
	n := ipNet{a, a.BitLen(), isNet}
	if !isNet {
		return n, true
	}
	if bits, err := strconv.Atoi(mask); err == nil {
		n.bits = bits
		return n, bits >= 0 && bits <= a.BitLen()
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || m.Is4() != a.Is4() {
		return ipNet{}, false
	}
	bits, ok := maskBits(m)
	n.bits = bits
	return n, ok
}

// maskBits counts the ones of a netmask or the zeros of a hostmask.
func maskBits(m netip.Addr) (int, bool) {
	width := m.BitLen()
	for bits := range width + 1 {
		n := ipNet{m, bits, true}
		if n.netmask() == m {
			return bits, true
		}
	}
	for bits := range width + 1 {
		n := ipNet{m, bits, true}
		if n.hostmask() == m {
			return bits, true
		}
	}
	return 0, false
}

func within(a netip.Addr, list ...string) bool {
	for _, s := range list {
		if netip.MustParsePrefix(s).Contains(a) {
			return true
		}
	}
	return false
}

func (n ipNet) within(list ...string) bool {
	return within(n.first(), list...) && within(n.last(), list...)
}

func (n ipNet) private() bool {
	if n.ip.Is4() {
		return n.within("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24",
			"198.18.0.0/15", "239.192.0.0/14", "169.254.0.0/16")
	}
	return n.within("fc00::/7", "fec0::/10", "fe80::/10")
}

func (n ipNet) loopback() bool  { return n.within("127.0.0.0/8", "::1/128") }
func (n ipNet) multicast() bool { return n.within("224.0.0.0/4", "ff00::/8") }

func (n ipNet) public() bool {
	one := ipNet{n.ip, n.width(), false}
	v := ipNumber(n.ip)
	plusOne := new(big.Int).Add(v, big.NewInt(1))
	power := func(i *big.Int) bool { // of two
		return new(big.Int).And(i, new(big.Int).Sub(i, big.NewInt(1))).Sign() == 0
	}
	inverse := new(big.Int).Xor(v, ipNumber(allOnes(n.ip.Is4())))
	isNetmask := power(new(big.Int).Add(inverse, big.NewInt(1)))
	return !one.multicast() && !one.private() && !one.loopback() && !isNetmask && !power(plusOne)
}

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
