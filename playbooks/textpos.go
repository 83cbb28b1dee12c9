package playbooks

import (
	"unicode"

	"github.com/etcdplay/etcdplay/internal/source"
	"gopkg.in/yaml.v3"
)

// What YAML makes of a scalar is not what stands in the file: lines are folded
// and unindented, escapes resolved. A cursor goes through the file along with
// the text and so finds where in the file a part of the text stands.
type cursor struct {
	lines     []string
	line, col int // from 0; col counts characters
	current   []rune
}

func newCursor(d *document, n *yaml.Node) *cursor {
	c := &cursor{lines: d.lines, line: n.Line - 1, col: n.Column - 1}
	c.load()
	return c
}

func (c *cursor) load() {
	c.current = nil
	if c.line >= 0 && c.line < len(c.lines) {
		c.current = []rune(c.lines[c.line])
	}
}

func (c *cursor) end() bool { return c.line >= len(c.lines) }

func (c *cursor) next() {
	c.line, c.col = c.line+1, 0
	c.load()
}

func (c *cursor) peek() rune {
	if c.col < len(c.current) {
		return c.current[c.col]
	}
	return '\n'
}

// skipBlank goes to the next character that is no white space.
func (c *cursor) skipBlank() {
	for !c.end() {
		for c.col < len(c.current) && unicode.IsSpace(c.current[c.col]) {
			c.col++
		}
		if c.col < len(c.current) {
			return
		}
		c.next()
	}
}

// enter goes from the node's place to the first character of its text, behind
// a tag, an anchor, an opening quote or the head of a block.
func (c *cursor) enter(n *yaml.Node) {
	for c.peek() == '!' || c.peek() == '&' {
		for c.col < len(c.current) && !unicode.IsSpace(c.current[c.col]) {
			c.col++
		}
		c.skipBlank()
	}
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		c.next()
		c.skipBlank()
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		c.col++
	}
}

// take goes over one character of the text.
func (c *cursor) take(r rune, n *yaml.Node) {
	escaped := n.Style&yaml.DoubleQuotedStyle != 0
	if unicode.IsSpace(r) {
		switch {
		case escaped && c.peek() == '\\':
			c.escape()
		case c.peek() == r && r != '\n':
			c.col++
		}
		return
	}
	c.arrive(n)
	switch {
	case escaped && c.peek() == '\\':
		c.escape()
	case n.Style&yaml.SingleQuotedStyle != 0 && r == '\'':
		c.col += 2
	default:
		c.col++
	}
}

// arrive goes to where the next character that is no white space stands.
func (c *cursor) arrive(n *yaml.Node) {
	c.skipBlank()
	for n.Style&yaml.DoubleQuotedStyle != 0 && c.peek() == '\\' && c.col == len(c.current)-1 { // the line goes on
		c.next()
		c.skipBlank()
	}
}

func (c *cursor) escape() {
	c.col++
	switch c.peek() {
	case 'x':
		c.col += 3
	case 'u':
		c.col += 5
	case 'U':
		c.col += 9
	default:
		c.col++
	}
}

func (c *cursor) pos(file string) source.Pos {
	return source.Pos{File: file, Line: c.line + 1, Col: c.col + 1}
}

// textPos is the place in the file of the character at a byte offset of a
// scalar's text.
func textPos(d *document, n *yaml.Node, text string, off int) source.Pos {
	c := newCursor(d, n)
	c.enter(n)
	off = min(off, len(text))
	for _, r := range text[:off] {
		c.take(r, n)
	}
	if rest := []rune(text[off:]); len(rest) > 0 && !unicode.IsSpace(rest[0]) {
		c.arrive(n)
	}
	if c.end() {
		return d.pos(n)
	}
	return c.pos(d.name)
}
