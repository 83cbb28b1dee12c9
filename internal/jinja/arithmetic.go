package jinja

import (
	"fmt"
	"math"
	"math/bits"
)

var errOverflow = fmt.Errorf("the number does not fit into 64 bits")

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func integer(op string, l, r int) (any, error) {
	switch op {
	case "+":
		s := l + r
		if (s > l) != (r > 0) && r != 0 {
			return nil, errOverflow
		}
		return s, nil
	case "-":
		s := l - r
		if (s < l) != (r > 0) && r != 0 {
			return nil, errOverflow
		}
		return s, nil
	case "*":
		return multiply(l, r)
	case "/":
		if r == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		return float64(l) / float64(r), nil
	case "//":
		if r == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		if l == math.MinInt && r == -1 {
			return nil, errOverflow
		}
		q := l / r
		if l%r != 0 && (l < 0) != (r < 0) {
			q--
		}
		return q, nil
	case "%":
		if r == 0 {
			return nil, fmt.Errorf("integer modulo by zero")
		}
		if r == -1 {
			return 0, nil
		}
		m := l % r
		if m != 0 && (m < 0) != (r < 0) {
			m += r
		}
		return m, nil
	default: // **
		return power(l, r)
	}
}

func multiply(l, r int) (any, error) {
	hi, lo := bits.Mul64(magnitude(l), magnitude(r))
	negative := (l < 0) != (r < 0)
	switch {
	case hi != 0 || lo > 1<<63 || lo == 1<<63 && !negative:
		return nil, errOverflow
	case negative:
		return int(-lo), nil
	}
	return int(lo), nil
}

func magnitude(i int) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

func power(base, exp int) (any, error) {
	if exp < 0 {
		if base == 0 {
			return nil, fmt.Errorf("0 can't be raised to a negative power")
		}
		return math.Pow(float64(base), float64(exp)), nil
	}
	switch base {
	case 0, 1:
		if exp == 0 {
			return 1, nil
		}
		return base, nil
	case -1:
		return 1 - 2*(exp&1), nil
	}
	if exp > 64 {
		return nil, errOverflow
	}
	out := 1
	for range exp {
		v, err := multiply(out, base)
		if err != nil {
			return nil, err
		}
		out = v.(int)
	}
	return out, nil
}

func float(op string, l, r float64) (any, error) {
	switch op {
	case "+":
		return l + r, nil
	case "-":
		return l - r, nil
	case "*":
		return l * r, nil
	case "/":
		if r == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		return l / r, nil
	case "//", "%":
		if r == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		q, m := divmod(l, r)
		if op == "%" {
			return m, nil
		}
		return q, nil
	default: // **
		p := math.Pow(l, r)
		switch {
		case l == 0 && r < 0:
			return nil, fmt.Errorf("0 can't be raised to a negative power")
		case math.IsNaN(p) && !math.IsNaN(l) && !math.IsNaN(r):
			return nil, fmt.Errorf("%v ** %v is no real number", l, r)
		case math.IsInf(p, 0) && !math.IsInf(l, 0) && !math.IsInf(r, 0):
			return nil, fmt.Errorf("%v ** %v is too large", l, r)
		}
		return p, nil
	}
}

// divmod rounds towards negative infinity, as Python does.
func divmod(l, r float64) (q, m float64) {
	m = math.Mod(l, r)
	q = (l - m) / r
	if m != 0 {
		if (r < 0) != (m < 0) {
			m += r
			q--
		}
	} else {
		m = math.Copysign(0, r)
	}
	if q != 0 {
		floor := math.Floor(q)
		if q-floor > 0.5 {
			floor++
		}
		return floor, m
	}
	return math.Copysign(0, l/r), m
}

// product multiplies sizes; too large is the largest.
func product(a, b int) int {
	v, err := multiply(a, b)
	if err != nil {
		return math.MaxInt
	}
	return v.(int)
}
