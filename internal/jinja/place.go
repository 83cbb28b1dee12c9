package jinja

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/source"
)

// A text is what a template was compiled from.
type text struct {
	src  string
	at   source.Pos // of src[0]
	file bool       // a whole file: its lines are the user's lines
	nl   string

	locate func(off int) source.Pos // nil: counted from at
}

func (t *text) newline() string {
	if t.nl == "" {
		return "\n"
	}
	return t.nl
}

func (t *text) place(off int) place { return place{t, off} }

// A place is a byte in a text; its line and column are worked out only when
// an error needs them.
type place struct {
	text *text
	off  int
}

// pos counts lines and columns from the text's own place on. In a block
// scalar every line is indented as the first one is.
func (p place) pos() source.Pos {
	if p.text.locate != nil {
		return p.text.locate(p.off)
	}
	at := p.text.at
	if at.Line == 0 {
		return at
	}
	before := p.text.src[:min(p.off, len(p.text.src))]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	at.Line += strings.Count(before, "\n")
	at.Col = max(at.Col, 1) + utf8.RuneCountInString(line)
	return at
}

func (p place) errorf(format string, args ...any) *source.Error {
	e := source.Errorf(p.pos(), format, args...)
	e.Text = p.snippet(e.Pos)
	return e
}

// snippet is the line of the error, if we have the whole of it.
func (p place) snippet(at source.Pos) string {
	if !p.text.file || at.Line == 0 {
		return ""
	}
	return source.Line(p.text.src, at.Line-p.text.at.Line+1)
}

// wrap gives an error without a place this one.
func (p place) wrap(err error) error {
	var located *source.Error
	if err == nil || errors.As(err, &located) {
		return err
	}
	var many source.Errors
	if errors.As(err, &many) {
		return err
	}
	at := p.pos()
	e := &source.Error{Pos: at, Msg: err.Error(), Err: err, Text: p.snippet(at)}
	var h *hinted
	if errors.As(err, &h) {
		e.Hint = h.hint
	}
	return e
}

// A hinted error knows what to do about it; its place comes later.
type hinted struct {
	msg, hint string
}

func (h *hinted) Error() string { return h.msg }
