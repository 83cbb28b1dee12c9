package playbooks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

var yamlErrorForm = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// yamlMessage parses again for the parser's own message, and finds the line at
// which it gave up.
func yamlMessage(text []byte) (msg string, line int, ok bool) {
	feed := &lineFeed{rest: text}
	err := firstError(feed)
	if err == nil {
		return "", 0, false
	}
	m := yamlErrorForm.FindStringSubmatch(err.Error())
	if m == nil {
		return "", 0, false
	}
	fmt.Sscan(m[1], &line)
	msg = m[2]
	switch { // these name the place where something was opened
	case strings.Contains(msg, "end of stream"):
		return msg, max(line, 1), true
	case strings.Contains(msg, "',' or"):
		return msg, line + 1, true // the parser counts from 0 here
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for n := min(feed.lines, len(lines)); n > max(0, feed.lines-maxTries); n-- {
		if firstError(bytes.NewReader(bytes.Join(lines[:n-1], nil))) == nil {
			return msg, n, true
		}
	}
	return msg, max(line, 1), true
}

// maxTries bounds how many beginnings of a file are parsed to find the line of
// a mistake.
const maxTries = 100

func firstError(r io.Reader) error {
	d := yaml.NewDecoder(r)
	for {
		var n yaml.Node
		if err := d.Decode(&n); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// A lineFeed hands a text out line by line, and so knows how far the parser
// came.
type lineFeed struct {
	rest  []byte
	lines int
}

func (f *lineFeed) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := bytes.IndexByte(f.rest, '\n') + 1
	if n == 0 {
		n = len(f.rest)
	}
	if n > len(p) {
		n = len(p)
	} else {
		f.lines++
	}
	copy(p, f.rest[:n])
	f.rest = f.rest[n:]
	return n, nil
}
