package inventory

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
)

// Match selects hosts by patterns, the way a play's hosts and --limit do. The
// parts of a pattern are separated by commas or colons and apply as plain ones
// first, then those that must match too (&), then those that must not (!):
//
//	name, glob*, ~regexp    a group, or hosts
//	etcd[0], etcd[-1]       one of them
//	etcd[0:2], etcd[1:]     some of them, the last included
//
// A name that nothing has selects nothing, as in Ansible; Unmatched tells.
func (inv *Inventory) Match(patterns ...string) ([]*Host, error) {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	hosts, _, err := inv.match(splitPatterns(patterns))
	return hosts, err
}

// Unmatched are the parts of patterns that select nothing: most often a typo.
func (inv *Inventory) Unmatched(patterns ...string) []string {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	_, unmatched, _ := inv.match(splitPatterns(patterns))
	return unmatched
}

// Limit keeps those hosts that a --limit selects. A part @FILE stands for the
// patterns in a file, one a line; # begins a comment line.
func (inv *Inventory) Limit(hosts []*Host, limit string) ([]*Host, error) {
	patterns, err := readLimit(limit)
	if err != nil {
		return nil, err
	}
	keep, err := inv.Match(patterns...)
	if err != nil {
		return nil, err
	}
	return filter(hosts, keep, true), nil
}

func readLimit(limit string) ([]string, error) {
	var patterns []string
	for _, part := range splitPattern(limit) {
		file, isFile := strings.CutPrefix(part, "@")
		if !isFile {
			patterns = append(patterns, part)
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, source.Errorf(source.Pos{File: file}, "the file of --limit cannot be read: %s", reason(err))
		}
		for _, line := range strings.Split(string(data), "\n") {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				patterns = append(patterns, line)
			}
		}
	}
	return patterns, nil
}

// Ordered sorts the hosts of a play by its order: inventory (or ""),
// reverse_inventory, sorted, reverse_sorted. Shuffling is the caller's.
func Ordered(hosts []*Host, order string) ([]*Host, error) {
	out := slices.Clone(hosts)
	byName := func(a, b *Host) int { return strings.Compare(a.Name, b.Name) }
	switch order {
	case "", "inventory":
	case "reverse_inventory":
		slices.Reverse(out)
	case "sorted":
		slices.SortFunc(out, byName)
	case "reverse_sorted":
		slices.SortFunc(out, byName)
		slices.Reverse(out)
	default:
		return nil, fmt.Errorf("the order %q is none of inventory, reverse_inventory, sorted, reverse_sorted and shuffle", order)
	}
	return out, nil
}

func splitPatterns(patterns []string) []string {
	var parts []string
	for _, p := range patterns {
		parts = append(parts, splitPattern(p)...)
	}
	return parts
}

// splitPattern separates at commas; where there is none at colons, those in
// brackets and IPv6 addresses left whole.
func splitPattern(pattern string) []string {
	var parts []string
	add := func(p string) {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	if strings.Contains(pattern, ",") {
		for _, p := range strings.Split(pattern, ",") {
			add(p)
		}
		return parts
	}
	if whole := strings.TrimSpace(pattern); strings.Count(whole, ":") > 1 && isHost(strings.TrimLeft(whole, "&!")) {
		add(whole)
		return parts
	}
	start, depth := 0, 0
	for i, r := range pattern {
		switch {
		case r == '[':
			depth++
		case r == ']' && depth > 0:
			depth--
		case r == ':' && depth == 0:
			add(pattern[start:i])
			start = i + 1
		}
	}
	add(pattern[start:])
	return parts
}

func (inv *Inventory) match(parts []string) (hosts []*Host, unmatched []string, err error) {
	var plain, and, not []string
	for _, p := range parts {
		switch p[0] {
		case '&':
			and = append(and, p[1:])
		case '!':
			not = append(not, p[1:])
		default:
			plain = append(plain, p)
		}
	}
	if len(plain) == 0 {
		plain = []string{All}
	}
	one := func(p string) []*Host {
		found, matchErr := inv.matchOne(p)
		if err == nil {
			err = matchErr
		}
		if len(found) == 0 && inv.groups[p] == nil {
			unmatched = append(unmatched, p)
		}
		return found
	}
	seen := map[*Host]bool{}
	for _, p := range plain {
		for _, h := range one(p) {
			if !seen[h] {
				seen[h] = true
				hosts = append(hosts, h)
			}
		}
	}
	for _, p := range and {
		hosts = filter(hosts, one(p), true)
	}
	for _, p := range not {
		hosts = filter(hosts, one(p), false)
	}
	if err != nil {
		return nil, unmatched, err
	}
	return hosts, unmatched, nil
}

func filter(hosts, by []*Host, keep bool) []*Host {
	in := make(map[*Host]bool, len(by))
	for _, h := range by {
		in[h] = true
	}
	out := []*Host{}
	for _, h := range hosts {
		if in[h] == keep {
			out = append(out, h)
		}
	}
	return out
}

var subscript = regexp.MustCompile(`^(.+)\[(?:(-?[0-9]+)|([0-9]+)[:-]([0-9]*))\]$`)

func (inv *Inventory) matchOne(pattern string) ([]*Host, error) {
	m := subscript.FindStringSubmatch(pattern)
	if m == nil || strings.HasPrefix(pattern, "~") {
		return inv.byName(pattern)
	}
	hosts, err := inv.byName(m[1])
	if err != nil || len(hosts) == 0 {
		return nil, err
	}
	if m[2] != "" {
		i, err := strconv.Atoi(m[2])
		if err == nil && i < 0 {
			i += len(hosts)
		}
		if err != nil || i < 0 || i >= len(hosts) {
			return nil, fmt.Errorf("the pattern %s selects none of the %d hosts of %s", pattern, len(hosts), m[1])
		}
		return hosts[i : i+1], nil
	}
	from, errFrom := strconv.Atoi(m[3])
	to, errTo := len(hosts)-1, error(nil)
	if m[4] != "" {
		to, errTo = strconv.Atoi(m[4])
	}
	if errFrom != nil || errTo != nil {
		return nil, fmt.Errorf("the pattern %s holds a number that is too large", pattern)
	}
	to = min(to, len(hosts)-1)
	if from > to {
		return nil, nil
	}
	return hosts[from : to+1], nil
}

// byName finds the hosts of all groups that a name, glob or regexp matches, and
// then single hosts, where there is no such group or the pattern is no plain
// name.
func (inv *Inventory) byName(pattern string) ([]*Host, error) {
	match, err := matcher(pattern)
	if err != nil {
		return nil, err
	}
	var out []*Host
	seen := map[*Host]bool{}
	add := func(h *Host) {
		if !seen[h] {
			seen[h] = true
			out = append(out, h)
		}
	}
	found := false
	for _, g := range inv.named {
		if match(g.Name) {
			found = true
			for _, h := range g.members() {
				add(h)
			}
		}
	}
	if !found || strings.HasPrefix(pattern, "~") || strings.ContainsAny(pattern, ".?*[") {
		for _, h := range inv.order {
			if match(h.Name) {
				add(h)
			}
		}
	}
	if len(out) == 0 && isLocalhost(pattern) {
		return []*Host{inv.localhost(pattern)}, nil
	}
	return out, nil
}
