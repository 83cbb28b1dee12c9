package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// strptime reads a time as Python's datetime.strptime does.
func strptime(s, format string) (*datetime, error) {
	year, month, dayOf, hour, minute, sec, nano := 1900, 1, 1, 0, 0, 0, 0
	pm, has12, yday := -1, false, 0
	var zone *time.Location
	rest := s
	mismatch := fmt.Errorf("the time %s does not look like %s", brief(s), brief(format))
	num := func(most int) (int, bool) {
		n := 0
		for n < len(rest) && n < most && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		v, err := strconv.Atoi(rest[:n])
		rest = rest[n:]
		return v, err == nil
	}
	word := func(names ...string) (int, bool) {
		for i, n := range names {
			if len(rest) >= len(n) && strings.EqualFold(rest[:len(n)], n) {
				rest = rest[len(n):]
				return i, true
			}
		}
		return 0, false
	}
	format = strings.NewReplacer("%F", "%Y-%m-%d", "%T", "%H:%M:%S", "%R", "%H:%M", "%D", "%m/%d/%y").Replace(format)
	months, days := make([]string, 12), make([]string, 7)
	short, shortDays := make([]string, 12), make([]string, 7)
	for i := range months {
		months[i] = time.Month(i + 1).String()
		short[i] = months[i][:3]
	}
	for i := range days {
		days[i] = time.Weekday(i).String()
		shortDays[i] = days[i][:3]
	}
	for i := 0; i < len(format); i++ {
		c := format[i]
		if unicode.IsSpace(rune(c)) {
			rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
			continue
		}
		if c != '%' || i+1 == len(format) {
			if rest == "" || rest[0] != c {
				return nil, mismatch
			}
			rest = rest[1:]
			continue
		}
		i++
		ok := true
		switch format[i] {
		case 'Y':
			ok = len(rest) >= 4
			if ok {
				year, ok = num(4)
			}
		case 'y':
			if year, ok = num(2); year < 69 {
				year += 2000
			} else {
				year += 1900
			}
		case 'm':
			month, ok = num(2)
		case 'd', 'e':
			dayOf, ok = num(2)
		case 'H':
			hour, ok = num(2)
		case 'I':
			hour, ok = num(2)
			has12 = true
		case 'M':
			minute, ok = num(2)
		case 'S':
			sec, ok = num(2)
		case 'j':
			yday, ok = num(3)
		case 'f':
			before := len(rest)
			if nano, ok = num(6); ok {
				for range 9 - (before - len(rest)) {
					nano *= 10
				}
			}
		case 'p':
			pm, ok = word("AM", "PM")
		case 'B':
			month, ok = word(months...)
			month++
		case 'b', 'h':
			month, ok = word(short...)
			month++
		case 'A':
			_, ok = word(days...)
		case 'a':
			_, ok = word(shortDays...)
		case 'z':
			zone, rest, ok = parseZone(rest)
		case 'Z':
			if _, ok = word("UTC", "GMT"); ok && zone == nil {
				zone = nil
			}
		case '%':
			_, ok = word("%")
		default:
			return nil, fmt.Errorf("there is no %%%c in a format of time", format[i])
		}
		if !ok {
			return nil, mismatch
		}
	}
	if rest != "" {
		return nil, fmt.Errorf("the time %s goes on behind %s with %s", brief(s), brief(format), brief(rest))
	}
	if has12 {
		if hour < 1 || hour > 12 {
			return nil, mismatch
		}
		hour %= 12
		if pm == 1 {
			hour += 12
		}
	}
	if yday > 0 {
		month, dayOf = 1, yday
	}
	loc := zone
	if loc == nil {
		loc = time.UTC
	}
	t := time.Date(year, time.Month(month), dayOf, hour, minute, sec, nano, loc)
	if yday == 0 && (t.Day() != dayOf || int(t.Month()) != month) || hour > 23 || minute > 59 || sec > 61 {
		return nil, fmt.Errorf("there is no such time: %s", brief(s))
	}
	return &datetime{t, zone != nil}, nil
}

func parseZone(s string) (*time.Location, string, bool) {
	if strings.HasPrefix(s, "Z") {
		return time.UTC, s[1:], true
	}
	for _, layout := range []string{"-07:00", "-0700"} {
		if len(s) >= len(layout) {
			if t, err := time.Parse(layout, s[:len(layout)]); err == nil {
				return t.Location(), s[len(layout):], true
			}
		}
	}
	return nil, s, false
}
