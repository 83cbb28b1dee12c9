package jinja

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const versionSig = "version! operator strict version_type"

// testVersion is `is version('1.2', '>=')`.
func testVersion(c *call) (any, error) {
	ops := map[string]string{
		"==": "==", "=": "==", "eq": "==", "<": "<", "lt": "<", "<=": "<=", "le": "<=",
		">": ">", "gt": ">", ">=": ">=", "ge": ">=", "!=": "!=", "<>": "!=", "ne": "!=",
	}
	word := c.word(1, "eq")
	op := ops[word]
	if op == "" && c.err == nil {
		return nil, &hinted{fmt.Sprintf("%s is no comparison of versions", brief(word)), "there are: == != < <= > >= and eq ne lt le gt ge"}
	}
	kind := "loose"
	if c.given(2) && c.bool(2, false) {
		kind = "strict"
	}
	if c.given(3) {
		kind = c.word(3, "loose")
	}
	a, b := c.input(), c.text(0, "")
	if c.err != nil {
		return nil, nil
	}
	if a == "" || b == "" {
		return nil, fmt.Errorf("a version can't be empty")
	}
	var order ordering
	var err error
	switch kind {
	case "loose":
		order, err = compareLoose(c.st, a, b)
	case "strict":
		order, err = compareStrict(a, b)
	case "semver", "semantic":
		order, err = compareSemver(a, b)
	case "pep440":
		order, err = comparePEP440(a, b)
	default:
		return nil, &hinted{fmt.Sprintf("there is no version_type %s", brief(kind)), "there are: loose, strict, semver, pep440"}
	}
	if err != nil {
		return nil, err
	}
	switch op {
	case "==":
		return order == same, nil
	case "!=":
		return order != same, nil
	case "<":
		return order == less, nil
	case "<=":
		return order != greater, nil
	case ">":
		return order == greater, nil
	}
	return order != less, nil
}

// compareLoose compares the numbers and words that versions are made of, as
// Python's LooseVersion does.
func compareLoose(st *state, a, b string) (ordering, error) {
	x, y := loose(a), loose(b)
	for i := range min(len(x), len(y)) {
		if x[i] == y[i] {
			continue
		}
		c, ok, err := st.order(x[i], y[i], 0)
		if err != nil {
			return neither, err
		}
		if !ok {
			return neither, &hinted{
				fmt.Sprintf("the versions %s and %s can't be compared: %s against %s", brief(a), brief(b), brief(x[i]), brief(y[i])),
				"compare by version_type='semver'",
			}
		}
		return c, nil
	}
	return orderInts(len(x), len(y)), nil
}

func orderInts(a, b int) ordering {
	switch {
	case a < b:
		return less
	case a > b:
		return greater
	}
	return same
}

// loose splits a version: digits are a number, lower-case letters a word,
// anything else but dots a word too.
func loose(s string) []any {
	var out []any
	class := func(c byte) int {
		switch {
		case c >= '0' && c <= '9':
			return 1
		case c >= 'a' && c <= 'z':
			return 2
		case c == '.':
			return 3
		}
		return 0
	}
	for i := 0; i < len(s); {
		k := class(s[i])
		j := i + 1
		for j < len(s) && class(s[j]) == k && k != 3 {
			j++
		}
		part := s[i:j]
		i = j
		switch k {
		case 3:
		case 1:
			if n, err := strconv.Atoi(part); err == nil {
				out = append(out, n)
			} else {
				out = append(out, part)
			}
		default:
			out = append(out, part)
		}
	}
	return out
}

var strictVersion = regexp.MustCompile(`^(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?$`)

func compareStrict(a, b string) (ordering, error) {
	var parts [2][]int
	for i, s := range []string{a, b} {
		m := strictVersion.FindStringSubmatch(s)
		if m == nil {
			return neither, fmt.Errorf("%s is no strict version, such as 1.2 or 1.2.3b1", brief(s))
		}
		stage := map[string]int{"a": 0, "b": 1, "": 2}[m[4]]
		nums := []int{}
		for _, d := range []string{m[1], m[2], m[3]} {
			n, _ := strconv.Atoi(d)
			nums = append(nums, n)
		}
		n, _ := strconv.Atoi(m[5])
		parts[i] = append(nums, stage, n)
	}
	return orderLists(parts[0], parts[1]), nil
}

