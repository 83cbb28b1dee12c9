// Package source says where in the user's files something stands, and prints
// errors about it the way a reader can act on: FILE:LINE:COLUMN, the line
// itself with a caret, and what to do.
package source

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// A Pos is a place in a file. Line and Col count from 1, Col in characters;
// 0 means unknown. File is as the user named it.
type Pos struct {
	File      string
	Line, Col int
}

// IsZero reports whether nothing is known of the place.
func (p Pos) IsZero() bool { return p == Pos{} }

// String is FILE:LINE:COL, without the parts that are unknown.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
	}
}

// An Error is a mistake in the user's input.
type Error struct {
	Pos  Pos
	Msg  string // what is wrong, one line, without the place
	Hint string // what to do about it, or ""
	Text string // the offending line of the file, for the snippet, or ""
	Err  error  // the cause, or nil
}

// Errorf makes an Error at a place.
func Errorf(at Pos, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Pos: at, Msg: err.Error(), Err: errors.Unwrap(err)}
}

// WithHint sets the hint and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Error is "FILE:LINE:COL: message"; Detail adds the snippet and the hint.
func (e *Error) Error() string {
	if e.Pos.IsZero() {
		return e.Msg
	}
	return e.Pos.String() + ": " + e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Detail is Error with the offending line, a caret under the column, and the
// hint, each on lines of their own.
func (e *Error) Detail() string {
	var b strings.Builder
	b.WriteString(e.Error())
	if s := Snippet(e.Pos, e.Text); s != "" {
		b.WriteString("\n" + s)
	}
	if e.Hint != "" {
		b.WriteString("\n  hint: " + e.Hint)
	}
	return b.String()
}

// Snippet draws a line with a caret under the place's column; "" without text.
func Snippet(at Pos, line string) string {
	if line == "" || at.Line == 0 {
		return ""
	}
	num := fmt.Sprintf("%4d | ", at.Line)
	out := num + line
	if at.Col > 0 {
		var pad strings.Builder
		for i, r := range []rune(line) {
			if i >= at.Col-1 {
				break
			}
			if r == '\t' {
				pad.WriteRune('\t')
			} else {
				pad.WriteRune(' ')
			}
		}
		out += "\n" + strings.Repeat(" ", len(num)-2) + "| " + pad.String() + "^"
	}
	return out
}

// Line returns line n (from 1) of a text, without its ending; "" if there is none.
func Line(text string, n int) string {
	for i := 1; ; i++ {
		line, rest, more := strings.Cut(text, "\n")
		if i == n {
			return strings.TrimRight(line, "\r")
		}
		if !more {
			return ""
		}
		text = rest
	}
}

// Errors are several mistakes found in one pass.
type Errors []*Error

// Add appends an error; nil and Errors are handled, anything else becomes an
// Error without a place.
func (l *Errors) Add(err error) {
	var many Errors
	var one *Error
	switch {
	case err == nil:
	case errors.As(err, &many):
		*l = append(*l, many...)
	case errors.As(err, &one):
		*l = append(*l, one)
	default:
		*l = append(*l, &Error{Msg: err.Error(), Err: err})
	}
}

// Err returns l sorted by place, or nil when it is empty.
func (l Errors) Err() error {
	if len(l) == 0 {
		return nil
	}
	sort.SliceStable(l, func(i, j int) bool {
		a, b := l[i].Pos, l[j].Pos
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
	return l
}

// Error is one line an error.
func (l Errors) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the single errors.
func (l Errors) Unwrap() []error {
	out := make([]error, len(l))
	for i, e := range l {
		out[i] = e
	}
	return out
}
