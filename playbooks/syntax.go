package playbooks

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

// parseYAML reads one document. What the YAML parser says of a mistake is
// where it lost its way and in its own words; the error here is where and
// what the mistake most likely is.
func parseYAML(name string, text []byte) (*yaml.Node, error) {
	root, err := value.ParseYAML(name, text)
	var e *source.Error
	if err == nil || !errors.As(err, &e) || e.Err == nil {
		return root, err
	}
	msg, line, ok := yamlMessage(text)
	if !ok {
		return nil, err
	}
	y := &yamlSyntax{msg: msg, line: line, lines: strings.Split(string(text), "\n")}
	return nil, y.explain(name)
}

type yamlSyntax struct {
	msg   string
	line  int
	lines []string
}

func (y *yamlSyntax) text(n int) string {
	if n < 1 || n > len(y.lines) {
		return ""
	}
	return strings.TrimRight(y.lines[n-1], "\r")
}

var (
	keyPart     = `^(\s*(?:- +)*(?:[^\s"'#:{}\[\],][^"'#:{}\[\],]*:\s+)?)`
	valueBraces = regexp.MustCompile(keyPart + `\{\{`)
	afterQuote  = regexp.MustCompile(keyPart + `("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*([^\s#:,\]}].*)$`)
	noSpace     = regexp.MustCompile(`^\s*(?:- +)*([A-Za-z_][\w.]*):([^\s:/].*)$`)
	noDashSpace = regexp.MustCompile(`^\s*-([A-Za-z_][\w.]*:)`)
	openQuote   = regexp.MustCompile(keyPart + `(["'])`)
	badStart    = regexp.MustCompile(keyPart + "([@`%*&|>!])")
	secondColon = regexp.MustCompile(keyPart + `[^"'\[{#|>].*?(:)(\s|$)`)
	anyKey      = regexp.MustCompile(`^(\s*(?:- +)*)[^\s#][^:]*:(\s|$)`)
)

// explain finds the mistake in the line where the parser stopped.
func (y *yamlSyntax) explain(file string) *source.Error {
	line := y.text(y.line)
	at := func(byteCol int) source.Pos {
		return source.Pos{File: file, Line: y.line, Col: len([]rune(line[:byteCol])) + 1}
	}
	start := len(line) - len(strings.TrimLeft(line, " \t"))
	fail := func(col int, hint, format string, args ...any) *source.Error {
		e := source.Errorf(at(col), format, args...)
		e.Hint, e.Text = hint, line
		return e
	}
	if tab := strings.IndexByte(line[:start], '\t'); tab >= 0 {
		return fail(tab, "indent with spaces: YAML forbids tabs there", "a tab indents this line")
	}
	if m := valueBraces.FindStringSubmatchIndex(line); m != nil {
		return fail(m[3], "write "+quoteTemplate(line[m[3]:]), "a value that begins with {{ must be quoted")
	}
	for _, n := range []int{y.line, y.before()} {
		if m := noDashSpace.FindStringSubmatchIndex(y.text(n)); m != nil {
			y.line, line = n, y.text(n)
			return fail(m[2], "write - "+line[m[2]:m[3]], "a space is missing behind the -")
		}
	}
	if i := strings.IndexFunc(line, isControl); i >= 0 {
		return fail(i, `take it away, or write it as an escape in double quotes, like "\x01"`, "there is a control character (%U) here", []rune(line[i:])[0])
	}
	if m := afterQuote.FindStringSubmatchIndex(line); m != nil && !strings.Contains(y.msg, "escape") {
		return fail(m[6], "put the whole value in quotes, and write inner ones as \\\"", "there is text behind the closing quote")
	}
	switch {
	case strings.Contains(y.msg, "mapping values are not allowed"), strings.Contains(y.msg, "could not find expected ':'"), strings.Contains(y.msg, "expected key"):
		if e := y.unclosed(file); e != nil {
			return e
		}
		for _, n := range []int{y.line, y.before()} {
			if m := noSpace.FindStringSubmatch(y.text(n)); m != nil {
				y.line, line = n, y.text(n)
				return fail(strings.Index(line, m[1]+":")+len(m[1]), "write "+m[1]+": "+m[2], "a space is missing behind the :")
			}
		}
		switch word := strings.TrimSpace(line); {
		case strings.Contains(y.msg, "mapping values are not allowed"):
			return y.colon(line, start, fail)
		case strings.HasPrefix(line, "- ") && strings.Contains(y.msg, "expected key"):
			return fail(0, `begin every element of a list with "- ", the first too`, "a list element cannot stand here: the file began as a dict")
		case identifier.MatchString(strings.TrimPrefix(word, "- ")):
			return fail(start+len(word), "write "+word+":", "a : is missing behind %s", strings.TrimPrefix(word, "- "))
		}
	case strings.Contains(y.msg, "end of stream") || strings.Contains(y.msg, "',' or"):
		if i := strings.LastIndexAny(line, `"'[{`); i >= 0 {
			return fail(y.opening(line, i), "close it, or quote the whole value", "the %c here is never closed", line[y.opening(line, i)])
		}
	case strings.Contains(y.msg, "escape"):
		if i := badEscape(line); i >= 0 {
			return fail(i, `in double quotes write \\ for a backslash, or use single quotes`, "%s is not an escape", line[i:min(i+2, len(line))])
		}
	}
	if m := badStart.FindStringSubmatchIndex(line); m != nil {
		return fail(m[4], "put the value in quotes", "a value cannot begin with %s", line[m[4]:m[5]])
	}
	if e := y.unclosed(file); e != nil {
		return e
	}
	if e := y.misaligned(line, start, fail); e != nil {
		return e
	}
	return fail(start, "look at the indentation, the quotes and the brackets here and just before", "this is not valid YAML: %s", y.msg)
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != 0x85 }

