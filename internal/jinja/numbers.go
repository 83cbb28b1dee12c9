package jinja

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
)

// pythonInt is Python's int(s, base); ok=false: s is no such number.
func pythonInt(s string, base int) (n int, ok bool, err error) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" {
		return 0, false, nil
	}
	sign := s[:len(s)-len(digits)]
	if base == 0 || base == 16 || base == 8 || base == 2 {
		prefixes := map[int]string{16: "0x", 8: "0o", 2: "0b"}
		lower := strings.ToLower(digits)
		for b, p := range prefixes {
			if (base == 0 || base == b) && strings.HasPrefix(lower, p) {
				digits, base = strings.TrimPrefix(digits[2:], "_"), b
				break
			}
		}
		if base == 0 {
			if digits[0] == '0' && strings.Trim(digits, "0_") != "" {
				return 0, false, nil
			}
			base = 10
		}
	}
	if base < 2 || base > 36 || digits == "" || digits[0] == '_' || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") {
		return 0, false, nil
	}
	v, perr := strconv.ParseInt(sign+strings.ReplaceAll(digits, "_", ""), base, 64)
	if errors.Is(perr, strconv.ErrRange) {
		return 0, false, errOverflow
	}
	return int(v), perr == nil, nil
}

// pythonFloat is Python's float(s).
func pythonFloat(s string) (float64, bool) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	if strings.ContainsAny(s, "xXpP") || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return f, true
}
