package facts

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A link is one interface.
type link struct {
	name   string
	v4, v6 []address
}

type address struct {
	prefix    netip.Prefix // the address with its length
	broadcast string
	scope     string
}

func network(raw Raw, d *value.Dict) {
	f := raw.files("network")
	links := interfaces(f)
	if raw["addresses"] != "" {
		links = fromIP(links, raw["addresses"])
	} else {
		links = fromKernel(links, f, raw.files("fib")["/proc/net/fib_trie"])
	}
	var names, all4, all6 []string
	for _, l := range links {
		names = append(names, l.name)
		for _, a := range l.v4 {
			if !a.prefix.Addr().IsLoopback() {
				all4 = append(all4, a.prefix.Addr().String())
			}
		}
		for _, a := range l.v6 {
			if !a.prefix.Addr().IsLoopback() {
				all6 = append(all6, a.prefix.Addr().String())
			}
		}
		d.Set(strings.NewReplacer("-", "_", ":", "_", ".", "_").Replace(l.name), linkFact(l, f))
	}
	d.Set("interfaces", words(names...))
	d.Set("all_ipv4_addresses", words(all4...))
	d.Set("all_ipv6_addresses", words(all6...))
	d.Set("default_ipv4", default4(raw["route4"], links, f))
	d.Set("default_ipv6", default6(raw["route6"], links, f))
}

// interfaces are those of this network namespace, in the kernel's order.
func interfaces(f files) []link {
	var links []link
	for i, line := range f["/proc/net/dev"] {
		if name, _, ok := strings.Cut(line, ":"); ok && i > 1 {
			links = append(links, link{name: strings.TrimSpace(name)})
		}
	}
	return links
}

// find returns the link of a name, which is added if it lacks.
func find(links *[]link, name string) *link {
	name, _, _ = strings.Cut(name, "@")
	for i := range *links {
		if (*links)[i].name == name {
			return &(*links)[i]
		}
	}
	*links = append(*links, link{name: name})
	return &(*links)[len(*links)-1]
}

// fromIP reads `ip -o addr show`, of iproute2 or busybox.
func fromIP(links []link, text string) []link {
	for line := range strings.SplitSeq(text, "\n") {
		w := strings.Fields(line)
		if len(w) < 4 || w[2] != "inet" && w[2] != "inet6" {
			continue
		}
		own, bits, ok := strings.Cut(w[3], "/")
		// 10.0.0.1 peer 10.0.0.2/32: the length is that of the other end
		if after := field(w, "peer"); !ok && after != "" {
			_, bits, _ = strings.Cut(after, "/")
		}
		if bits == "" {
			bits = "32"
		}
		p, err := netip.ParsePrefix(own + "/" + bits)
		if err != nil {
			continue
		}
		a := address{prefix: p, broadcast: field(w, "brd"), scope: field(w, "scope")}
		l := find(&links, w[1])
		if w[2] == "inet" {
			l.v4 = append(l.v4, a)
		} else {
			l.v6 = append(l.v6, a)
		}
	}
	return links
}

// field is the word behind a word.
func field(w []string, name string) string {
	if i := slices.Index(w, name); i >= 0 && i+1 < len(w) {
		return w[i+1]
	}
	return ""
}

// A route is one line of /proc/net/route.
type route struct {
	link    string
	to      netip.Prefix
	gateway netip.Addr
}

func routes(f files) []route {
	var out []route
	for _, line := range f["/proc/net/route"] {
		w := strings.Fields(line)
		if len(w) < 8 {
			continue
		}
		dst, ok1 := littleEndian(w[1])
		gw, ok2 := littleEndian(w[2])
		mask, ok3 := littleEndian(w[7])
		if ok1 && ok2 && ok3 {
			out = append(out, route{w[0], netip.PrefixFrom(dst, ones(mask)), gw})
		}
	}
	return out
}

func littleEndian(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte{b[3], b[2], b[1], b[0]}), true
}

func ones(mask netip.Addr) int {
	n := 0
	for _, b := range mask.As4() {
		for ; b != 0; b <<= 1 {
			n++
		}
	}
	return n
}

// fromKernel finds the addresses where the host has no ip: those that are the
// host's own belong to the link whose network they are in.
func fromKernel(links []link, f files, fib []string) []link {
	var last string
	seen := map[string]bool{}
	table := routes(f)
	for _, line := range fib {
		w := strings.Fields(line)
		if len(w) == 2 && w[0] == "|--" {
			last = w[1]
			continue
		}
		if len(w) < 3 || w[0] != "/32" || w[1] != "host" || w[2] != "LOCAL" || seen[last] {
			continue
		}
		seen[last] = true
		own, err := netip.ParseAddr(last)
		if err != nil {
			continue
		}
		name, bits := "lo", 8
		if !own.IsLoopback() {
			name, bits = "", -1
			for _, r := range table {
				if r.gateway.IsUnspecified() && r.to.Contains(own) && r.to.Bits() > bits {
					name, bits = r.link, r.to.Bits()
				}
			}
			if name == "" {
				continue
			}
		}
		l := find(&links, name)
		a := address{prefix: netip.PrefixFrom(own, bits), scope: "global"}
		if name != "lo" {
			a.broadcast = lastOf(a.prefix).String()
		}
		l.v4 = append(l.v4, a)
	}
	scopes := map[string]string{"00": "global", "10": "host", "20": "link", "40": "site"}
	for _, line := range f["/proc/net/if_inet6"] {
		w := strings.Fields(line)
		if len(w) != 6 {
			continue
		}
		b, err := hex.DecodeString(w[0])
		bits, err2 := hex.DecodeString(w[2])
		if err != nil || err2 != nil || len(b) != 16 || len(bits) != 1 {
			continue
		}
		l := find(&links, w[5])
		l.v6 = append(l.v6, address{prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte(b)), int(bits[0])), scope: scopes[w[3]]})
	}
	return links
}

