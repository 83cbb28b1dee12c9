package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/value"
)

// maxWidth bounds a width or precision in a format.
const maxWidth = 100_000

// percent is Python's `format % args`.
func (st *state) percent(format string, args any) (any, error) {
	list, single := []any{args}, true
	if t, ok := args.(tuple); ok {
		list, single = t, false
	}
	named, isDict, err := st.mapping(args)
	if err != nil {
		return nil, err
	}
	return st.formatPercent(format, list, named, single && isDict)
}

// formatPercent formats with arguments in order, or by name from named.
// loose: arguments that are not used are no mistake.
func (st *state) formatPercent(format string, args []any, named *value.Dict, loose bool) (any, error) {
	var b strings.Builder
	used := 0
	next := func() (any, error) {
		if used >= len(args) {
			return nil, fmt.Errorf("the format %s has more places than there are values (%d)", brief(format), len(args))
		}
		used++
		return use(args[used-1])
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		d, n, err := parseDirective(format[i+1:], next)
		if err != nil {
			return nil, err
		}
		i += n
		if d.verb == '%' {
			b.WriteByte('%')
			continue
		}
		var v any
		if d.named {
			found := false
			if v, found = named.Get(d.key); !found {
				if named == nil {
					return nil, fmt.Errorf("%%(%s)%c needs a dictionary of values", d.key, d.verb)
				}
				return nil, &hinted{fmt.Sprintf("the format wants a value named %s", d.key), didYouMean(d.key, stringKeys(named.Keys()))}
			}
			used = len(args)
			v, err = use(v)
		} else {
			v, err = next()
		}
		if err != nil {
			return nil, err
		}
		s, err := d.format(st, v)
		if err != nil {
			return nil, err
		}
		if err := st.charge(len(s)); err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	if used < len(args) && !loose {
		return nil, fmt.Errorf("the format %s has fewer places than there are values (%d)", brief(format), len(args))
	}
	return b.String(), nil
}

// A directive is one %… of a format.
type directive struct {
	named                           bool
	key                             string
	minus, plus, space, zero, sharp bool
	width, precision                int // -1: none
	verb                            byte
}

func parseDirective(s string, next func() (any, error)) (d directive, n int, err error) {
	d.width, d.precision = -1, -1
	i := 0
	if strings.HasPrefix(s, "(") {
		end := strings.IndexByte(s, ')')
		if end < 0 {
			return d, 0, fmt.Errorf("a format's %%( has no )")
		}
		d.named, d.key = true, s[1:end]
		i = end + 1
	}
flags:
	for ; i < len(s); i++ {
		switch s[i] {
		case '-':
			d.minus = true
		case '+':
			d.plus = true
		case ' ':
			d.space = true
		case '0':
			d.zero = true
		case '#':
			d.sharp = true
		default:
			break flags
		}
	}
	num := func() (int, error) {
		if i < len(s) && s[i] == '*' {
			i++
			v, err := next()
			if err != nil {
				return 0, err
			}
			n, ok := wholeNumber(v)
			if !ok || n > maxWidth || n < -maxWidth {
				return 0, fmt.Errorf("* in a format wants a small whole number, not %s", brief(v))
			}
			return n, nil
		}
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		if from == i {
			return -1, nil
		}
		n, err := strconv.Atoi(s[from:i])
		if err != nil || n > maxWidth {
			return 0, fmt.Errorf("the width %s in a format is too large", s[from:i])
		}
		return n, nil
	}
	if d.width, err = num(); err != nil {
		return d, 0, err
	}
	if d.width < -1 {
		d.minus, d.width = true, -d.width
	}
	if i < len(s) && s[i] == '.' {
		i++
		if d.precision, err = num(); err != nil {
			return d, 0, err
		}
		d.precision = max(d.precision, 0)
	}
	for i < len(s) && (s[i] == 'l' || s[i] == 'h' || s[i] == 'L') {
		i++
	}
	if i == len(s) {
		return d, 0, &hinted{"the format ends within a %", "write %% for a percent sign"}
	}
	d.verb = s[i]
	return d, i + 1, nil
}

func (d *directive) format(st *state, v any) (string, error) {
	switch d.verb {
	case 's', 'r', 'a':
		s, err := st.str(v)
		if err != nil {
			return "", err
		}
		if d.verb != 's' {
			p, err := st.plain(v)
			if err != nil {
				return "", err
			}
			s = value.Repr(p)
		}
		if d.precision >= 0 {
			s = firstRunes(s, d.precision)
		}
		return d.pad(s, false), nil
	case 'c':
		if s, ok := v.(string); ok && utf8.RuneCountInString(s) == 1 {
			return d.pad(s, false), nil
		}
		if n, ok := v.(int); ok && n >= 0 && n <= utf8.MaxRune {
			return d.pad(string(rune(n)), false), nil
		}
		return "", fmt.Errorf("%%c wants one character, not %s", brief(v))
	case 'd', 'i', 'u', 'x', 'X', 'o':
		n, ok := wholeNumber(v)
		if f, isFloat := v.(float64); isFloat && (d.verb == 'd' || d.verb == 'i' || d.verb == 'u') {
			if math.Abs(f) >= 1<<63 || f != f {
				return "", errOverflow
			}
			n, ok = int(f), true
		}
		if !ok {
			return "", &hinted{fmt.Sprintf("%%%c wants a whole number, not %s %s", d.verb, article(v), brief(v)), "use | int, or %s"}
		}
		base, prefix := 10, ""
		switch d.verb {
		case 'x', 'X':
			base, prefix = 16, "0x"
		case 'o':
			base, prefix = 8, "0o"
		}
		s := strconv.FormatUint(magnitude(n), base)
		if d.precision > len(s) {
			s = strings.Repeat("0", d.precision-len(s)) + s
		}
		if d.sharp {
			s = prefix + s
		}
		if d.verb == 'X' {
			s = strings.ToUpper(s)
		}
		return d.pad(d.sign(n < 0)+s, true), nil
	case 'f', 'F', 'e', 'E', 'g', 'G':
		f, ok := number(v)
		if !ok {
			return "", &hinted{fmt.Sprintf("%%%c wants a number, not %s %s", d.verb, article(v), brief(v)), "use | float, or %s"}
		}
		p := d.precision
		if p < 0 {
			p = 6
		}
		return d.pad(d.sign(math.Signbit(f))+formatFloat(math.Abs(f), d.verb, p, d.sharp), true), nil
	}
	return "", fmt.Errorf("there is no format %%%c", d.verb)
}

// formatFloat writes f >= 0 as C does.
func formatFloat(f float64, verb byte, precision int, sharp bool) string {
	if math.IsInf(f, 0) {
		return "inf"
	}
	if math.IsNaN(f) {
		return "nan"
	}
	switch verb {
	case 'F':
		verb = 'f'
	case 'g', 'G':
		if precision == 0 {
			precision = 1
		}
		// C's %g: an exponent below -4 or from the precision on.
		e := strconv.FormatFloat(f, 'e', precision-1, 64)
		exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
		s := e
		if exp >= -4 && exp < precision {
			s = strconv.FormatFloat(f, 'f', precision-1-exp, 64)
		}
		if !sharp {
			mantissa, tail, _ := strings.Cut(s, "e")
			if strings.Contains(mantissa, ".") {
				mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
			}
			if tail != "" {
				mantissa += "e" + tail
			}
			s = mantissa
		}
		if verb == 'G' {
			s = strings.ToUpper(s)
		}
		return s
	}
	return strconv.FormatFloat(f, verb, precision, 64)
}

func (d *directive) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case d.plus:
		return "+"
	case d.space:
		return " "
	}
	return ""
}

func (d *directive) pad(s string, number bool) string {
	n := d.width - utf8.RuneCountInString(s)
	switch {
	case n <= 0:
		return s
	case d.minus:
		return s + strings.Repeat(" ", n)
	case d.zero && number:
		sign := 0
		if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
			sign = 1
		}
		if strings.HasPrefix(s[sign:], "0x") || strings.HasPrefix(s[sign:], "0X") || strings.HasPrefix(s[sign:], "0o") {
			sign += 2
		}
		return s[:sign] + strings.Repeat("0", n) + s[sign:]
	}
	return strings.Repeat(" ", n) + s
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
