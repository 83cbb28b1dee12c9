package tasks

import (
	"fmt"
	"strings"
)

// A textFile is a text cut into lines that keep their endings, so that what is
// not touched stays as it was, byte for byte.
type textFile struct {
	lines   []string
	newline string // "\n" or "\r\n", by the first line
}

func parseText(s string) textFile {
	t := textFile{newline: "\n"}
	for line := range strings.Lines(s) {
		t.lines = append(t.lines, line)
	}
	if len(t.lines) > 0 && strings.HasSuffix(t.lines[0], "\r\n") {
		t.newline = "\r\n"
	}
	return t
}

func (t *textFile) String() string { return strings.Join(t.lines, "") }

// bare is a line without its ending.
func bare(line string) string {
	if text, ok := strings.CutSuffix(line, "\r\n"); ok {
		return text
	}
	return strings.TrimSuffix(line, "\n")
}

// insert puts lines (without endings) before line i, giving the line above the
// ending that it may lack.
func (t *textFile) insert(i int, lines ...string) {
	if i > 0 && !strings.HasSuffix(t.lines[i-1], "\n") {
		t.lines[i-1] += t.newline
	}
	added := make([]string, 0, len(t.lines)+len(lines))
	added = append(added, t.lines[:i]...)
	for _, l := range lines {
		added = append(added, l+t.newline)
	}
	t.lines = append(added, t.lines[i:]...)
}

// cutBlocks takes out every block from a line begin to the next line end. It
// returns where the first stood, or -1. A begin without its end is an error:
// what follows it may be anybody's.
func (t *textFile) cutBlocks(begin, end string) (int, error) {
	first, start := -1, -1
	var kept []string
	for i, line := range t.lines {
		switch b := strings.TrimSpace(bare(line)); {
		case b == begin && start >= 0:
			return 0, noEnd(start, begin, end)
		case b == begin:
			start = i
			if first < 0 {
				first = len(kept)
			}
		case b == end && start >= 0:
			start = -1
		case start < 0:
			kept = append(kept, line)
		}
	}
	if start >= 0 {
		return 0, noEnd(start, begin, end)
	}
	t.lines = kept
	return first, nil
}

func noEnd(line int, begin, end string) error {
	return Failf("line %d, %q, has no %q below it", line+1, begin, end).
		WithHint("put the end mark back, or remove the begin mark")
}

// markers makes the lines around a block of a marker with {mark} in it.
func markers(marker, begin, end string) (string, string, error) {
	if strings.Count(marker, "{mark}") != 1 || strings.ContainsAny(marker, "\r\n") {
		return "", "", &ArgError{Arg: "marker", Msg: fmt.Sprintf("marker: %q must be one line with {mark} in it", marker)}
	}
	if begin == end {
		return "", "", &ArgError{Arg: "marker", Msg: "marker: the lines around the block are the same"}
	}
	line := func(mark string) string {
		return strings.TrimSpace(strings.Replace(marker, "{mark}", mark, 1))
	}
	return line(begin), line(end), nil
}
