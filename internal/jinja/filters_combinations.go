package jinja

import (
	"fmt"
	"strings"
)

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
