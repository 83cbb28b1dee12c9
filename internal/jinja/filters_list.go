package jinja

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// listFilters work on lists.
func listFilters() map[string]function {
	return map[string]function{
		"first":   {fn: func(c *call) (any, error) { return c.end(true) }},
		"last":    {fn: func(c *call) (any, error) { return c.end(false) }},
		"join":    {sig: "d attribute", fn: filterJoin},
		"reverse": {fn: filterReverse},
		"sort":    {sig: "reverse case_sensitive attribute", fn: filterSort},
		"min":     {sig: "case_sensitive attribute", fn: func(c *call) (any, error) { return c.extreme(less) }},
		"max":     {sig: "case_sensitive attribute", fn: func(c *call) (any, error) { return c.extreme(greater) }},
		"sum":     {sig: "attribute start", fn: filterSum},
		"batch":   {sig: "linecount! fill_with", fn: filterBatch},
		"slice":   {sig: "slices! fill_with", fn: filterSlice},
		"flatten": {sig: "levels skip_nulls", fn: filterFlatten},
		"groupby": {sig: "attribute! default case_sensitive", fn: filterGroupby},
		"zip": {sig: "*", fn: func(c *call) (any, error) {
			return c.zip(append([]any{c.in}, c.rest...), nil, false)
		}},
		"zip_longest": {sig: "* fillvalue", fn: func(c *call) (any, error) {
			return c.zip(append([]any{c.in}, c.rest...), c.arg(0, nil), true)
		}},
		"product":      {sig: "* repeat", fn: filterProduct},
		"permutations": {sig: "length", fn: func(c *call) (any, error) { return c.choose(true) }},
		"combinations": {sig: "length!", fn: func(c *call) (any, error) { return c.choose(false) }},
		"subelements":  {sig: "subelements! skip_missing", fn: filterSubelements},
	}
}

func (c *call) end(first bool) (any, error) {
	l := c.list()
	if len(l) == 0 {
		c.st.built = true
		return &undefined{name: c.fn.name, at: c.at, msg: "the list has no " + c.fn.name + " item: it is empty"}, nil
	}
	if first {
		return l[0], nil
	}
	return l[len(l)-1], nil
}

// A path is an attribute given by name to a filter: "a.b.0".
type path []any

func (st *state) path(attribute any) path {
	switch a := attribute.(type) {
	case nil:
		return nil
	case string:
		parts := strings.Split(a, ".")
		p := make(path, len(parts))
		for i, s := range parts {
			p[i] = s
			if n, err := strconv.Atoi(s); err == nil && n >= 0 {
				p[i] = n
			}
		}
		return p
	}
	return path{attribute}
}

// get follows a path into v; def stands for what is missing, if it is given.
func (st *state) get(v any, p path, at place, def any) (any, error) {
	for _, key := range p {
		var err error
		if v, err = st.pathItem(v, key, at); err != nil {
			return nil, err
		}
		if _, missing := v.(*undefined); missing && def != nil {
			v = def
		}
	}
	return v, nil
}

// pathItem is v[key], where a key that is a number in a path may be text.
func (st *state) pathItem(v, key any, at place) (any, error) {
	if n, ok := key.(int); ok {
		if d, ok := v.(*value.Dict); ok {
			if e, ok := dictGet(d, n); ok {
				return e, nil
			}
			key = strconv.Itoa(n)
		}
	}
	return st.item(v, key, at, nil)
}

func filterJoin(c *call) (any, error) {
	l := c.list()
	sep := c.text(0, "")
	if c.given(1) {
		p := c.st.path(c.args[1])
		mapped := c.newList(len(l))
		for _, e := range l {
			v, err := c.st.get(e, p, c.at, nil)
			if err != nil {
				return nil, err
			}
			mapped = append(mapped, v)
		}
		l = mapped
	}
	if c.err != nil {
		return nil, nil
	}
	parts := make([]string, len(l))
	for i, e := range l {
		var err error
		if parts[i], err = c.st.str(e); err != nil {
			return nil, err
		}
	}
	return c.join(parts, sep)
}