// lastOf is the broadcast address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

func netmask(p netip.Prefix) string {
	var b [4]byte
	for i := range min(p.Bits(), 32) {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b).String()
}

func ipv4(a address) *value.Dict {
	return dict("address", a.prefix.Addr().String(), "broadcast", a.broadcast, "netmask", netmask(a.prefix),
		"network", a.prefix.Masked().Addr().String(), "prefix", value.Str(a.prefix.Bits()))
}

// attrs are an interface's own, from /sys.
func attrs(name string, f files) (mac, kind string, mtu int, active bool) {
	at := "/sys/class/net/" + name + "/"
	mac = f.line(at + "address")
	kind = map[string]string{"1": "ether", "772": "loopback", "32": "infiniband", "512": "ppp", "65534": "tunnel"}[f.line(at+"type")]
	switch {
	case len(f[at+"bridge/bridge_id"]) > 0:
		kind = "bridge"
	case len(f[at+"bonding/mode"]) > 0:
		kind = "bonding"
	case kind == "":
		kind = "unknown"
	}
	return mac, kind, number(f.line(at + "mtu")), f.line(at+"operstate") != "down"
}

func linkFact(l link, f files) *value.Dict {
	mac, kind, mtu, active := attrs(l.name, f)
	d := dict("device", l.name, "active", active, "type", kind)
	if mac != "" && kind != "loopback" {
		d.Set("macaddress", mac)
	}
	if mtu > 0 {
		d.Set("mtu", mtu)
	}
	if speed := number(f.line("/sys/class/net/" + l.name + "/speed")); speed > 0 {
		d.Set("speed", speed)
	}
	if len(l.v4) > 0 {
		d.Set("ipv4", ipv4(l.v4[0]))
	}
	if len(l.v4) > 1 {
		var more []any
		for _, a := range l.v4[1:] {
			more = append(more, ipv4(a))
		}
		d.Set("ipv4_secondaries", more)
	}
	if len(l.v6) > 0 {
		var list []any
		for _, a := range l.v6 {
			list = append(list, dict("address", a.prefix.Addr().String(), "prefix", value.Str(a.prefix.Bits()), "scope", a.scope))
		}
		d.Set("ipv6", list)
	}
	return d
}

// default4 is the address by which the host reaches the internet: as `ip route
// get` says, or else as the routing table does. Empty without a way out.
func default4(text string, links []link, f files) *value.Dict {
	w := strings.Fields(text)
	name, gateway, src := field(w, "dev"), field(w, "via"), field(w, "src")
	if text == "" {
		for _, r := range routes(f) {
			if r.to.Bits() == 0 && name == "" {
				name, gateway = r.link, r.gateway.String()
			}
		}
	}
	l := byName(links, name)
	if l == nil || len(l.v4) == 0 {
		return dict()
	}
	a := l.v4[0]
	for _, each := range l.v4 {
		if each.prefix.Addr().String() == src {
			a = each
		}
	}
	d := dict("interface", name, "alias", name)
	if gateway != "" {
		d.Set("gateway", gateway)
	}
	for k, v := range ipv4(a).All() {
		d.Set(k, v)
	}
	return withAttrs(d, name, f)
}

func default6(text string, links []link, f files) *value.Dict {
	w := strings.Fields(text)
	name, src := field(w, "dev"), field(w, "src")
	l := byName(links, name)
	if l == nil {
		return dict()
	}
	for _, a := range l.v6 {
		if a.prefix.Addr().String() != src {
			continue
		}
		d := dict("interface", name, "address", src, "prefix", value.Str(a.prefix.Bits()), "scope", a.scope)
		if gateway := field(w, "via"); gateway != "" {
			d.Set("gateway", gateway)
		}
		return withAttrs(d, name, f)
	}
	return dict()
}

func withAttrs(d *value.Dict, name string, f files) *value.Dict {
	mac, kind, mtu, _ := attrs(name, f)
	d.Set("macaddress", mac)
	d.Set("mtu", mtu)
	d.Set("type", kind)
	return d
}

func byName(links []link, name string) *link {
	for i := range links {
		if links[i].name == name && name != "" {
			return &links[i]
		}
	}
	return nil
}
