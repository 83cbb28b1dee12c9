package jinja

import (
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

func (n ipNet) String() string { return n.ip.String() + "/" + strconv.Itoa(n.bits) }

func (n ipNet) width() int { return n.ip.BitLen() }

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

func (n ipNet) single() bool { return n.bits == n.width() }

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

func (n ipNet) loopback() bool { return n.within("127.0.0.0/8", "::1/128") }

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