func filterReverse(c *call) (any, error) {
	if s, ok := c.in.(string); ok {
		r := []rune(s)
		for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
			r[i], r[j] = r[j], r[i]
		}
		return c.str(string(r))
	}
	l := c.list()
	out := c.newList(len(l))
	if c.err != nil {
		return nil, nil
	}
	for i := len(l) - 1; i >= 0; i-- {
		out = append(out, l[i])
	}
	return out, nil
}

// foldCase lets text compare without regard to case.
func foldCase(v any) any {
	if s, ok := v.(string); ok {
		return strings.ToLower(s)
	}
	return v
}

// sorted sorts items by keys, stably.
func (st *state) sorted(items, keys []any, reverse bool) ([]any, error) {
	if err := st.charge(4 * slot * len(items)); err != nil {
		return nil, err
	}
	idx := make([]int, len(items))
	for i := range idx {
		idx[i] = i
	}
	var failed error
	sort.SliceStable(idx, func(i, j int) bool {
		if failed != nil {
			return false
		}
		a, b := keys[idx[i]], keys[idx[j]]
		if reverse {
			a, b = b, a
		}
		ok, err := st.compare("<", a, b)
		if err == nil {
			err = st.step()
		}
		failed = err
		return ok
	})
	if failed != nil {
		return nil, failed
	}
	out := make([]any, len(items))
	for i, k := range idx {
		out[i] = items[k]
	}
	st.built = true
	return out, nil
}

