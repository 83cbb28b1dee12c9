package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// numberFilters work on numbers and sizes.
func numberFilters() map[string]function {
	return map[string]function{
		"abs": {fn: func(c *call) (any, error) {
			switch v := c.in.(type) {
			case int:
				if v < 0 {
					return unary('-', v)
				}
				return v, nil
			case bool:
				n, _ := wholeNumber(v)
				return n, nil
			case float64:
				return math.Abs(v), nil
			}
			return nil, c.wants("numbers")
		}},
		"round":          {sig: "precision method", fn: filterRound},
		"log":            {sig: "base", fn: filterLog},
		"pow":            {sig: "y!", fn: func(c *call) (any, error) { return float("**", c.number(), c.float(0, 1)) }},
		"root":           {sig: "base", fn: filterRoot},
		"human_readable": {sig: "isbits unit", fn: filterHumanReadable},
		"human_to_bytes": {sig: "default_unit isbits", fn: filterHumanToBytes},
		"filesizeformat": {sig: "binary", fn: filterFilesize},
	}
}

// number is the filtered value, which must be one.
func (c *call) number() float64 {
	f, ok := number(c.in)
	if !ok {
		c.fail(c.wants("numbers"))
	}
	return f
}

func filterRound(c *call) (any, error) {
	f := c.number()
	precision, method := c.int(0, 0), c.word(1, "common")
	if c.err != nil {
		return nil, nil
	}
	if f != f || math.IsInf(f, 0) || precision > 300 || precision < -300 {
		return f, nil
	}
	_, whole := wholeNumber(c.in)
	switch method {
	case "common":
		if whole && precision >= 0 {
			n, _ := wholeNumber(c.in)
			return n, nil // as Python: round(3) is 3
		}
		r := roundHalfEven(f, precision)
		if whole {
			return int(r), nil
		}
		return r, nil
	case "ceil", "floor":
		scale := math.Pow(10, float64(precision))
		round := math.Ceil
		if method == "floor" {
			round = math.Floor
		}
		return round(f*scale)/scale + 0, nil // never -0.0
	}
	return nil, &hinted{fmt.Sprintf("there is no rounding method %s", brief(method)), "there are: common, ceil, floor"}
}

// roundHalfEven rounds the decimal that f prints as, as Python does.
func roundHalfEven(f float64, precision int) float64 {
	if precision >= 0 {
		r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
		if err != nil {
			return f
		}
		return r
	}
	scale := math.Pow(10, float64(-precision))
	return math.RoundToEven(f/scale) * scale
}

func filterLog(c *call) (any, error) {
	f := c.number()
	base := c.float(0, math.E)
	if c.err == nil && (f <= 0 || base <= 0 || base == 1) {
		return nil, fmt.Errorf("there is no logarithm of %v to the base %v", f, base)
	}
	switch base {
	case 10:
		return math.Log10(f), nil
	case math.E:
		return math.Log(f), nil
	}
	return math.Log(f) / math.Log(base), nil
}

func filterRoot(c *call) (any, error) {
	f := c.number()
	base := c.float(0, 2)
	if c.err != nil {
		return nil, nil
	}
	if base == 0 || f < 0 {
		return nil, fmt.Errorf("there is no root %v of %v", base, f)
	}
	if base == 2 {
		return math.Sqrt(f), nil
	}
	r := math.Pow(f, 1/base)
	if whole := math.Round(r); math.Pow(whole, base) == f {
		return whole, nil // 27 | root(3) is 3.0
	}
	return r, nil
}

const sizeUnits = "YZEPTGMKB" // from 2**80 down

func unitSize(i int) float64 { return math.Pow(1024, float64(len(sizeUnits)-1-i)) }

func filterHumanReadable(c *call) (any, error) {
	size := c.number()
	word := "Bytes"
	if c.bool(0, false) {
		word = "bits"
	}
	unit := ""
	if c.given(1) {
		unit = strings.ToUpper(c.word(1, ""))
	}
	if c.err != nil {
		return nil, nil
	}
	i := 0
	for ; i < len(sizeUnits)-1; i++ {
		if unit == "" && size >= unitSize(i) || unit == sizeUnits[i:i+1] {
			break
		}
	}
	suffix := sizeUnits[i:i+1] + word[:1]
	if i == len(sizeUnits)-1 {
		suffix = word
	}
	return fmt.Sprintf("%.2f %s", size/unitSize(i), suffix), nil
}

func filterHumanToBytes(c *call) (any, error) {
	s := strings.TrimSpace(c.input())
	bits := c.bool(1, false)
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
		end++
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return nil, fmt.Errorf("%s is no size: it begins with no number", brief(c.in))
	}
	rest := strings.TrimSpace(s[end:])
	end = 0
	for end < len(rest) && (rest[end]|0x20 >= 'a' && rest[end]|0x20 <= 'z') {
		end++
	}
	unit := rest[:end]
	if unit == "" && c.given(0) {
		unit = c.word(0, "")
	}
	if c.err != nil {
		return nil, nil
	}
	if unit != "" {
		i := strings.IndexByte(sizeUnits, unit[0]&^0x20)
		if i < 0 {
			return nil, &hinted{fmt.Sprintf("%s has no known unit", brief(c.in)), "the units are B, K, M, G, T, P, E, Z, Y"}
		}
		class, name := byte('B'), "byte"
		if bits {
			class, name = 'b', "bit"
		}
		if len(unit) > 1 && !strings.Contains(strings.ToLower(unit), name) && unit[1] != class {
			return nil, fmt.Errorf("%s is not a size in %ss: the unit is %c or %c%c", brief(c.in), name, unit[0], unit[0], class)
		}
		n *= unitSize(i)
	}
	return truncate(math.RoundToEven(n), nil)
}

func filterFilesize(c *call) (any, error) {
	var size float64
	if s, ok := c.in.(string); ok {
		size, _ = pythonFloat(s)
	} else {
		size = c.number()
	}
	base, prefixes := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if c.bool(0, false) {
		base, prefixes = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	switch {
	case size == 1:
		return "1 Byte", nil
	case size < base:
		return fmt.Sprintf("%d Bytes", int(size)), nil
	}
	unit := base
	for i, p := range prefixes {
		unit *= base
		if size < unit || i == len(prefixes)-1 {
			return fmt.Sprintf("%.1f %s", base*size/unit, p), nil
		}
	}
	return nil, nil
}
