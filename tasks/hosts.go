package tasks

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// Hosts maps names to addresses in /etc/hosts.
type Hosts struct {
	Entries any         `arg:"entries" doc:"What to map instead of the play's hosts: a dict of name to address, or a list of lines like \"192.168.161.3 peer1 alias\""`
	Aliases *value.Dict `arg:"aliases" doc:"Further names: a dict of name to alias or list of aliases"`
	State   string      `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the block"`
	Path    string      `arg:"path" alias:"dest" default:"/etc/hosts" doc:"The file"`
	Marker  string      `arg:"marker" default:"# {mark} etcdplay hosts" doc:"The lines around the block; {mark} stands for BEGIN and END"`
}

// Doc implements Module.
func (*Hosts) Doc() Doc {
	return Doc{
		Summary: "Map the play's host names to their addresses in /etc/hosts",
		Text: `Keeps one block between two marker lines. Without entries it maps the
inventory name of every host of the play, also of those that --limit leaves out,
to its ansible_host. Hosts named by their address need no line.

Outside the block one thing changes: a mapped name is taken off a 127.0.1.1 line
(Debian's installer writes one), because a host that takes itself for 127.0.1.1
listens where no peer reaches it; the line goes when no other name is left on it.
Any other line that gives a mapped name another address is warned about.

The file is replaced in one step, or written in place where it is a bind mount, as
in containers. Line endings stay as they are. Two names may share an address; one
name with two addresses is refused.`,
		Examples: `- hosts:

- hosts:
    entries:
      peer1: 192.168.161.3
      peer2: 192.168.161.4
    aliases:
      peer1: [etcd1, etcd1.example.com]
`,
	}
}

// Validate implements Validator.
func (h *Hosts) Validate() error {
	if _, _, err := markers(h.Marker, "BEGIN", "END"); err != nil {
		return err
	}
	if !strings.HasPrefix(strings.TrimSpace(h.Marker), "#") {
		return &ArgError{Arg: "marker", Msg: fmt.Sprintf("marker: %q must begin with #, else it is no comment in a hosts file", h.Marker)}
	}
	if h.Entries != nil {
		if _, err := h.mapping(nil); err != nil {
			return err
		}
	}
	return absolute("path", h.Path)
}

// Run implements Module.
func (h *Hosts) Run(ctx context.Context, t *Target) (Result, error) {
	peers := t.Everyone
	if peers == nil {
		peers = t.Peers
	}
	m, err := h.mapping(peers)
	if err != nil && h.State == "present" {
		return Result{}, err
	}
	var clashes []string
	res, err := t.Edit(ctx, FileEdit{Path: h.Path}, func(old string, exists bool) (string, error) {
		if !exists && h.State == "absent" {
			return "", nil
		}
		text := parseText(old)
		var err error
		clashes, err = h.rewrite(&text, m)
		return text.String(), err
	})
	for _, c := range clashes {
		res.Warnings = append(res.Warnings, h.Path+": "+c)
	}
	return res, err
}

// rewrite brings the text of a hosts file to the mapping and tells of other
// lines that contradict it.
func (h *Hosts) rewrite(text *textFile, m *hostsMap) (clashes []string, err error) {
	begin, end, err := markers(h.Marker, "BEGIN", "END")
	if err != nil {
		return nil, err
	}
	at, err := text.cutBlocks(begin, end)
	if err != nil || h.State == "absent" {
		return nil, err
	}
	var kept []string
	for i, line := range text.lines {
		if i == at {
			at = len(kept) // lines above the block may have gone
		}
		line, clash := m.reconcile(line)
		if clash != "" {
			clashes = append(clashes, clash)
		}
		if line != "" {
			kept = append(kept, line)
		}
	}
	if at < 0 || at > len(kept) {
		at = len(kept)
	}
	text.lines = kept
	text.insert(at, slices.Concat([]string{begin}, m.lines(), []string{end})...)
	return clashes, nil
}

// A hostsMap is names to addresses, in order.
type hostsMap struct {
	addrs []netip.Addr
	names map[netip.Addr][]string
	addr  map[string]netip.Addr // by lower-case name
}

