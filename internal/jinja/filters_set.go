package jinja

// setFilters treat lists as sets, keeping their order.
func setFilters() map[string]function {
	return map[string]function{
		"unique": {sig: "case_sensitive attribute", fn: filterUnique},
		"union": {sig: "b!", fn: func(c *call) (any, error) {
			both, err := c.st.join(c.list(), c.items(0))
			if err != nil || c.err != nil {
				return nil, err
			}
			return c.distinct(both, nil)
		}},
		"intersect":  {sig: "b!", fn: func(c *call) (any, error) { return c.common(true) }},
		"difference": {sig: "b!", fn: func(c *call) (any, error) { return c.common(false) }},
		"symmetric_difference": {sig: "b!", fn: func(c *call) (any, error) {
			a, b := c.list(), c.items(0)
			if c.err != nil {
				return nil, nil
			}
			inA, inB := newSet(c.st), newSet(c.st)
			if err := inA.addAll(a); err != nil {
				return nil, err
			}
			if err := inB.addAll(b); err != nil {
				return nil, err
			}
			out := c.newList(len(a) + len(b))
			for i, list := range [2][]any{a, b} {
				other := inB
				if i == 1 {
					other = inA
				}
				for _, e := range list {
					has, err := other.has(e)
					if err != nil {
						return nil, err
					}
					if !has {
						out = append(out, e)
					}
				}
			}
			return c.distinct(out, nil)
		}},
	}
}

// A set answers whether a value was added, fast for text and numbers.
type set struct {
	st      *state
	scalars map[any]bool
	others  []any
}

func newSet(st *state) *set { return &set{st: st, scalars: map[any]bool{}} }

// key makes equal numbers one map key, as 1, 1.0 and True are.
func (s *set) key(v any) (any, bool) {
	switch v := v.(type) {
	case nil, string, int:
		return v, true
	case bool:
		n, _ := wholeNumber(v)
		return n, true
	case float64:
		if n := int(v); float64(n) == v && v < 1<<53 && v > -1<<53 {
			return n, true
		}
		return v, v == v
	}
	return nil, false
}

func (s *set) has(v any) (bool, error) {
	v, err := use(v)
	if err != nil {
		return false, err
	}
	if k, ok := s.key(v); ok {
		return s.scalars[k], nil
	}
	for _, e := range s.others {
		if err := s.st.step(); err != nil {
			return false, err
		}
		if eq, err := s.st.equal(e, v); eq || err != nil {
			return eq, err
		}
	}
	return false, nil
}

func (s *set) add(v any) error {
	v, err := use(v)
	if err != nil {
		return err
	}
	if err := s.st.charge(2 * slot); err != nil {
		return err
	}
	if k, ok := s.key(v); ok {
		s.scalars[k] = true
	} else {
		s.others = append(s.others, v)
	}
	return nil
}

func (s *set) addAll(l []any) error {
	for _, v := range l {
		has, err := s.has(v)
		if err == nil && !has {
			err = s.add(v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// distinct keeps the first of equal items; keys, if not nil, are compared
// instead of them.
func (c *call) distinct(l, keys []any) (any, error) {
	seen := newSet(c.st)
	out := c.newList(len(l))
	if c.err != nil {
		return nil, nil
	}
	for i, e := range l {
		k := e
		if keys != nil {
			k = keys[i]
		}
		has, err := seen.has(k)
		if err == nil && !has {
			out = append(out, e)
			err = seen.add(k)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *call) common(want bool) (any, error) {
	a, b := c.list(), c.items(0)
	out := c.newList(len(a))
	if c.err != nil {
		return nil, nil
	}
	other := newSet(c.st)
	if err := other.addAll(b); err != nil {
		return nil, err
	}
	for _, e := range a {
		has, err := other.has(e)
		if err != nil {
			return nil, err
		}
		if has == want {
			out = append(out, e)
		}
	}
	return c.distinct(out, nil)
}

func filterUnique(c *call) (any, error) {
	l := c.list()
	sensitive := c.bool(0, false)
	if c.err != nil {
		return nil, nil
	}
	p := c.st.path(c.arg(1, nil))
	keys, err := c.st.sortKeys(l, []path{p}, sensitive, c.at)
	if err != nil {
		return nil, err
	}
	return c.distinct(l, keys)
}
