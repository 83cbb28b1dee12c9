package inventory

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// maxRange bounds the hosts that one name may stand for.
const maxRange = 65536

const rangePart = `\[(?:[0-9]*:[0-9]+|[A-Za-z]:[A-Za-z])(?::[0-9]+)?\]`

// A name with a port is taken apart only where what stands before the port
// looks like the name or address of a host; everything else is a name as a
// whole. Ranges may stand in it.
var (
	bracketPort = regexp.MustCompile(`^\[(.+)\]:([0-9]+)$`)
	plainPort   = regexp.MustCompile(`^((?:[^:\[\]]|` + rangePart + `)+):([0-9]+)$`)
	hostLabels  = regexp.MustCompile(`^` + label + `(?:\.` + label + `)*$`)
)

const label = `(?:[\pL\pN_]|` + rangePart + `)(?:(?:[\pL\pN_-]|` + rangePart + `)*(?:[\pL\pN_]|` + rangePart + `))?`

// expandHost takes the name of a host as inventories write it, maybe with
// ranges and a port, into the names it stands for. The port is 0 where none is
// given.
func expandHost(text string) (names []string, port int, err error) {
	if strings.HasSuffix(text, ":") && !strings.HasSuffix(text, "::") {
		return nil, 0, fmt.Errorf("the host name %s ends in a colon: a port is missing", text)
	}
	name := text
	if m := bracketPort.FindStringSubmatch(text); m != nil && isHost(m[1]) {
		name = m[1]
		port, err = strconv.Atoi(m[2])
	} else if m := plainPort.FindStringSubmatch(text); m != nil && isHost(m[1]) {
		name = m[1]
		port, err = strconv.Atoi(m[2])
	}
	if err != nil {
		return nil, 0, fmt.Errorf("the port of %s is out of range", text)
	}
	names, err = expandRange(name)
	return names, port, err
}

func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return hostLabels.MatchString(s)
}

// expandRange expands [1:3], [01:10:3] and [a:g:2], inclusive, wherever they
// stand in a name.
func expandRange(name string) ([]string, error) {
	head, rest, found := strings.Cut(name, "[")
	if !found {
		if strings.Contains(name, "]") {
			return nil, fmt.Errorf("%s holds ] without [", name)
		}
		return []string{name}, nil
	}
	bounds, tail, found := strings.Cut(rest, "]")
	if !found {
		return nil, fmt.Errorf("%s holds [ without ]", name)
	}
	items, err := rangeItems(bounds)
	if err != nil {
		return nil, err
	}
	tails, err := expandRange(tail)
	if err != nil {
		return nil, err
	}
	if len(items)*len(tails) > maxRange {
		return nil, fmt.Errorf("%s stands for more than %d hosts", name, maxRange)
	}
	names := make([]string, 0, len(items)*len(tails))
	for _, item := range items {
		for _, t := range tails {
			names = append(names, head+item+t)
		}
	}
	return names, nil
}

func rangeItems(bounds string) ([]string, error) {
	parts := strings.Split(bounds, ":")
	if len(parts) != 2 && len(parts) != 3 {
		if _, err := netip.ParseAddr(bounds); err == nil {
			return nil, fmt.Errorf("an IPv6 address stands in brackets only where a port follows: write %s or [%s]:22", bounds, bounds)
		}
		return nil, fmt.Errorf("the host range [%s] must be [begin:end] or [begin:end:step]", bounds)
	}
	begin, end, step := parts[0], parts[1], 1
	if begin == "" {
		begin = "0"
	}
	if end == "" {
		return nil, fmt.Errorf("the host range [%s] has no end", bounds)
	}
	if len(parts) == 3 {
		var err error
		if step, err = strconv.Atoi(parts[2]); err != nil || step < 1 {
			return nil, fmt.Errorf("the step of the host range [%s] must be a number above 0", bounds)
		}
	}
	if len(begin) == 1 && len(end) == 1 && letter(begin) >= 0 && letter(end) >= 0 {
		return letters(bounds, letter(begin), letter(end), step)
	}
	return numbers(bounds, begin, end, step)
}

const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func letter(s string) int { return strings.Index(alphabet, s) }

func letters(bounds string, from, to, step int) ([]string, error) {
	if from > to {
		return nil, fmt.Errorf("the host range [%s] runs backwards", bounds)
	}
	var out []string
	for i := from; i <= to; i += step {
		out = append(out, alphabet[i:i+1])
	}
	return out, nil
}

func numbers(bounds, begin, end string, step int) ([]string, error) {
	from, err1 := strconv.ParseUint(begin, 10, 31)
	to, err2 := strconv.ParseUint(end, 10, 31)
	width := 0
	switch {
	case err1 != nil || err2 != nil:
		return nil, fmt.Errorf("the host range [%s] must run between two numbers or two letters", bounds)
	case len(begin) > 1 && begin[0] == '0':
		if width = len(begin); len(end) != width {
			return nil, fmt.Errorf("the host range [%s] begins with a zero: both ends must have the same width", bounds)
		}
	}
	if from > to {
		return nil, fmt.Errorf("the host range [%s] runs backwards", bounds)
	}
	if (to-from)/uint64(step) >= maxRange {
		return nil, fmt.Errorf("the host range [%s] stands for more than %d hosts", bounds, maxRange)
	}
	var out []string
	for i := from; i <= to; i += uint64(step) {
		out = append(out, fmt.Sprintf("%0*d", width, i))
	}
	return out, nil
}
