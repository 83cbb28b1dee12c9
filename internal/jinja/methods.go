package jinja

import (
	"fmt"

	"github.com/etcdplay/etcdplay/internal/value"
)

// refuse is a Python method that would change a variable.
func refuse(instead string) function {
	return function{sig: "* **", undef: true, fn: func(c *call) (any, error) {
		return nil, &hinted{
			fmt.Sprintf("a template can't change variables: %s is not supported", c.fn.name), instead,
		}
	}}
}

func dictMethodTable() map[string]*function {
	combine := refuse("make a new dictionary: {% set d = d | combine({'key': value}) %}, kept over loop turns in a namespace")
	without := refuse("make a new dictionary: d | dict2items | rejectattr('key', '==', 'x') | items2dict")
	return table(map[string]function{
		"get": {sig: "key! default", undef: true, fn: func(c *call) (any, error) {
			key, err := use(c.args[0])
			if err != nil {
				return nil, err
			}
			if key, err = hashable(key); err != nil {
				return nil, err
			}
			switch d := c.in.(type) {
			case *value.Dict:
				if v, ok := dictGet(d, key); ok {
					return v, nil
				}
			case Mapping:
				v, ok, err := d.Get(c.st.ctx, key)
				if err != nil || ok {
					return v, err
				}
			}
			return c.arg(1, nil), nil
		}},
		"keys":   {fn: func(c *call) (any, error) { return c.list(), nil }},
		"values": {fn: func(c *call) (any, error) { return c.pairs(func(_, v any) any { return v }) }},
		"items":  {fn: func(c *call) (any, error) { return c.pairs(func(k, v any) any { return tuple{k, v} }) }},
		"copy":   {fn: func(c *call) (any, error) { return c.in, nil }},
		"update": combine, "setdefault": combine,
		"pop": without, "popitem": without, "clear": without,
	})
}

// pairs makes a list of something from each entry of the dictionary.
func (c *call) pairs(of func(k, v any) any) (any, error) {
	d := c.dict()
	out := c.newList(4 * d.Len())
	if c.err != nil {
		return nil, nil
	}
	for k, v := range d.All() {
		out = append(out, of(k, v))
	}
	return out, nil
}

func listMethodTable() map[string]*function {
	add := refuse("make a new list: {% set l = l + [x] %}, kept over loop turns in a namespace: {% set ns.l = ns.l + [x] %}")
	remove := refuse("make a new list: l | reject('==', x), or l[:-1]")
	return table(map[string]function{
		"index": {sig: "value! start stop", fn: func(c *call) (any, error) {
			l := c.list()
			from, to := clamp(c.int(1, 0), len(l)), clamp(c.int(2, len(l)), len(l))
			for i := from; i < to; i++ {
				eq, err := c.st.compare("==", l[i], c.args[0])
				if err != nil {
					return nil, err
				}
				if eq {
					return i, nil
				}
			}
			return nil, fmt.Errorf("%s is not in the list", brief(c.args[0]))
		}},
		"count": {sig: "value!", fn: func(c *call) (any, error) {
			n := 0
			for _, e := range c.list() {
				eq, err := c.st.compare("==", e, c.args[0])
				if err != nil {
					return nil, err
				}
				if eq {
					n++
				}
			}
			return n, nil
		}},
		"copy":   {fn: func(c *call) (any, error) { return c.in, nil }},
		"append": add, "extend": add, "insert": add,
		"pop": remove, "remove": remove, "clear": remove,
		"sort":    refuse("use the filter: l | sort"),
		"reverse": refuse("use the filter: l | reverse"),
	})
}

// clamp turns a Python index into 0…n.
func clamp(i, n int) int {
	if i < 0 {
		i += n
	}
	return max(0, min(i, n))
}

func numberMethodTable() map[string]*function {
	return table(map[string]function{
		"is_integer": {fn: func(c *call) (any, error) {
			f, _ := number(c.in)
			return f == float64(int(f)), nil
		}},
		"bit_length": {fn: func(c *call) (any, error) {
			n, ok := wholeNumber(c.in)
			if !ok {
				return nil, c.wants("whole numbers")
			}
			bits := 0
			for m := magnitude(n); m > 0; m >>= 1 {
				bits++
			}
			return bits, nil
		}},
	})
}
