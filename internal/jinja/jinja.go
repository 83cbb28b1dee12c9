// Package jinja is the template and expression language: a Jinja2 subset with
// the filters, tests and lookups that Ansible adds, and Ansible's meaning.
//
// What it does otherwise than Jinja2 is meant to: a template that is a single
// {{ expression }} keeps the type of its value, dictionaries keep their order,
// variables are resolved only when they are used, no template can change a
// variable, an unknown filter, test, lookup or argument is an error when the
// template is compiled, and every error says FILE:LINE:COLUMN. Whatever a
// template does, it ends: steps, memory, output and recursion are bounded.
package jinja

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/source"
)

// A Template is compiled text. It never changes and may be used by any number
// of goroutines at once.
type Template struct {
	text *text
	// constant: there is nothing to evaluate, body is unused.
	constant bool
	body     []stmt
	newlines int // at the end of the text; they are never lost
	refs     []ref
	wrapped  bool
}

// A Ref is a variable that a template takes from outside.
type Ref struct {
	Name string
	Pos  source.Pos
	// Guarded: the template copes with the variable being undefined here, as
	// in `x is defined` or `x | default(1)`.
	Guarded bool
}

// TextOptions are Jinja2's settings for whole files. Empty strings stand for
// Jinja2's own delimiters and "\n".
type TextOptions struct {
	TrimBlocks    bool   // drop the newline behind a {% tag %}
	LstripBlocks  bool   // drop blanks before a {% tag %} that begins its line
	Newline       string // what ends the lines of the output
	VariableStart string
	VariableEnd   string
	BlockStart    string
	BlockEnd      string
	CommentStart  string
	CommentEnd    string
}

// IsTemplate reports whether s holds a template tag and so must be compiled.
func IsTemplate(s string) bool {
	for i := strings.IndexByte(s, '{'); i >= 0 && i+1 < len(s); {
		switch s[i+1] {
		case '{', '%', '#':
			return true
		}
		next := strings.IndexByte(s[i+1:], '{')
		if next < 0 {
			return false
		}
		i += 1 + next
	}
	return false
}

// Compile parses a value with {{ }}, {% %} and {# #} in it, as it stands in a
// playbook. at is the place of its first character in the user's file. As in
// Ansible, a backslash in a string inside {{ }} is only a backslash. The error
// is a *source.Error.
func Compile(s string, at source.Pos) (*Template, error) {
	t := &text{src: s, at: at}
	if !IsTemplate(s) {
		return &Template{text: t, constant: true}, nil
	}
	return compile(t, syntax{TextOptions: TextOptions{TrimBlocks: true}, rawStrings: true})
}

// CompileText parses a whole template file, as the template task does. Unlike
// in Compile, "\n" in a string literal is a newline. A first line `#jinja2:
// lstrip_blocks: True, …` overrides the options, as in Ansible.
func CompileText(s string, at source.Pos, o TextOptions) (*Template, error) {
	t := &text{src: s, at: at, file: true}
	skip, err := overrides(t, &o)
	if err != nil {
		return nil, err
	}
	return compile(t, syntax{TextOptions: o, start: skip})
}

// CompileExpr parses a bare expression, as in `when:`. An expression that is
// put into {{ }} as a whole is taken too, see Wrapped.
func CompileExpr(s string, at source.Pos) (*Template, error) {
	return compileExpr(&text{src: s, at: at})
}

// Refs returns the variables that the template takes from outside, in order
// of appearance.
func (t *Template) Refs() []Ref {
	out := make([]Ref, len(t.refs))
	// Counting lines from the start for each would take long in a large file.
	line, from := 0, 0
	for i, r := range t.refs {
		out[i] = Ref{Name: r.name, Guarded: r.guarded}
		if t.text.locate != nil || r.off < from {
			out[i].Pos = t.text.place(r.off).pos()
			continue
		}
		line += strings.Count(t.text.src[from:r.off], "\n")
		from = r.off
		begin := strings.LastIndexByte(t.text.src[:from], '\n') + 1
		at := t.text.at
		if at.Line > 0 {
			at.Line += line
			at.Col = max(at.Col, 1) + utf8.RuneCountInString(t.text.src[begin:from])
		}
		out[i].Pos = at
	}
	return out
}

// ref is a Ref whose place is not worked out yet.
type ref struct {
	name    string
	off     int
	guarded bool
}

// Wrapped reports whether the text given to CompileExpr stood in {{ }}, which
// Ansible warns of.
func (t *Template) Wrapped() bool { return t.wrapped }

// Source is the text that was compiled.
func (t *Template) Source() string { return t.text.src }

// Pos is the place of the text's first character.
func (t *Template) Pos() source.Pos { return t.text.at }

// Eval evaluates the template. A template that puts out a single value keeps
// its type, anything else gives a string (one that looks like a list stays a
// string).
func (t *Template) Eval(ctx context.Context, env *Env) (any, error) {
	if t.constant {
		return t.text.src, nil
	}
	st, err := t.run(ctx, env)
	if err != nil {
		return nil, err
	}
	if v, ok := st.out.single(); ok {
		if s, isText := v.(string); isText {
			return t.restoreNewlines(s), nil
		}
		if v, err = st.export(v); err != nil {
			return nil, t.text.place(0).wrap(err)
		}
		return v, nil
	}
	return t.restoreNewlines(string(st.out.buf)), nil
}

// Text evaluates the template to a string, always. None gives "".
func (t *Template) Text(ctx context.Context, env *Env) (string, error) {
	if t.constant {
		return t.text.src, nil
	}
	st, err := t.run(ctx, env)
	if err != nil {
		return "", err
	}
	if err := st.out.flush(st); err != nil {
		return "", t.text.place(0).wrap(err)
	}
	return t.restoreNewlines(string(st.out.buf)), nil
}

func (t *Template) run(ctx context.Context, env *Env) (*state, error) {
	st := newState(ctx, env)
	if err := runBody(st, t.body); err != nil {
		return nil, err
	}
	return st, nil
}

// restoreNewlines puts back the newlines at the end that trimming took away:
// Ansible never loses one.
func (t *Template) restoreNewlines(s string) string {
	if t.newlines == 0 {
		return s
	}
	have := len(s) - len(strings.TrimRight(s, "\n"))
	if have < t.newlines {
		s += strings.Repeat(t.text.newline(), t.newlines-have)
	}
	return s
}
