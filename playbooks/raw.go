package playbooks

import (
	"fmt"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// NewValue compiles the templates in a value that was not written in a
// playbook, such as a variable of the inventory; at is where it comes from.
func NewValue(raw any, at source.Pos) (*Value, error) {
	v := &Value{Pos: at, raw: raw}
	switch x := raw.(type) {
	case string:
		if !jinja.IsTemplate(x) {
			return v, nil
		}
		t, err := jinja.Compile(x, at)
		if err != nil {
			return nil, err
		}
		v.template, v.dynamic = t, true
	case []any:
		v.items = make([]*Value, len(x))
		for i, it := range x {
			e, err := NewValue(it, at)
			if err != nil {
				return nil, err
			}
			v.items[i] = e
			v.dynamic = v.dynamic || e.dynamic
		}
	case *value.Dict:
		for k, it := range x.All() {
			e, err := NewValue(it, at)
			if err != nil {
				return nil, err
			}
			v.keys = append(v.keys, keyed{pos: at, name: k, val: e})
			v.dynamic = v.dynamic || e.dynamic
		}
	}
	return v, nil
}

// Literal is a value that is finished: text in it is no template, whatever it
// looks like.
func Literal(raw any, at source.Pos) *Value { return &Value{Pos: at, raw: raw} }

// SplitKV reads a line of K=V words, as after -e and in `module: a=b`, into a
// dict of strings.
func SplitKV(text string) (*value.Dict, error) {
	list, err := tokens(text)
	if err != nil {
		return nil, err
	}
	d := value.NewDict()
	for _, t := range list {
		key, val, _, ok := assignment(t)
		if !ok {
			return nil, fmt.Errorf("%q is not NAME=VALUE", t.text)
		}
		d.Set(key, val)
	}
	return d, nil
}
