package jinja

import (
	"fmt"
	"strings"
	"time"
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
