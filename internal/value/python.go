package value

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Templates speak Python: what they print, compare and take for true follows
// Python's str(), repr(), == and bool(). Types from outside this package (the
// template engine has some) join in by methods of the names used here:
// String() string, Repr() string and Truthy() bool.

// Str is Python's str(v): a string as it is, everything else as Repr.
func Str(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if s, ok := v.(fmt.Stringer); ok {
		return s.String()
	}
	return Repr(v)
}

// Repr is Python's repr(v): 'text' in quotes, 1.0, 1e+16, True, None,
// [1, 'a'], {'a': 1}.
func Repr(v any) string {
	var b strings.Builder
	repr(&b, v)
	return b.String()
}

func repr(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		if v {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case int:
		b.WriteString(strconv.Itoa(v))
	case float64:
		b.WriteString(floatRepr(v))
	case string:
		reprString(b, v)
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			repr(b, e)
		}
		b.WriteByte(']')
	case *Dict:
		b.WriteByte('{')
		first := true
		for k, e := range v.All() {
			if !first {
				b.WriteString(", ")
			}
			first = false
			repr(b, k)
			b.WriteString(": ")
			repr(b, e)
		}
		b.WriteByte('}')
	case interface{ Repr() string }:
		b.WriteString(v.Repr())
	default:
		fmt.Fprint(b, v)
	}
}

// floatRepr writes the shortest digits that read back as f, with an exponent
// below 1e-4 and from 1e16 on, and always recognisable as a float.
func floatRepr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f == 0:
		if math.Signbit(f) {
			return "-0.0"
		}
		return "0.0"
	}
	if a := math.Abs(f); a < 1e-4 || a >= 1e16 {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func reprString(b *strings.Builder, s string) {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b.WriteRune(quote)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1: // as Python's surrogateescape
			fmt.Fprintf(b, `\udc%02x`, s[i])
		case r == quote || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			fmt.Fprintf(b, `\U%08x`, r)
		}
		i += n
	}
	b.WriteRune(quote)
}

// Truthy is Python's bool(v): nil, false, zero and everything empty are false.
func Truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case *Dict:
		return v.Len() > 0
	case interface{ Truthy() bool }:
		return v.Truthy()
	}
	return true
}

// Equal is Python's a == b: True == 1 == 1.0, dicts whatever their order,
// never a number and a string.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool, int, float64:
		return equalNumbers(a, b)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case *Dict:
		b, ok := b.(*Dict)
		if !ok || a.Len() != b.Len() {
			return false
		}
		for k, v := range a.All() {
			w, ok := lookup(b, k)
			if !ok || !Equal(v, w) {
				return false
			}
		}
		return true
	case interface{ Equal(any) bool }:
		return a.Equal(b)
	}
	return false
}

// lookup finds a key as Python does, where 1, 1.0 and True are the same key.
func lookup(d *Dict, key any) (any, bool) {
	if v, ok := d.Get(key); ok {
		return v, true
	}
	if _, ok := key.(string); ok {
		return nil, false
	}
	for k, v := range d.All() {
		if Equal(k, key) {
			return v, true
		}
	}
	return nil, false
}

// equalNumbers compares exactly: 2**53+1 is not the float 2**53.
func equalNumbers(a, b any) bool {
	ai, aInt := asInt(a)
	bi, bInt := asInt(b)
	if aInt && bInt {
		return ai == bi
	}
	af, aFloat := a.(float64)
	bf, bFloat := b.(float64)
	switch {
	case aFloat && bFloat:
		return af == bf
	case aFloat && bInt:
		return intEqualsFloat(bi, af)
	case aInt && bFloat:
		return intEqualsFloat(ai, bf)
	}
	return false
}

func intEqualsFloat(i int, f float64) bool {
	if math.IsNaN(f) || math.IsInf(f, 0) || f != math.Trunc(f) {
		return false
	}
	exact, _ := big.NewFloat(f).Int(nil)
	return exact.Cmp(big.NewInt(int64(i))) == 0
}

func asInt(v any) (int, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int:
		return v, true
	}
	return 0, false
}
