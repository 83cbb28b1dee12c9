package jinja

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/value"
)

// How collections are laid out.
type yamlFlow int

const (
	flowNever  yamlFlow = iota
	flowLeaves          // those that hold only scalars are put on one line
	flowAlways
)

type yamlStyle struct {
	indent   int
	width    int // a line is broken at the first blank behind this column
	flow     yamlFlow
	unsorted bool
	start    bool // begin with ---
	end      bool // end with ...
}

func (c *call) toYAML(style yamlStyle) (any, error) {
	v := c.written()
	style.indent = c.int(0, style.indent)
	style.width = c.int(1, 80)
	style.unsorted = !c.bool(2, true)
	if c.given(3) {
		style.flow = flowNever
		if c.bool(3, false) {
			style.flow = flowAlways
		}
	}
	style.start, style.end = c.bool(4, false), c.bool(5, false)
	if c.err != nil {
		return nil, nil
	}
	w := newYAMLWriter(style)
	w.document(v)
	return c.str(w.b.String())
}

// A yamlWriter lays out YAML as Python's libyaml does, which is what
// Ansible's to_yaml and to_nice_yaml print: configuration files rendered with
// it must not change when their renderer does.
type yamlWriter struct {
	yamlStyle
	b      strings.Builder
	column int
	level  int // of the current collection, -1 outside of all
	// blank: what was written last is white space. only: so far the line holds
	// only indentation and indicators.
	blank, only bool
	flowDepth   int
}

func newYAMLWriter(s yamlStyle) *yamlWriter {
	if s.indent < 2 || s.indent > 9 {
		s.indent = 2
	}
	if s.width <= 2*s.indent {
		s.width = 80
	}
	return &yamlWriter{yamlStyle: s, level: -1, blank: true, only: true}
}

func (w *yamlWriter) document(v any) {
	if w.start {
		w.indicator("---", true, false, false)
	}
	w.node(v, nodeRoot)
	if w.end {
		w.lineBreak()
		w.b.WriteString("...")
	}
	w.b.WriteByte('\n')
}

type yamlContext int

const (
	nodeRoot yamlContext = iota
	nodeItem             // of a sequence
	nodeKey              // of a mapping, in front of its colon
	nodeValue
)

func (w *yamlWriter) node(v any, ctx yamlContext) {
	switch v := v.(type) {
	case []any:
		if w.flowDepth > 0 || len(v) == 0 || w.inFlow(v) {
			w.flowSequence(v)
		} else {
			w.blockSequence(v, ctx)
		}
	case *value.Dict:
		if w.flowDepth > 0 || v.Len() == 0 || w.inFlow(v) {
			w.flowMapping(v)
		} else {
			w.blockMapping(v)
		}
	default:
		w.scalar(v, ctx)
	}
}

func (w *yamlWriter) inFlow(v any) bool {
	switch w.flow {
	case flowAlways:
		return true
	case flowLeaves:
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				if !scalar(e) {
					return false
				}
			}
		case *value.Dict:
			for _, e := range v.All() {
				if !scalar(e) {
					return false
				}
			}
		}
		return true
	}
	return false
}

// deeper goes one level in and returns how to come back.
func (w *yamlWriter) deeper(flow, indentless bool) func() {
	outer := w.level
	switch {
	case w.level < 0 && flow:
		w.level = w.indent
	case w.level < 0:
		w.level = 0
	case !indentless:
		w.level += w.indent
	}
	return func() { w.level = outer }
}

func (w *yamlWriter) blockSequence(l []any, ctx yamlContext) {
	// A list right below its key is not indented.
	defer w.deeper(false, ctx == nodeValue && !w.only)()
	for _, e := range l {
		w.newLine()
		w.indicator("-", true, false, true)
		w.node(e, nodeItem)
	}
}

func (w *yamlWriter) blockMapping(d *value.Dict) {
	defer w.deeper(false, false)()
	for _, k := range w.keys(d) {
		v, _ := d.Get(k)
		w.newLine()
		if simpleKey(k) {
			w.node(k, nodeKey)
			w.indicator(":", false, false, false)
		} else {
			w.indicator("?", true, false, true)
			w.node(k, nodeValue)
			w.newLine()
			w.indicator(":", true, false, true)
		}
		w.node(v, nodeValue)
	}
}

// simpleKey: a key that is longer needs a line and a question mark.
func simpleKey(k any) bool {
	s, ok := k.(string)
	return !ok || len(s) <= 128 && !strings.ContainsAny(s, "\n\u0085\u2028\u2029")
}

func (w *yamlWriter) flowSequence(l []any) {
	w.indicator("[", true, true, false)
	back := w.deeper(true, false)
	w.flowDepth++
	for i, e := range l {
		if i > 0 {
			w.indicator(",", false, false, false)
		}
		if w.column > w.width {
			w.newLine()
		}
		w.node(e, nodeItem)
	}
	w.flowDepth--
	back()
	w.indicator("]", false, false, false)
}

func (w *yamlWriter) flowMapping(d *value.Dict) {
	w.indicator("{", true, true, false)
	back := w.deeper(true, false)
	w.flowDepth++
	for i, k := range w.keys(d) {
		v, _ := d.Get(k)
		if i > 0 {
			w.indicator(",", false, false, false)
		}
		if w.column > w.width {
			w.newLine()
		}
		if simpleKey(k) {
			w.node(k, nodeKey)
			w.indicator(":", false, false, false)
		} else {
			w.indicator("?", true, false, false)
			w.node(k, nodeValue)
			if w.column > w.width {
				w.newLine()
			}
			w.indicator(":", true, false, false)
		}
		w.node(v, nodeValue)
	}
	w.flowDepth--
	back()
	w.indicator("}", false, false, false)
}

// keys are sorted if they can be compared.
func (w *yamlWriter) keys(d *value.Dict) []any {
	keys := d.Keys()
	if w.unsorted {
		return keys
	}
	var order state
	sorted := append([]any(nil), keys...)
	comparable := true
	sort.SliceStable(sorted, func(i, j int) bool {
		c, ok, _ := order.order(sorted[i], sorted[j], 0)
		comparable = comparable && ok
		return c == less
	})
	if !comparable {
		return keys
	}
	return sorted
}

func (w *yamlWriter) indicator(s string, needBlank, blank, only bool) {
	if needBlank && !w.blank {
		s = " " + s
	}
	w.put(s)
	w.blank = blank
	w.only = w.only && only
}

func (w *yamlWriter) put(s string) {
	w.b.WriteString(s)
	w.column += utf8.RuneCountInString(s)
}

func (w *yamlWriter) lineBreak() {
	w.b.WriteByte('\n')
	w.column, w.blank, w.only = 0, true, true
}

// newLine goes to the indentation of the current level, on the same line if
// that is still ahead.
func (w *yamlWriter) newLine() {
	indent := max(w.level, 0)
	if !w.only || w.column > indent || w.column == indent && !w.blank {
		w.lineBreak()
	}
	if w.column < indent {
		w.put(strings.Repeat(" ", indent-w.column))
	}
	w.blank, w.only = true, true
}
