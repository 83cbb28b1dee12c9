package jinja

import "github.com/etcdplay/etcdplay/internal/source"

// CompileIn is Compile for a text that does not stand in the file as it is,
// such as a folded or quoted YAML scalar: locate gives the place of the
// character at a byte offset. It is called when an error needs it, by any
// goroutine.
func CompileIn(s string, locate func(off int) source.Pos) (*Template, error) {
	t := &text{src: s, at: locate(0), locate: locate}
	if !IsTemplate(s) {
		return &Template{text: t, constant: true}, nil
	}
	return compile(t, syntax{TextOptions: TextOptions{TrimBlocks: true}, rawStrings: true})
}

// CompileExprIn is CompileExpr for such a text.
func CompileExprIn(s string, locate func(off int) source.Pos) (*Template, error) {
	return compileExpr(&text{src: s, at: locate(0), locate: locate})
}
