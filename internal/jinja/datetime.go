package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A datetime is a point in time as Python's datetime, with or without zone.
type datetime struct {
	t    time.Time
	zone bool
}

// String is str(datetime).
func (d *datetime) String() string {
	s := d.t.Format("2006-01-02 15:04:05")
	if d.t.Nanosecond() > 999 {
		s += d.t.Format(".000000")
	}
	if d.zone {
		s += d.t.Format("-07:00")
	}
	return s
}

// Repr is not Python's, whose form is of no use in a template.
func (d *datetime) Repr() string { return d.String() }

// Equal compares with another datetime.
func (d *datetime) Equal(other any) bool {
	o, ok := other.(*datetime)
	return ok && d.t.Equal(o.t)
}

func (d *datetime) minus(v any) (any, error) {
	switch v := v.(type) {
	case *datetime:
		return &timedelta{d.t.Sub(v.t)}, nil
	case *timedelta:
		return &datetime{d.t.Add(-v.d), d.zone}, nil
	}
	return nil, mismatch("-", d, v)
}

func (d *datetime) plus(v *timedelta) *datetime { return &datetime{d.t.Add(v.d), d.zone} }

func (d *datetime) attr(name string) (any, bool) {
	switch name {
	case "year":
		return d.t.Year(), true
	case "month":
		return int(d.t.Month()), true
	case "day":
		return d.t.Day(), true
	case "hour":
		return d.t.Hour(), true
	case "minute":
		return d.t.Minute(), true
	case "second":
		return d.t.Second(), true
	case "microsecond":
		return d.t.Nanosecond() / 1000, true
	}
	return nil, false
}

func (d *datetime) method(st *state, name string, a *arguments) (any, bool, error) {
	switch name {
	case "strftime":
		if len(a.pos) != 1 {
			return nil, true, fmt.Errorf("strftime needs a format")
		}
		format, ok := a.pos[0].(string)
		if !ok {
			return nil, true, fmt.Errorf("the format of strftime is a string")
		}
		s, err := strftime(format, d.t)
		return s, true, err
	case "isoformat":
		return strings.Replace(d.String(), " ", "T", 1), true, nil
	case "timestamp":
		return float64(d.t.UnixMicro()) / 1e6, true, nil
	case "date":
		t := d.t
		return &datetime{time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location()), d.zone}, true, nil
	case "weekday":
		return (int(d.t.Weekday()) + 6) % 7, true, nil
	case "isoweekday":
		return (int(d.t.Weekday())+6)%7 + 1, true, nil
	}
	return nil, false, nil
}

// A timedelta is the time between two datetimes.
type timedelta struct{ d time.Duration }

const day = 24 * time.Hour

// days and seconds are normalised as Python's: only days can be negative.
func (t *timedelta) split() (days, seconds, micros int) {
	days = int(t.d / day)
	rest := t.d % day
	if rest < 0 {
		days--
		rest += day
	}
	return days, int(rest / time.Second), int(rest % time.Second / time.Microsecond)
}

// String is str(timedelta).
func (t *timedelta) String() string {
	days, sec, micros := t.split()
	s := fmt.Sprintf("%d:%02d:%02d", sec/3600, sec/60%60, sec%60)
	if micros > 0 {
		s += fmt.Sprintf(".%06d", micros)
	}
	switch days {
	case 0:
		return s
	case 1, -1:
		return fmt.Sprintf("%d day, %s", days, s)
	}
	return fmt.Sprintf("%d days, %s", days, s)
}

// Repr is String.
func (t *timedelta) Repr() string { return t.String() }

// Truthy is false for no time.
func (t *timedelta) Truthy() bool { return t.d != 0 }

// Equal compares with another timedelta.
func (t *timedelta) Equal(other any) bool {
	o, ok := other.(*timedelta)
	return ok && t.d == o.d
}

func (t *timedelta) attr(name string) (any, bool) {
	days, sec, micros := t.split()
	switch name {
	case "days":
		return days, true
	case "seconds":
		return sec, true
	case "microseconds":
		return micros, true
	}
	return nil, false
}

func (t *timedelta) method(_ *state, name string, _ *arguments) (any, bool, error) {
	if name == "total_seconds" {
		return t.d.Seconds(), true, nil
	}
	return nil, false, nil
}

// strftime formats a time as C does.
func strftime(format string, t time.Time) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		pad := true
		if format[i] == '-' && i+1 < len(format) {
			pad = false
			i++
		}
		s, err := strftimeField(format[i], t)
		if err != nil {
			return "", err
		}
		if !pad {
			if trimmed := strings.TrimLeft(s, "0 "); trimmed != "" {
				s = trimmed
			} else {
				s = "0"
			}
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func strftimeField(c byte, t time.Time) (string, error) {
	layouts := map[byte]string{
		'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'B': "January", 'b': "Jan", 'h': "Jan",
		'A': "Monday", 'a': "Mon", 'p': "PM", 'I': "03", 'Z': "MST", 'z': "-0700", 'j': "002", 'e': "_2",
		'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06", 'x': "01/02/06", 'X': "15:04:05",
		'c': "Mon Jan _2 15:04:05 2006", 'r': "03:04:05 PM",
	}
	if l, ok := layouts[c]; ok {
		return t.Format(l), nil
	}
	switch c {
	case 's':
		return strconv.FormatInt(t.Unix(), 10), nil
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), nil
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1), nil
	case 'w':
		return strconv.Itoa(int(t.Weekday())), nil
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100), nil
	case 'k':
		return fmt.Sprintf("%2d", t.Hour()), nil
	case 'l':
		return fmt.Sprintf("%2d", (t.Hour()+11)%12+1), nil
	case 'G', 'V', 'g':
		year, week := t.ISOWeek()
		switch c {
		case 'G':
			return strconv.Itoa(year), nil
		case 'g':
			return fmt.Sprintf("%02d", year%100), nil
		}
		return fmt.Sprintf("%02d", week), nil
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7), nil
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7), nil
	case 'n':
		return "\n", nil
	case 't':
		return "\t", nil
	case '%':
		return "%", nil
	}
	return "", fmt.Errorf("there is no %%%c in a format of time", c)
}

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

func timeFilters() map[string]function {
	return map[string]function{
		"to_datetime": {sig: "format", fn: func(c *call) (any, error) {
			c.st.built = true
			s, format := c.input(), c.word(0, "%Y-%m-%d %H:%M:%S")
			if c.err != nil {
				return nil, nil
			}
			return strptime(s, format)
		}},
		"strftime": {sig: "second utc", fn: func(c *call) (any, error) {
			t := c.st.now()
			if c.given(0) {
				sec := c.float(0, 0)
				if sec > 1e14 || sec < -1e14 || sec != sec {
					return nil, fmt.Errorf("%v seconds are out of reason", sec)
				}
				whole := int64(sec)
				t = time.Unix(whole, int64((sec-float64(whole))*1e9))
			}
			if c.bool(1, false) {
				t = t.UTC()
			} else {
				t = t.Local()
			}
			if c.err != nil {
				return nil, nil
			}
			return strftime(c.input(), t)
		}},
	}
}
