package playbooks

import (
	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

const (
	maxDepth = 200       // of nested lists and dicts in a value
	maxSize  = 1_000_000 // values in a value, aliases counted as often as they are used
)

// value compiles a node; null gives nil, as a keyword without a value is one
// that was not given.
func (s *scope) value(n *yaml.Node) *Value {
	if isNull(n) {
		return nil
	}
	return s.anyValue(n)
}

// anyValue compiles a node, null too.
func (s *scope) anyValue(n *yaml.Node) *Value {
	c := compiler{scope: s, open: map[*yaml.Node]bool{}}
	v := c.compile(n, 0)
	if v.size > maxSize {
		s.errorf(v.Pos, "the aliases expand to more than %d values", maxSize)
		return &Value{Pos: v.Pos}
	}
	return v
}

type compiler struct {
	*scope
	open map[*yaml.Node]bool // anchors that are being read
}

func (c *compiler) compile(n *yaml.Node, depth int) *Value {
	if n = resolve(n); n == nil || n.Kind == 0 {
		return &Value{size: 1}
	}
	at := c.doc.pos(n)
	if v := c.l.known(n); v != nil {
		return v
	}
	if depth > maxDepth {
		c.errorf(at, "nested more than %d levels deep", maxDepth)
		return &Value{Pos: at, size: 1}
	}
	if c.open[n] {
		c.errorf(at, "the anchor &%s contains itself", n.Anchor)
		return &Value{Pos: at, size: 1}
	}
	c.open[n] = true
	before := len(c.errs)
	v := c.content(n, depth)
	delete(c.open, n)
	v.Pos, v.node = at, n
	if len(c.errs) == before {
		c.l.remember(n, v)
	}
	return v
}

func (c *compiler) content(n *yaml.Node, depth int) *Value {
	switch n.Kind {
	case yaml.SequenceNode:
		v := &Value{items: make([]*Value, len(n.Content)), size: 1}
		raw := make([]any, len(n.Content))
		for i, item := range n.Content {
			e := c.compile(item, depth+1)
			v.items[i], raw[i] = e, e.raw
			v.dynamic = v.dynamic || e.dynamic
			v.size = min(v.size+e.size, maxSize+1)
		}
		v.raw = raw
		return v
	case yaml.MappingNode:
		return c.dict(n, depth)
	}
	return c.scalar(n)
}

func (c *compiler) dict(n *yaml.Node, depth int) *Value {
	raw := value.NewDict()
	v := &Value{raw: raw, size: 1}
	list, ok := c.entries(n, "this")
	if !ok {
		return v
	}
	for _, e := range list {
		k := keyed{pos: e.at, name: e.key, val: c.compile(e.node, depth+1)}
		if keyNode := c.keyNode(n, e); keyNode != nil {
			key := c.scalar(keyNode)
			k.name = key.raw
			if key.dynamic {
				k.key = key
			}
		}
		v.keys = append(v.keys, k)
		raw.Set(k.name, k.val.raw)
		v.dynamic = v.dynamic || k.val.dynamic || k.key != nil
		v.size = min(v.size+k.val.size+1, maxSize+1)
	}
	return v
}

// keyNode finds the node of an own key, whose type may be other than text.
func (c *compiler) keyNode(n *yaml.Node, e entry) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := resolve(n.Content[i]); n.Content[i+1] == e.node && k.Value == e.key {
			return k
		}
	}
	return nil
}

func (c *compiler) scalar(n *yaml.Node) *Value {
	at := c.doc.pos(n)
	v := &Value{Pos: at, size: 1}
	switch n.ShortTag() {
	case "!unsafe":
		v.raw = n.Value
		return v
	case "!vault", "!vault-encrypted":
		plain, err := c.l.decrypt([]byte(n.Value), at)
		if err != nil {
			c.add(at, err)
		}
		v.raw = string(plain)
		return v
	}
	raw, err := value.FromYAML(n, value.YAMLOptions{File: c.doc.name})
	if err != nil {
		c.add(at, err)
		return v
	}
	v.raw = raw
	if text, ok := raw.(string); ok && jinja.IsTemplate(text) {
		v.template, err = jinja.CompileIn(text, locator(c.doc, n, text))
		if err != nil {
			c.add(at, err)
			return v
		}
		v.dynamic = true
	}
	return v
}

// locator finds where in the file a byte of a scalar's text stands.
func locator(d *document, n *yaml.Node, text string) func(off int) source.Pos {
	return func(off int) source.Pos { return textPos(d, n, text, off) }
}

func (l *Loader) known(n *yaml.Node) *Value {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.values[n]
}

func (l *Loader) remember(n *yaml.Node, v *Value) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values[n] = v
}