// sortKeys are what items are compared by.
func (st *state) sortKeys(items []any, paths []path, caseSensitive bool, at place) ([]any, error) {
	keys, err := st.list(len(items))
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		var key []any
		for _, p := range paths {
			v, err := st.get(item, p, at, nil)
			if err != nil {
				return nil, err
			}
			if v, err = use(v); err != nil {
				return nil, err
			}
			if !caseSensitive {
				v = foldCase(v)
			}
			key = append(key, v)
		}
		if len(key) == 1 {
			keys = append(keys, key[0])
		} else {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func filterSort(c *call) (any, error) {
	paths := []path{nil}
	if c.given(2) {
		paths = nil
		if s, ok := c.args[2].(string); ok {
			for _, a := range strings.Split(s, ",") {
				paths = append(paths, c.st.path(strings.TrimSpace(a)))
			}
		} else {
			paths = append(paths, c.st.path(c.args[2]))
		}
	}
	l := c.list()
	reverse, sensitive := c.bool(0, false), c.bool(1, false)
	if c.err != nil {
		return nil, nil
	}
	keys, err := c.st.sortKeys(l, paths, sensitive, c.at)
	if err != nil {
		return nil, err
	}
	return c.st.sorted(l, keys, reverse)
}

func (c *call) extreme(want ordering) (any, error) {
	l := c.list()
	sensitive := c.bool(0, false)
	if c.err != nil {
		return nil, nil
	}
	if len(l) == 0 {
		c.st.built = true
		return &undefined{name: c.fn.name, at: c.at, msg: "an empty list has no " + c.fn.name}, nil
	}
	keys, err := c.st.sortKeys(l, []path{c.st.path(c.arg(1, nil))}, sensitive, c.at)
	if err != nil {
		return nil, err
	}
	best := 0
	op := "<"
	if want == greater {
		op = ">"
	}
	for i := range keys {
		if i == 0 {
			continue
		}
		better, err := c.st.compare(op, keys[i], keys[best])
		if err != nil {
			return nil, err
		}
		if better {
			best = i
		}
	}
	return l[best], nil
}

func filterSum(c *call) (any, error) {
	p := c.st.path(c.arg(0, nil))
	total := c.arg(1, 0)
	for _, e := range c.list() {
		v, err := c.st.get(e, p, c.at, nil)
		if err != nil {
			return nil, err
		}
		if _, text := v.(string); text {
			return nil, &hinted{fmt.Sprintf("sum adds numbers, and %s is text", brief(v)), "turn the items into numbers: | map('int') | sum"}
		}
		if total, err = c.st.binary("+", total, v); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func filterBatch(c *call) (any, error) {
	n := c.int(0, 1)
	l := c.list()
	if c.err != nil {
		return nil, nil
	}
	if n < 1 {
		return nil, fmt.Errorf("batch needs a number of at least 1, not %d", n)
	}
	out := c.newList(len(l)/n + 1)
	for i := 0; i < len(l); i += n {
		part := c.newList(n)
		if c.err != nil {
			return nil, nil
		}
		part = append(part, l[i:min(i+n, len(l))]...)
		for c.given(1) && len(part) < n {
			part = append(part, c.args[1])
		}
		out = append(out, part)
		if n >= len(l) {
			break
		}
	}
	return out, nil
}

func filterSlice(c *call) (any, error) {
	n := c.int(0, 1)
	l := c.list()
	if c.err != nil {
		return nil, nil
	}
	if n < 1 {
		return nil, fmt.Errorf("slice needs a number of at least 1, not %d", n)
	}
	out := c.newList(n)
	if c.err != nil {
		return nil, nil
	}
	each, extra := len(l)/n, len(l)%n
	from := 0
	for i := range n {
		to := from + each
		if i < extra {
			to++
		}
		part := c.newList(to - from + 1)
		if c.err != nil {
			return nil, nil
		}
		part = append(part, l[from:to]...)
		if c.given(1) && i >= extra {
			part = append(part, c.args[1])
		}
		out = append(out, part)
		from = to
	}
	return out, nil
}

func filterFlatten(c *call) (any, error) {
	levels := -1
	if c.given(0) {
		levels = c.int(0, -1)
	}
	out := c.newList(0)
	skip := c.bool(1, true)
	l := c.list()
	if c.err != nil {
		return nil, nil
	}
	err := c.flatten(&out, l, levels, skip, 0)
	return out, err
}

func (c *call) flatten(out *[]any, l []any, levels int, skip bool, depth int) error {
	if depth > maxNesting {
		return &limitError{fmt.Sprintf("a list nested more than %d deep", maxNesting)}
	}
	for _, e := range l {
		if err := c.st.step(); err != nil {
			return err
		}
		if skip && (e == nil || e == "None" || e == "null") {
			continue
		}
		inner, ok := sequence(e)
		if ok && levels != 0 {
			if err := c.flatten(out, inner, levels-1, skip, depth+1); err != nil {
				return err
			}
			continue
		}
		if err := c.st.charge(slot); err != nil {
			return err
		}
		*out = append(*out, e)
	}
	return nil
}

func filterGroupby(c *call) (any, error) {
	p := c.st.path(c.args[0])
	def := c.arg(1, nil)
	sensitive := c.bool(2, false)
	l := c.list()
	if c.err != nil {
		return nil, nil
	}
	keys := c.newList(len(l))
	real := map[int]any{}
	for i, e := range l {
		v, err := c.st.get(e, p, c.at, def)
		if err != nil {
			return nil, err
		}
		if v, err = use(v); err != nil {
			return nil, err
		}
		real[i] = v
		if !sensitive {
			v = foldCase(v)
		}
		keys = append(keys, v)
	}
	order := c.newList(len(l))
	for i := range l {
		order = append(order, i)
	}
	order, err := c.st.sorted(order, keys, false)
	if err != nil {
		return nil, err
	}
	out := c.newList(len(l))
	if c.err != nil {
		return nil, nil
	}
	var current []any
	for n, o := range order {
		i := o.(int)
		current = append(current, l[i])
		last := n == len(order)-1
		if !last {
			eq, err := c.st.equal(keys[i], keys[order[n+1].(int)])
			if err != nil {
				return nil, err
			}
			last = !eq
		}
		if last {
			first := order[n-len(current)+1].(int)
			out = append(out, tuple{real[first], current})
			current = nil
		}
	}
	return out, nil
}

func (c *call) zip(lists []any, fill any, longest bool) (any, error) {
	columns := make([][]any, len(lists))
	n := 0
	for i, l := range lists {
		items, err := c.st.iterate(l)
		if err != nil {
			return nil, err
		}
		columns[i] = items
		if i == 0 || longest && len(items) > n || !longest && len(items) < n {
			n = len(items)
		}
	}
	out := c.newList(product(n, len(lists)+2))
	if c.err != nil {
		return nil, nil
	}
	for row := range n {
		t := make(tuple, len(columns))
		for i, items := range columns {
			if row < len(items) {
				t[i] = items[row]
			} else {
				t[i] = fill
			}
		}
		out = append(out, t)
	}
	return out, nil
}

func filterProduct(c *call) (any, error) {
	repeat := c.int(0, 1)
	if repeat < 0 {
		return nil, fmt.Errorf("product can't repeat %d times", repeat)
	}
	var columns [][]any
	total := 1
	lists := append([]any{c.in}, c.rest...)
	if repeat > 64 {
		return nil, &limitError{"product of more than 64 lists"}
	}
	for range repeat {
		for _, l := range lists {
			items, err := c.st.iterate(l)
			if err != nil {
				return nil, err
			}
			columns = append(columns, items)
			total = product(total, len(items))
		}
	}
	out := c.newList(product(total, len(columns)+2))
	if c.err != nil {
		return nil, nil
	}
	idx := make([]int, len(columns))
	for range total {
		if err := c.st.step(); err != nil {
			return nil, err
		}
		t := make(tuple, len(columns))
		for i, items := range columns {
			t[i] = items[idx[i]]
		}
		out = append(out, t)
		for i := len(idx) - 1; i >= 0; i-- {
			if idx[i]++; idx[i] < len(columns[i]) {
				break
			}
			idx[i] = 0
		}
	}
	return out, nil
}

// choose gives the permutations or combinations of r items.
func (c *call) choose(ordered bool) (any, error) {
	l := c.list()
	r := len(l)
	if c.given(0) {
		r = c.int(0, r)
	}
	if r < 0 {
		c.fail(fmt.Errorf("%s needs a length that is not negative", c.fn.name))
	}
	out := c.newList(0)
	if c.err != nil {
		return nil, nil
	}
	if r > len(l) {
		return out, nil
	}
	if r > maxNesting {
		return nil, &limitError{fmt.Sprintf("%s of more than %d items", c.fn.name, maxNesting)}
	}
	used := make([]bool, len(l))
	pick := make(tuple, 0, r)
	var walk func(from int) error
	walk = func(from int) error {
		if err := c.st.step(); err != nil {
			return err
		}
		if len(pick) == r {
			if err := c.st.charge((r + 3) * slot); err != nil {
				return err
			}
			out = append(out, append(tuple(nil), pick...))
			return nil
		}
		if ordered {
			from = 0
		}
		for i := from; i < len(l); i++ {
			if used[i] {
				continue
			}
			used[i] = true
			pick = append(pick, l[i])
			err := walk(i + 1)
			pick = pick[:len(pick)-1]
			used[i] = false
			if err != nil {
				return err
			}
		}
		return nil
	}
	err := walk(0)
	return out, err
}

func filterSubelements(c *call) (any, error) {
	var items []any
	if d, ok, err := c.st.mapping(c.in); err != nil {
		return nil, err
	} else if ok {
		for _, v := range d.All() {
			items = append(items, v)
		}
	} else if items, ok = sequence(c.in); !ok {
		return nil, c.wants("a list of dictionaries or a dictionary of them")
	}
	var keys []any
	if l, ok := sequence(c.args[0]); ok {
		keys = l
	} else {
		for _, k := range strings.Split(c.word(0, ""), ".") {
			keys = append(keys, k)
		}
	}
	skip := c.bool(1, false)
	if c.err != nil {
		return nil, nil
	}
	return c.st.subelements(items, keys, skip)
}

// subelements pairs each item with each of the items that it has under a key.
func (st *state) subelements(items, keys []any, skipMissing bool) ([]any, error) {
	out, err := st.list(len(items))
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		var v any = item
		for _, k := range keys {
			d, ok, err := st.mapping(v)
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, fmt.Errorf("subelements looks for the key %s in %s %s", brief(k), article(v), brief(v))
			}
			if v, ok = d.Get(k); !ok {
				if !skipMissing {
					return nil, &hinted{
						fmt.Sprintf("an item with the keys %s has no key %s", strings.Join(stringKeys(d.Keys()), ", "), brief(k)),
						"allow it with skip_missing=true",
					}
				}
				v = []any{}
				break
			}
		}
		inner, ok := sequence(v)
		if !ok {
			return nil, fmt.Errorf("subelements needs a list under %s, not %s %s", brief(keys), article(v), brief(v))
		}
		for _, e := range inner {
			if err := st.charge(4 * slot); err != nil {
				return nil, err
			}
			out = append(out, tuple{item, e})
		}
	}
	return out, nil
}
