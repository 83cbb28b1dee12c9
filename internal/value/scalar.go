package value

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// The forms of YAML 1.1 scalars, https://yaml.org/type/, with the narrowings
// of PyYAML: a float needs a point, its exponent a sign.
var (
	yamlInt         = regexp.MustCompile(`^[-+]?(0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$`)
	yamlFloat       = regexp.MustCompile(`^([-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?$`)
	yamlSexagesimal = regexp.MustCompile(`^[-+]?([1-9][0-9_]*(:[0-5]?[0-9])+|[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*)$`)
)

// yaml11 is the value of a plain scalar.
func yaml11(s string) any {
	if s == "" {
		return nil
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9', c == '+', c == '-', c == '.':
		if v, ok := yamlNumber(s); ok {
			return v
		}
	case strings.IndexByte("yYnNtTfFoO~", c) >= 0:
		switch s {
		case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
			return true
		case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
			return false
		case "~", "null", "Null", "NULL":
			return nil
		}
	}
	return s
}

func yamlNumber(s string) (any, bool) {
	switch strings.TrimLeft(s, "+-") {
	case ".inf", ".Inf", ".INF":
		if len(s) > 5 {
			return nil, false
		}
		if s[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	case ".nan", ".NaN", ".NAN":
		return math.NaN(), s[0] == '.'
	}
	switch {
	case yamlInt.MatchString(s):
		return yamlInteger(s)
	case yamlFloat.MatchString(s):
		f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
		return f, err == nil || math.IsInf(f, 0)
	case yamlSexagesimal.MatchString(s):
		return sexagesimal(s)
	}
	return nil, false
}

func yamlInteger(s string) (any, bool) {
	sign, digits := "", strings.ReplaceAll(s, "_", "")
	if digits[0] == '-' || digits[0] == '+' {
		sign, digits = digits[:1], digits[1:]
	}
	base := 10
	switch {
	case strings.HasPrefix(digits, "0b"):
		base, digits = 2, digits[2:]
	case strings.HasPrefix(digits, "0x"):
		base, digits = 16, digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		base = 8
	}
	i, err := strconv.ParseInt(sign+digits, base, strconv.IntSize)
	return int(i), err == nil
}

// sexagesimal reads 1:30 as 90 and 1:30.5 as 90.5.
func sexagesimal(s string) (any, bool) {
	digits, negative := strings.ReplaceAll(s, "_", ""), s[0] == '-'
	digits = strings.TrimLeft(digits, "+-")
	parts := strings.Split(digits, ":")
	whole, sum := 0, 0.0
	isFloat := strings.Contains(digits, ".")
	for _, p := range parts {
		if isFloat {
			f, err := strconv.ParseFloat(p, 64)
			if err != nil {
				return nil, false
			}
			sum = sum*60 + f
			continue
		}
		i, err := strconv.Atoi(p)
		if err != nil || whole > (math.MaxInt-i)/60 {
			return nil, false
		}
		whole = whole*60 + i
	}
	switch {
	case isFloat && negative:
		return -sum, true
	case isFloat:
		return sum, true
	case negative:
		return -whole, true
	}
	return whole, true
}

// yamlAs reads a scalar that carries an explicit standard tag.
func yamlAs(tag, s string) (any, bool) {
	v := yaml11(s)
	switch tag {
	case "!!null":
		return nil, true
	case "!!bool":
		b, ok := v.(bool)
		return b, ok
	case "!!int":
		if i, ok := v.(int); ok {
			return i, true
		}
	case "!!float":
		switch n := v.(type) {
		case float64:
			return n, true
		case int:
			return float64(n), true
		}
		f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
		return f, err == nil
	}
	return nil, false
}
