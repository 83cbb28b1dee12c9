package value

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/source"
	"gopkg.in/yaml.v3"
)

var yamlErrorLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// ParseYAML reads a text of one document into its node tree, nil where the
// text is empty. A syntax error is a *source.Error with the line.
func ParseYAML(file string, text []byte) (*yaml.Node, error) {
	if !utf8.Valid(text) {
		line := 1 + bytes.Count(text[:invalidAt(text)], []byte("\n"))
		return nil, source.Errorf(source.Pos{File: file, Line: line}, "not UTF-8 text").
			WithHint("save the file as UTF-8")
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	err := d.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, yamlError(file, text, err)
	}
	if err := d.Decode(&more); err == nil {
		return nil, source.Errorf(YAMLPos(file, &more), "a second document (---) begins here").
			WithHint("put each document into a file of its own")
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlError(file, text, err)
	}
	return doc.Content[0], nil
}

func invalidAt(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(text)
}

func yamlError(file string, text []byte, err error) error {
	e := &source.Error{Pos: source.Pos{File: file}, Msg: strings.TrimPrefix(err.Error(), "yaml: "), Err: err}
	if m := yamlErrorLine.FindStringSubmatch(err.Error()); m != nil {
		e.Pos.Line, _ = strconv.Atoi(m[1])
		e.Msg = m[2]
		e.Text = source.Line(string(text), e.Pos.Line)
	}
	if strings.HasPrefix(strings.TrimLeft(e.Text, " "), "\t") {
		e.Msg, e.Hint = "a tab indents this line", "YAML is indented with spaces"
	}
	return e
}