type failFunc func(col int, hint, format string, args ...any) *source.Error

// colon explains a second "key:" where a value was.
func (y *yamlSyntax) colon(line string, start int, fail failFunc) *source.Error {
	if m := secondColon.FindStringSubmatchIndex(line); m != nil && m[3] > start {
		return fail(m[4], `put the value in quotes`, "a value with a colon and a space in it must be quoted")
	}
	if prev := y.before(); prev > 0 {
		above := y.text(prev)
		if m := anyKey.FindStringSubmatch(above); m != nil && len(m[1]) < start {
			return fail(start, fmt.Sprintf("line %d begins in column %d: begin this one there too, or drop the value in line %d", prev, len(m[1])+1, prev),
				"this line is indented too far")
		}
	}
	return fail(start, "put the value in quotes", "there is a colon where none can be")
}

// before is the last line before the problem that holds something.
func (y *yamlSyntax) before() int {
	for n := y.line - 1; n > 0; n-- {
		if t := strings.TrimSpace(y.text(n)); t != "" && t[0] != '#' {
			return n
		}
	}
	return 0
}

// misaligned explains a line that begins between two levels.
func (y *yamlSyntax) misaligned(line string, start int, fail failFunc) *source.Error {
	prev := y.before()
	if prev == 0 {
		return nil
	}
	m := anyKey.FindStringSubmatch(y.text(prev))
	if m == nil || len(m[1]) == start || strings.TrimSpace(line) == "" {
		return nil
	}
	what := "too little"
	if start > len(m[1]) {
		what = "too far"
	}
	return fail(start, fmt.Sprintf("what belongs together begins in one column: line %d begins in column %d, this one in column %d", prev, len(m[1])+1, start+1),
		"this line is indented %s", what)
}

// unclosed finds a quote above that swallowed the lines since.
func (y *yamlSyntax) unclosed(file string) *source.Error {
	for n := y.line; n > 0 && n >= y.line-20; n-- {
		text := y.text(n)
		m := openQuote.FindStringSubmatchIndex(text)
		if m == nil || strings.Count(text[m[4]:], text[m[4]:m[5]])%2 == 0 {
			continue
		}
		e := source.Errorf(source.Pos{File: file, Line: n, Col: len([]rune(text[:m[4]])) + 1}, "the %s here is closed only in a later line", text[m[4]:m[5]])
		e.Hint, e.Text = "close it at the end of the value", text
		return e
	}
	return nil
}

// opening is the first unclosed opener of a line.
func (y *yamlSyntax) opening(line string, last int) int {
	var stack []int
	var quote byte
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == '\\' && quote == '"' {
				i++
			} else if c == quote {
				quote = 0
				stack = stack[:len(stack)-1]
			}
		case c == '"' || c == '\'':
			if i > 0 && !unicode.IsSpace(rune(line[i-1])) && !strings.ContainsRune("[{,:(", rune(line[i-1])) {
				continue // it's an apostrophe
			}
			quote = c
			stack = append(stack, i)
		case c == '[' || c == '{':
			stack = append(stack, i)
		case (c == ']' || c == '}') && len(stack) > 0:
			stack = stack[:len(stack)-1]
		}
	}
	if len(stack) > 0 {
		return stack[0]
	}
	return last
}

// badEscape finds a backslash that begins no escape of YAML's.
func badEscape(line string) int {
	open := strings.IndexByte(line, '"')
	if open < 0 {
		return -1
	}
	for i := open + 1; i+1 < len(line); i++ {
		if line[i] != '\\' {
			continue
		}
		if !strings.ContainsRune("0abtnvfre \"\\N_LPxuU\t", rune(line[i+1])) {
			return i
		}
		i++
	}
	return -1
}

func quoteTemplate(v string) string {
	v = strings.TrimSpace(v)
	if strings.Contains(v, `"`) {
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	}
	return `"` + v + `"`
}
