package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/jinja"
)

// EditArgs are what the tasks that edit a text file share.
type EditArgs struct {
	Path         string `arg:"path,required" alias:"dest,destfile,name" doc:"The file on the host; a link is followed"`
	InsertAfter  string `arg:"insertafter" doc:"A new line goes behind the last one that matches this regular expression; EOF: to the end, which is the default"`
	InsertBefore string `arg:"insertbefore" doc:"A new line goes before the last one that matches this regular expression; BOF: to the beginning"`
	Create       bool   `arg:"create" doc:"Make the file if it is missing"`
	Backup       bool   `arg:"backup" doc:"Keep the old file beside the new one"`
	Validate     string `arg:"validate" doc:"A command that must succeed before the file is put in place; %s stands for the new file"`
	FileAttrs
}

func (e *EditArgs) check() error {
	if e.InsertAfter != "" && e.InsertBefore != "" {
		return &ArgError{Arg: "insertbefore", Msg: "insertafter and insertbefore exclude each other"}
	}
	if e.Validate != "" && !strings.Contains(e.Validate, "%s") {
		return &ArgError{Arg: "validate", Msg: "validate must contain %s, which stands for the new file"}
	}
	_, err := e.place()
	return err
}

// A place is where a new line goes.
type place struct {
	first  bool          // at the beginning
	match  *jinja.Regexp // behind, or before, a line that matches; nil: at the end
	before bool
}

func (e *EditArgs) place() (place, error) {
	p := place{first: e.InsertBefore == "BOF" || e.InsertAfter == "BOF", before: e.InsertBefore != ""}
	pattern, arg := e.InsertAfter, "insertafter"
	if p.before {
		pattern, arg = e.InsertBefore, "insertbefore"
	}
	if p.first || pattern == "" || pattern == "EOF" {
		return p, nil
	}
	var err error
	p.match, err = compilePattern(arg, pattern)
	return p, err
}

func compilePattern(arg, pattern string) (*jinja.Regexp, error) {
	re, err := jinja.CompileRegexp(pattern)
	if err != nil {
		return nil, &ArgError{Arg: arg, Msg: arg + ": " + err.Error()}
	}
	return re, nil
}

// index is the line before which a new one goes; found is false where the
// pattern matched nowhere, and the end is meant.
func (p place) index(lines []string, firstMatch bool) (i int, found bool) {
	if p.first {
		return 0, true
	}
	at := -1
	for i, line := range lines {
		if p.match != nil && p.match.Match(bare(line)) {
			at = i
			if firstMatch {
				break
			}
		}
	}
	switch {
	case at < 0:
		return len(lines), false
	case p.before:
		return at, true
	}
	return at + 1, true
}

// edit runs an edit of the file; change says in words what it did. Unless
// mayMiss, the file must exist.
func (e *EditArgs) edit(ctx context.Context, t *Target, mayMiss bool, change func(text *textFile) (msg string, err error)) (Result, error) {
	msg := ""
	res, err := t.Edit(ctx, FileEdit{Path: e.Path, FileAttrs: e.FileAttrs, Backup: e.Backup, Validate: e.Validate}, func(old string, exists bool) (string, error) {
		if !exists && !mayMiss {
			f := Failf("%s does not exist", e.Path).WithHint("create: true makes it")
			f.Code = 257
			return "", f
		}
		text := parseText(old)
		var err error
		msg, err = change(&text)
		return text.String(), err
	})
	backup, _ := res.Data.Get("backup_file")
	res.Set("backup", "")
	if backup != nil {
		res.Set("backup", backup)
	}
	res.Set("msg", msg)
	return res, err
}

// LineInFile keeps a line in a text file.
type LineInFile struct {
	EditArgs
	Line       *string `arg:"line" alias:"value" doc:"The line"`
	Regexp     string  `arg:"regexp" alias:"regex" doc:"The line that matches it (the last one) is replaced; with state absent all that match go"`
	Search     string  `arg:"search_string" doc:"The same with a plain text that the line holds"`
	State      string  `arg:"state" default:"present" choices:"present,absent" doc:"Whether the line is to be there"`
	Backrefs   bool    `arg:"backrefs" doc:"line may hold \\1, \\g<name> of regexp; if it matches nowhere nothing happens"`
	FirstMatch bool    `arg:"firstmatch" doc:"The first match counts instead of the last"`
}

