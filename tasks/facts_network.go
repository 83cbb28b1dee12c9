package tasks

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// networkFacts reads what `ip -o addr`, `ip -o link` and `ip route` print.
func networkFacts(f *value.Dict, raw map[string]string) {
	links := map[string]*value.Dict{}
	var names []string
	for line := range strings.Lines(raw["ip_link"]) {
		if name, link := readLink(line); link != nil {
			links[name] = link
			names = append(names, name)
		}
	}
	all4, all6 := []any{}, []any{}
	for line := range strings.Lines(raw["ip_addr"]) {
		w := strings.Fields(line)
		if len(w) < 4 || (w[2] != "inet" && w[2] != "inet6") {
			continue
		}
		prefix, err := netip.ParsePrefix(firstPart(w[3], ","))
		if err != nil { // a point-to-point address has no length
			addr, err := netip.ParseAddr(w[3])
			if err != nil {
				continue
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		link := links[strings.TrimSuffix(firstPart(w[1], "@"), ":")]
		if link == nil {
			continue
		}
		if w[2] == "inet" {
			addIPv4(link, prefix, after(w, "brd"))
			if !prefix.Addr().IsLoopback() {
				all4 = append(all4, prefix.Addr().String())
			}
		} else {
			list, _ := link.Get("ipv6")
			have, _ := list.([]any)
			link.Set("ipv6", append(have, value.NewDict("address", prefix.Addr().String(), "prefix", strconv.Itoa(prefix.Bits()), "scope", or(after(w, "scope"), "global"))))
			if !prefix.Addr().IsLoopback() {
				all6 = append(all6, prefix.Addr().String())
			}
		}
	}
	f.Set("ansible_all_ipv4_addresses", all4)
	f.Set("ansible_all_ipv6_addresses", all6)
	interfaces := make([]any, len(names))
	for i, n := range names {
		interfaces[i] = n
		f.Set("ansible_"+strings.NewReplacer("-", "_", ":", "_", ".", "_").Replace(n), links[n])
	}
	f.Set("ansible_interfaces", interfaces)
	f.Set("ansible_default_ipv4", defaultRoute(raw["ip_route"], links, "ipv4"))
	f.Set("ansible_default_ipv6", defaultRoute(raw["ip_route6"], links, "ipv6"))
}

// readLink reads one line: "2: eth0@if5: <UP,…> mtu 1500 … link/ether 02:… brd …".
func readLink(line string) (string, *value.Dict) {
	w := strings.Fields(line)
	if len(w) < 3 {
		return "", nil
	}
	name := firstPart(strings.TrimSuffix(w[1], ":"), "@")
	link := value.NewDict("device", name, "active", strings.Contains(w[2], "UP"))
	if mtu, err := strconv.Atoi(after(w, "mtu")); err == nil {
		link.Set("mtu", mtu)
	}
	kind := "unknown"
	for i, word := range w {
		if k, ok := strings.CutPrefix(word, "link/"); ok {
			kind = k
			if k == "ether" && i+1 < len(w) {
				link.Set("macaddress", w[i+1])
			}
		}
	}
	link.Set("type", kind)
	return name, link
}

func addIPv4(link *value.Dict, p netip.Prefix, broadcast string) {
	d := value.NewDict("address", p.Addr().String(), "broadcast", broadcast,
		"netmask", net.IP(net.CIDRMask(p.Bits(), 32)).String(), "network", p.Masked().Addr().String(), "prefix", strconv.Itoa(p.Bits()))
	if _, ok := link.Get("ipv4"); !ok {
		link.Set("ipv4", d)
		return
	}
	list, _ := link.Get("ipv4_secondaries")
	have, _ := list.([]any)
	link.Set("ipv4_secondaries", append(have, d))
}

// defaultRoute is where packets to the world go: the first default route of the
// least metric, with what its interface is.
func defaultRoute(routes string, links map[string]*value.Dict, family string) *value.Dict {
	best, bestMetric := []string(nil), 0
	for line := range strings.Lines(routes) {
		w := strings.Fields(line)
		metric, _ := strconv.Atoi(after(w, "metric"))
		if len(w) > 0 && w[0] == "default" && after(w, "dev") != "" && (best == nil || metric < bestMetric) {
			best, bestMetric = w, metric
		}
	}
	d := value.NewDict()
	if best == nil {
		return d
	}
	dev := after(best, "dev")
	d.Set("gateway", after(best, "via"))
	d.Set("interface", dev)
	d.Set("alias", dev)
	link := links[dev]
	for _, key := range []string{"mtu", "type", "macaddress"} {
		if v, ok := link.Get(key); ok {
			d.Set(key, v)
		}
	}
	addr, _ := link.Get(family)
	if list, ok := addr.([]any); ok {
		global := slices.IndexFunc(list, func(a any) bool {
			scope, _ := a.(*value.Dict).Get("scope")
			return scope == "global"
		})
		addr = list[max(global, 0)]
	}
	if own, ok := addr.(*value.Dict); ok {
		for k, v := range own.All() {
			d.Set(k, v)
		}
	}
	if src := after(best, "src"); src != "" {
		d.Set("address", src)
	}
	return d
}

// after is the word behind another, or "".
func after(words []string, key string) string {
	if i := slices.Index(words, key); i >= 0 && i+1 < len(words) {
		return words[i+1]
	}
	return ""
}
