package jinja

import (
	"fmt"
)

// slice is v[from:to:step].
func (st *state) slice(v any, bounds [3]any) (any, error) {
	if u, ok := v.(*undefined); ok {
		return u, nil
	}
	var nums [3]*int
	for i, b := range bounds {
		b, err := use(b)
		if err != nil {
			return nil, err
		}
		if b == nil {
			continue
		}
		n, ok := wholeNumber(b)
		if !ok {
			return nil, fmt.Errorf("the bounds of a slice are whole numbers, not %s %s", article(b), brief(b))
		}
		nums[i] = &n
	}
	if nums[2] != nil && *nums[2] == 0 {
		return nil, fmt.Errorf("the step of a slice can't be 0")
	}
	switch v := v.(type) {
	case []any:
		return st.sliceList(v, nums)
	case tuple:
		l, err := st.sliceList(v, nums)
		return tuple(l), err
	case string:
		runes := []rune(v)
		idx, err := st.sliceIndexes(len(runes), nums)
		if err != nil {
			return nil, err
		}
		out := make([]rune, len(idx))
		for i, j := range idx {
			out[i] = runes[j]
		}
		return string(out), nil
	}
	return nil, fmt.Errorf("%s %s can't be sliced", article(v), brief(v))
}

func (st *state) sliceList(v []any, nums [3]*int) ([]any, error) {
	idx, err := st.sliceIndexes(len(v), nums)
	if err != nil {
		return nil, err
	}
	out, err := st.list(len(idx))
	if err != nil {
		return nil, err
	}
	for _, i := range idx {
		out = append(out, v[i])
	}
	return out, nil
}

// sliceIndexes are the items that Python's slice takes of n.
func (st *state) sliceIndexes(n int, nums [3]*int) ([]int, error) {
	step, from, to := 1, 0, n
	if nums[2] != nil {
		step = *nums[2]
	}
	low, high := 0, n
	if step < 0 {
		low, high = -1, n-1
		from, to = high, low
	}
	clip := func(p *int, def int) int {
		if p == nil {
			return def
		}
		i := *p
		if i < 0 {
			i += n
		}
		return max(low, min(high, i))
	}
	from, to = clip(nums[0], from), clip(nums[1], to)
	if err := st.charge(8 * n); err != nil {
		return nil, err
	}
	var idx []int
	if step > 0 {
		for i := from; i < to; {
			idx = append(idx, i)
			if step >= to-i {
				break
			}
			i += step
		}
	} else {
		for i := from; i > to; {
			idx = append(idx, i)
			if step <= to-i {
				break
			}
			i += step
		}
	}
	return idx, nil
}