func orderLists(a, b []int) ordering {
	for i := range min(len(a), len(b)) {
		if o := orderInts(a[i], b[i]); o != same {
			return o
		}
	}
	return orderInts(len(a), len(b))
}

// https://semver.org/#is-there-a-suggested-regular-expression-regex-to-check-a-semver-string
var semVersion = regexp.MustCompile(`^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$`)

func compareSemver(a, b string) (ordering, error) {
	var core [2][]int
	var pre [2]string
	for i, s := range []string{a, b} {
		m := semVersion.FindStringSubmatch(s)
		if m == nil {
			return neither, fmt.Errorf("%s is no semantic version, such as 1.2.3 or 1.2.3-rc.1", brief(s))
		}
		for _, d := range m[1:4] {
			n, err := strconv.Atoi(d)
			if err != nil {
				return neither, errOverflow
			}
			core[i] = append(core[i], n)
		}
		pre[i] = m[4]
	}
	if o := orderLists(core[0], core[1]); o != same {
		return o, nil
	}
	switch {
	case pre[0] == pre[1]:
		return same, nil
	case pre[0] == "":
		return greater, nil
	case pre[1] == "":
		return less, nil
	}
	return orderIdentifiers(strings.Split(pre[0], "."), strings.Split(pre[1], "."), less), nil
}

// orderIdentifiers compares numbers as such and words as text; number says
// how a number compares with a word.
func orderIdentifiers(x, y []string, number ordering) ordering {
	for i := range min(len(x), len(y)) {
		n, errX := strconv.Atoi(x[i])
		m, errY := strconv.Atoi(y[i])
		o := ordering(strings.Compare(x[i], y[i]) + 1)
		switch {
		case errX == nil && errY == nil:
			o = orderInts(n, m)
		case errX == nil:
			o = number
		case errY == nil:
			o = less + greater - number
		}
		if o != same {
			return o
		}
	}
	return orderInts(len(x), len(y))
}

// https://peps.python.org/pep-0440/
var pepVersion = regexp.MustCompile(`(?i)^\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*$`)

func comparePEP440(a, b string) (ordering, error) {
	var keys [2][]int
	var local [2]string
	for i, s := range []string{a, b} {
		m := pepVersion.FindStringSubmatch(s)
		if m == nil {
			return neither, fmt.Errorf("%s is no version by PEP 440, such as 1.2.3 or 1.2rc1", brief(s))
		}
		num := func(s string) int { n, _ := strconv.Atoi(s); return n }
		release := make([]int, 0, 8)
		for _, d := range strings.Split(m[2], ".") {
			release = append(release, num(d))
		}
		for len(release) < 8 {
			release = append(release, 0)
		}
		stage := map[string]int{"a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3, "": 4}[strings.ToLower(m[3])]
		post, dev := -1, 1<<30
		if m[5] != "" {
			post = num(m[5])
		} else if m[6] != "" {
			post = num(m[7])
		}
		if m[8] != "" {
			dev = num(m[9])
			if m[3] == "" && post < 0 {
				stage = 0 // 1.0.dev1 comes before 1.0a1
			}
		}
		keys[i] = append(append([]int{num(m[1])}, release...), stage, num(m[4]), post, dev)
		local[i] = strings.ToLower(m[10])
	}
	if o := orderLists(keys[0], keys[1]); o != same || local[0] == local[1] {
		return o, nil
	}
	if local[0] == "" || local[1] == "" {
		return orderInts(len(local[0]), len(local[1])), nil
	}
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("-_.", r) })
	}
	return orderIdentifiers(split(local[0]), split(local[1]), greater), nil
}
