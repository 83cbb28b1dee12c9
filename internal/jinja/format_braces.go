package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/value"
)

// formatBraces is Python's str.format: {}, {0}, {name.attr[key]!r:>8}.
func (st *state) formatBraces(format string, args []any, kw []kwarg) (any, error) {
	f := bracesFormat{st: st, args: args, kw: kw}
	var b strings.Builder
	if err := f.run(&b, format, 0); err != nil {
		return nil, err
	}
	return b.String(), nil
}

type bracesFormat struct {
	st     *state
	args   []any
	kw     []kwarg
	auto   int
	manual bool
}

func (f *bracesFormat) run(b *strings.Builder, format string, depth int) error {
	for i := 0; i < len(format); i++ {
		switch c := format[i]; {
		case c != '{' && c != '}':
			b.WriteByte(c)
		case i+1 < len(format) && format[i+1] == c:
			b.WriteByte(c)
			i++
		case c == '}':
			return fmt.Errorf("the format %s has a } without a {; write }} for a brace", brief(format))
		default:
			end := closingBrace(format[i:])
			if end < 0 {
				return fmt.Errorf("the format %s has a { without a }; write {{ for a brace", brief(format))
			}
			s, err := f.field(format[i+1:i+end], depth)
			if err != nil {
				return err
			}
			if err := f.st.charge(len(s)); err != nil {
				return err
			}
			b.WriteString(s)
			i += end
		}
	}
	return nil
}

func closingBrace(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (f *bracesFormat) field(s string, depth int) (string, error) {
	if depth > 2 {
		return "", fmt.Errorf("a format is nested too deep")
	}
	name, spec, _ := strings.Cut(s, ":")
	name, conversion, _ := strings.Cut(name, "!")
	v, err := f.value(name)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(spec, "{}") {
		var b strings.Builder
		if err := f.run(&b, spec, depth+1); err != nil {
			return "", err
		}
		spec = b.String()
	}
	switch conversion {
	case "":
	case "s", "r", "a":
		if v, err = f.st.plain(v); err != nil {
			return "", err
		}
		if conversion == "s" {
			v = value.Str(v)
		} else {
			v = value.Repr(v)
		}
	default:
		return "", fmt.Errorf("there is no conversion !%s", conversion)
	}
	return f.st.formatSpec(v, spec)
}

// value is what a field's name stands for: 0, name, name.attr, name[key].
func (f *bracesFormat) value(name string) (any, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	head, rest := name[:end], name[end:]
	var v any
	if head == "" {
		head = strconv.Itoa(f.auto)
		f.auto++
	}
	if i, err := strconv.Atoi(head); err == nil {
		if i < 0 || i >= len(f.args) {
			return nil, fmt.Errorf("the format has more places than there are values (%d)", len(f.args))
		}
		v = f.args[i]
	} else {
		found := false
		for _, k := range f.kw {
			if k.name == head {
				v, found = k.value, true
			}
		}
		if !found {
			return nil, fmt.Errorf("the format wants a value named %s", head)
		}
	}
	for rest != "" {
		var err error
		if rest[0] == '.' {
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			v, err = f.st.attribute(v, rest[1:1+end], place{}, nil)
			rest = rest[1+end:]
		} else {
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil, fmt.Errorf("a format's [ has no ]")
			}
			var key any = rest[1:end]
			if i, aerr := strconv.Atoi(rest[1:end]); aerr == nil {
				key = i
			}
			v, err = f.st.item(v, key, place{}, nil)
			rest = rest[end+1:]
		}
		if err != nil {
			return nil, err
		}
	}
	return use(v)
}