// Doc implements Module.
func (*LineInFile) Doc() Doc {
	return Doc{
		Summary: "Keep a line in a text file",
		Text: `Replaces the last line that matches regexp; if there is none, and the line itself is
not there either, it is added. For more than a line there are blockinfile and
template. Regular expressions are Python's, without lookaround. A file with CRLF
keeps it.`,
		Examples: `- lineinfile:
    path: /etc/ssh/sshd_config
    regexp: '^#?PasswordAuthentication '
    line: PasswordAuthentication no
    validate: /usr/sbin/sshd -t -f %s

- lineinfile:
    path: /etc/sysctl.d/90-app.conf
    line: vm.swappiness = 1
    create: true
`,
		Returns: []Return{{"msg", "line added, line replaced, N line(s) removed"}, {"backup", "the old file, with backup"}, {"found", "how many lines were removed"}},
	}
}

// Validate implements Validator.
func (m *LineInFile) Validate() error {
	switch {
	case m.Regexp != "" && m.Search != "":
		return &ArgError{Arg: "search_string", Msg: "regexp and search_string exclude each other"}
	case m.Backrefs && m.Regexp == "":
		return &ArgError{Arg: "backrefs", Msg: "backrefs needs regexp"}
	case m.State == "present" && m.Line == nil:
		return &ArgError{Arg: "line", Msg: "line is required with state: present"}
	case m.State == "absent" && m.Line == nil && m.Regexp == "" && m.Search == "":
		return &ArgError{Arg: "line", Msg: "one of line, regexp and search_string is required with state: absent"}
	case m.Line != nil && strings.ContainsAny(*m.Line, "\n\r"):
		return &ArgError{Arg: "line", Msg: "line holds a line break: for several lines there is blockinfile"}
	}
	if m.Regexp != "" {
		if _, err := compilePattern("regexp", m.Regexp); err != nil {
			return err
		}
	}
	return m.EditArgs.check()
}

// Run implements Module.
func (m *LineInFile) Run(ctx context.Context, t *Target) (Result, error) {
	var re *jinja.Regexp
	if m.Regexp != "" {
		var err error
		if re, err = compilePattern("regexp", m.Regexp); err != nil {
			return Result{}, err
		}
	}
	if m.State == "absent" {
		return m.remove(ctx, t, re)
	}
	at, err := m.place()
	if err != nil {
		return Result{}, err
	}
	return m.edit(ctx, t, m.Create, func(text *textFile) (string, error) { return m.present(text, re, at) })
}

// present brings the text to hold the line.
func (m *LineInFile) present(text *textFile, re *jinja.Regexp, at place) (string, error) {
	line := *m.Line
	found := -1
	for i, l := range text.lines {
		if m.matches(bare(l), re) {
			found = i
			if m.FirstMatch {
				break
			}
		}
	}
	switch {
	case found >= 0 && m.Backrefs:
		expanded, _, err := re.Expand(bare(text.lines[found]), line)
		if err != nil {
			return "", err
		}
		line = expanded
	case found < 0 && m.Backrefs:
		return "", nil
	case found < 0:
		found = slices.IndexFunc(text.lines, func(l string) bool { return bare(l) == line })
	}
	if found >= 0 {
		if bare(text.lines[found]) == line {
			return "", nil
		}
		text.lines[found] = line + text.newline
		return "line replaced", nil
	}
	i, _ := at.index(text.lines, m.FirstMatch)
	text.insert(i, line)
	return "line added", nil
}

func (m *LineInFile) matches(line string, re *jinja.Regexp) bool {
	switch {
	case re != nil:
		return re.Match(line)
	case m.Search != "":
		return strings.Contains(line, m.Search)
	}
	return false
}

// remove takes out all lines that match, or equal the line.
func (m *LineInFile) remove(ctx context.Context, t *Target, re *jinja.Regexp) (Result, error) {
	gone := 0
	const mayMiss = true // a file that is missing has no such line
	res, err := m.edit(ctx, t, mayMiss, func(text *textFile) (string, error) {
		before := len(text.lines)
		text.lines = slices.DeleteFunc(text.lines, func(l string) bool {
			if re == nil && m.Search == "" {
				return bare(l) == *m.Line
			}
			return m.matches(bare(l), re)
		})
		if gone = before - len(text.lines); gone == 0 {
			return "", nil
		}
		return fmt.Sprintf("%d line(s) removed", gone), nil
	})
	res.Set("found", gone)
	return res, err
}
