package script

import (
	"bytes"
	"strings"
)

// Kind says what a record tells.
type Kind string

// The kinds of records; the prelude's verb of the same name writes each.
const (
	Change     Kind = "change"   // a change made, or in check mode foreseen
	Fact       Kind = "fact"     // KEY=VALUE for register
	Warning    Kind = "warn"     // something the user should know
	Skip       Kind = "skip"     // there was nothing to do, and why
	Fail       Kind = "fail"     // the failure in one line; further lines are the hint
	Progress   Kind = "progress" // how far a long step is, for the status line
	DiffBefore Kind = "before"   // first line the file's name, then its text
	DiffAfter  Kind = "after"
)

// A Record is one thing that a script tells about its work, apart from what
// its commands print. On the wire it stands in stdout between two marks, a
// random word that the shell makes anew for every script (so that nothing a
// command prints can pass for a record):
//
//	MARK kind SPACE text MARK
type Record struct {
	Kind Kind
	Text string
}

// Output is what a script left.
type Output struct {
	Stdout, Stderr []byte // without the records
	Code           int    // exit code; 128+N for signal N
	Records        []Record
}

// Split takes the records out of a script's whole stdout. An unfinished last
// record (the script was killed) is dropped.
func Split(stdout []byte, mark string) (plain []byte, records []Record) {
	parts := bytes.Split(stdout, []byte(mark))
	for i, p := range parts {
		if i%2 == 0 {
			plain = append(plain, p...)
		} else if i < len(parts)-1 {
			records = append(records, parseRecord(string(p)))
		}
	}
	return plain, records
}

func parseRecord(s string) Record {
	kind, text, _ := strings.Cut(s, " ")
	return Record{Kind(kind), text}
}
