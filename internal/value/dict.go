// Package value holds what variables, templates and task arguments are made
// of. A value is one of
//
//	nil, bool, int, float64, string, []any, *Dict
//
// and nothing else (internal/jinja has a few more of its own while it
// evaluates). Values are never changed once they are shared: whoever wants
// another one makes a copy.
package value

import "iter"

// A Dict is a mapping that keeps the order in which its keys came. Keys are
// nil, bool, int, float64 or string. The zero Dict is empty and ready to use;
// a nil *Dict reads as empty.
type Dict struct {
	keys  []any
	items map[any]any
}

// NewDict makes a Dict of alternating keys and values.
func NewDict(pairs ...any) *Dict {
	d := &Dict{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Set(pairs[i], pairs[i+1])
	}
	return d
}

// Set adds or replaces an entry; a replaced one keeps its place.
func (d *Dict) Set(key, v any) {
	if d.items == nil {
		d.items = map[any]any{}
	}
	if _, ok := d.items[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.items[key] = v
}

// Get returns the entry of a key.
func (d *Dict) Get(key any) (any, bool) {
	if d == nil {
		return nil, false
	}
	v, ok := d.items[key]
	return v, ok
}

// Delete removes an entry.
func (d *Dict) Delete(key any) {
	if d == nil {
		return
	}
	if _, ok := d.items[key]; !ok {
		return
	}
	delete(d.items, key)
	for i, k := range d.keys {
		if k == key {
			d.keys = append(d.keys[:i:i], d.keys[i+1:]...)
			return
		}
	}
}

// Len is the number of entries.
func (d *Dict) Len() int {
	if d == nil {
		return 0
	}
	return len(d.keys)
}

// Keys returns the keys in order.
func (d *Dict) Keys() []any {
	if d == nil {
		return nil
	}
	return append([]any(nil), d.keys...)
}

// All ranges over the entries in order.
func (d *Dict) All() iter.Seq2[any, any] {
	return func(yield func(any, any) bool) {
		if d == nil {
			return
		}
		for _, k := range d.keys {
			if !yield(k, d.items[k]) {
				return
			}
		}
	}
}

// Clone is a copy one level deep.
func (d *Dict) Clone() *Dict {
	c := &Dict{}
	for k, v := range d.All() {
		c.Set(k, v)
	}
	return c
}