// formatSpec is Python's format(v, spec): [[fill]align][sign][#][0][width][,][.precision][type].
func (st *state) formatSpec(v any, spec string) (string, error) {
	if d, ok := v.(*datetime); ok && spec != "" {
		return strftime(spec, d.t)
	}
	if spec == "" {
		return st.str(v)
	}
	switch v.(type) {
	case bool, int, float64, string:
	default:
		return "", fmt.Errorf("the format :%s does not fit %s %s", spec, article(v), brief(v))
	}
	bad := fmt.Errorf("bad format :%s for %s %s", spec, article(v), brief(v))
	fill, align, s := "", byte(0), spec
	if r, n := utf8.DecodeRuneInString(s); n < len(s) && strings.IndexByte("<>=^", s[n]) >= 0 {
		fill, align, s = string(r), s[n], s[n+1:]
	} else if strings.IndexByte("<>=^", s[0]) >= 0 {
		align, s = s[0], s[1:]
	}
	d := directive{precision: -1}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		d.plus, d.space = s[0] == '+', s[0] == ' '
		s = s[1:]
	}
	if strings.HasPrefix(s, "#") {
		d.sharp, s = true, s[1:]
	}
	if strings.HasPrefix(s, "0") {
		s = s[1:]
		if fill == "" {
			fill = "0"
		}
		if align == 0 {
			align = '='
		}
	}
	digits := func() (int, bool) {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		if n == 0 {
			return -1, true
		}
		i, err := strconv.Atoi(s[:n])
		s = s[n:]
		return i, err == nil && i <= maxWidth
	}
	if fill == "" {
		fill = " "
	}
	width, ok := digits()
	if !ok {
		return "", bad
	}
	group := ""
	if s != "" && (s[0] == ',' || s[0] == '_') {
		group, s = s[:1], s[1:]
	}
	if strings.HasPrefix(s, ".") {
		s = s[1:]
		if d.precision, ok = digits(); !ok || d.precision < 0 {
			return "", bad
		}
	}
	if len(s) > 1 {
		return "", bad
	}
	if s != "" {
		d.verb = s[0]
	}
	body, sign, isNumber, err := d.braces(st, v, group)
	if err != nil {
		return "", err
	}
	if body == "" && sign == "" && !isNumber && d.verb != 0 && d.verb != 's' {
		return "", bad
	}
	n := width - utf8.RuneCountInString(body) - len(sign)
	if n <= 0 {
		return sign + body, nil
	}
	if align == 0 {
		align = '<'
		if isNumber {
			align = '>'
		}
	}
	switch align {
	case '<':
		return sign + body + strings.Repeat(fill, n), nil
	case '>':
		return strings.Repeat(fill, n) + sign + body, nil
	case '^':
		return strings.Repeat(fill, n/2) + sign + body + strings.Repeat(fill, n-n/2), nil
	}
	return sign + strings.Repeat(fill, n) + body, nil
}

// braces formats the digits of a number and its sign, or text.
func (d *directive) braces(st *state, v any, group string) (body, sign string, isNumber bool, err error) {
	wrong := func() error {
		return fmt.Errorf("the format does not fit %s %s", article(v), brief(v))
	}
	if b, ok := v.(bool); ok {
		v, _ = wholeNumber(b) // as Python: '{:>5}'.format(True) is a number
	}
	if i, ok := v.(int); ok && strings.IndexByte("\x00dxXobncs", d.verb) >= 0 && d.verb != 's' {
		base, prefix := 10, ""
		switch d.verb {
		case 'x', 'X':
			base, prefix = 16, "0x"
		case 'o':
			base, prefix = 8, "0o"
		case 'b':
			base, prefix = 2, "0b"
		case 'c':
			if i < 0 || i > utf8.MaxRune {
				return "", "", true, wrong()
			}
			return string(rune(i)), "", true, nil
		}
		s := grouped(strconv.FormatUint(magnitude(i), base), group)
		if d.sharp {
			s = prefix + s
		}
		if d.verb == 'X' {
			s = strings.ToUpper(s)
		}
		return s, d.sign(i < 0), true, nil
	}
	if f, ok := number(v); ok && strings.IndexByte("\x00fFeEgG%n", d.verb) >= 0 {
		p := d.precision
		verb := d.verb
		switch verb {
		case 0:
			if p < 0 {
				s := value.Repr(math.Abs(f))
				return grouped(s, group), d.sign(math.Signbit(f)), true, nil
			}
			verb = 'g'
		case '%':
			f *= 100
			verb = 'f'
		case 'n':
			verb = 'g'
		}
		if p < 0 {
			p = 6
		}
		s := formatFloat(math.Abs(f), verb, p, d.sharp)
		if d.verb == 0 && !strings.ContainsAny(s, ".en") {
			s += ".0"
		}
		if d.verb == '%' {
			s += "%"
		}
		return grouped(s, group), d.sign(math.Signbit(f)), true, nil
	}
	if d.verb != 0 && d.verb != 's' || group != "" {
		return "", "", false, wrong()
	}
	if _, isText := v.(string); !isText {
		if _, isNum := number(v); isNum {
			return "", "", false, wrong()
		}
	}
	s, err := st.str(v)
	if d.precision >= 0 {
		s = firstRunes(s, d.precision)
	}
	return s, "", false, err
}

// grouped puts a separator between thousands.
func grouped(s, sep string) string {
	if sep == "" {
		return s
	}
	end := strings.IndexAny(s, ".e%")
	if end < 0 {
		end = len(s)
	}
	for i := end - 3; i > 0; i -= 3 {
		s = s[:i] + sep + s[i:]
	}
	return s
}