// mapping is what is wanted: the entries, or else the peers, with the aliases.
func (h *Hosts) mapping(peers []Peer) (*hostsMap, error) {
	m := &hostsMap{names: map[netip.Addr][]string{}, addr: map[string]netip.Addr{}}
	var err error
	switch e := h.Entries.(type) {
	case nil:
		err = m.addPeers(peers)
	case *value.Dict:
		for name, addr := range e.All() {
			if err = m.add(value.Str(addr), value.Str(name)); err != nil {
				break
			}
		}
	case []any:
		for _, line := range e {
			fields := strings.Fields(value.Str(line))
			if len(fields) < 2 {
				return nil, fmt.Errorf("entries: %s is not an address with names, like \"192.168.161.3 peer1\"", describe(line))
			}
			if err = m.add(fields[0], fields[1:]...); err != nil {
				break
			}
		}
	default:
		err = fmt.Errorf("must be a dict of name to address, or a list of lines, not %s", describe(e))
	}
	if err != nil && h.Entries != nil {
		return nil, fmt.Errorf("entries: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if peers == nil && h.Entries == nil {
		return m, nil
	}
	return m, m.addAliases(h.Aliases)
}

func (m *hostsMap) addPeers(peers []Peer) error {
	for _, p := range peers {
		if _, err := netip.ParseAddr(p.Name); err == nil {
			continue
		}
		if _, err := netip.ParseAddr(p.Address); err != nil {
			return Failf("the address of %s is %q, a name: it can't be mapped", p.Name, p.Address).
				WithHint("set ansible_host to an IP address, or give the task its entries")
		}
		if err := m.add(p.Address, p.Name); err != nil {
			return err
		}
	}
	return nil
}

func (m *hostsMap) addAliases(aliases *value.Dict) error {
	for k, v := range aliases.All() {
		name := value.Str(k)
		addr, ok := m.addr[strings.ToLower(name)]
		if !ok {
			return fmt.Errorf("aliases: %q is not among the mapped names", name)
		}
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, alias := range list {
			if err := m.add(addr.String(), value.Str(alias)); err != nil {
				return fmt.Errorf("aliases: %w", err)
			}
		}
	}
	return nil
}

// hostName is what resolvers take: letters, digits, hyphens, dots, and the
// underscore that many names have all the same.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$`)

func (m *hostsMap) add(address string, names ...string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Zone() != "" {
		return fmt.Errorf("%q is no IP address", address)
	}
	for _, name := range names {
		key := strings.ToLower(name)
		if !hostName.MatchString(name) {
			return fmt.Errorf("%q is no host name", name)
		}
		if strings.HasPrefix(key, "localhost") && !addr.IsLoopback() {
			return fmt.Errorf("%s can't be mapped to %s: programs rely on its being this host", name, addr)
		}
		old, known := m.addr[key]
		if known && old != addr {
			return Failf("%s has two addresses, %s and %s", name, old, addr).WithHint("keep one")
		}
		if known {
			continue
		}
		m.addr[key] = addr
		if len(m.names[addr]) == 0 {
			m.addrs = append(m.addrs, addr)
		}
		m.names[addr] = append(m.names[addr], name)
	}
	return nil
}

func (m *hostsMap) lines() []string {
	out := make([]string, len(m.addrs))
	for i, a := range m.addrs {
		out[i] = a.String() + "\t" + strings.Join(m.names[a], " ")
	}
	return out
}

// reconcile looks at a line outside the block: it takes mapped names off a
// 127.0.1.1 line ("" if nothing is left), and tells of any other line that
// gives a mapped name another address.
func (m *hostsMap) reconcile(line string) (kept, clash string) {
	body, comment, hasComment := strings.Cut(bare(line), "#")
	fields := strings.Fields(body)
	if len(fields) < 2 {
		return line, ""
	}
	var mapped, others []string
	for _, name := range fields[1:] {
		if addr, ok := m.addr[strings.ToLower(name)]; ok && addr.String() != fields[0] {
			mapped = append(mapped, name)
		} else {
			others = append(others, name)
		}
	}
	if len(mapped) == 0 {
		return line, ""
	}
	if fields[0] != "127.0.1.1" {
		return line, fmt.Sprintf("another line maps %s to %s", strings.Join(mapped, ", "), fields[0])
	}
	ending := line[len(bare(line)):]
	switch {
	case len(others) > 0:
		kept = fields[0] + "\t" + strings.Join(others, " ")
		if hasComment {
			kept += " #" + comment
		}
	case hasComment:
		kept = "#" + comment
	default:
		return "", ""
	}
	return kept + ending, ""
}
