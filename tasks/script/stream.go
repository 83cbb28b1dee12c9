package script

import (
	"bytes"
	"fmt"
	"strconv"
)

// A run is one script on its way: its fences and what it has left so far.
type run struct {
	mark, edge string
	streams    [2]stream
	done       chan struct{} // closed when both streams have come to their end
}

func newRun(limit int, onRecord func(Record)) *run {
	r := &run{mark: newWord(), edge: newWord(), done: make(chan struct{})}
	r.streams[0] = stream{edge: r.edge, mark: r.mark, plain: kept{room: limit}, record: kept{room: limit}, onRecord: onRecord}
	r.streams[1] = stream{edge: r.edge, plain: kept{room: limit}}
	return r
}

// feed takes bytes of stdout (0) or stderr (1) and returns those that stand
// before the script's begin or after its end.
func (r *run) feed(i int, b []byte) (outside []byte) {
	was := r.streams[0].state == after && r.streams[1].state == after
	outside = r.streams[i].feed(b)
	if !was && r.streams[0].state == after && r.streams[1].state == after {
		close(r.done)
	}
	return outside
}

func (r *run) began() bool {
	return r.streams[0].state != before || r.streams[1].state != before
}

func (r *run) output() Output {
	out, err := &r.streams[0], &r.streams[1]
	return Output{Stdout: out.plain.text(), Stderr: err.plain.text(), Code: out.code, Records: out.records}
}

// A stream finds a script's output and its records in what arrives:
//
//	noise EDGE { output MARK record MARK output EDGE } code NEWLINE noise
//
// in pieces of any size. Bytes that may be the head of a word wait for more.
type stream struct {
	edge, mark string // mark is empty where records can't stand
	onRecord   func(Record)
	state      state
	waiting    []byte

	plain   kept
	record  kept
	records []Record
	code    int
}

type state int

const (
	before state = iota
	plain
	within // a record
	ending // behind the closing edge, before the code's newline
	after
)

func (s *stream) feed(b []byte) (outside []byte) {
	if s.state == after {
		return b
	}
	s.waiting = append(s.waiting, b...)
	for {
		text, word, found := s.next()
		switch s.state {
		case before:
			outside = append(outside, text...)
		case plain:
			s.plain.add(text)
		case within:
			s.record.add(text)
		case ending:
			if found {
				s.code, _ = strconv.Atoi(string(text))
			}
		}
		if !found {
			return outside
		}
		s.step(word)
		if s.state == after {
			outside = append(outside, s.waiting...)
			s.waiting = nil
			return outside
		}
	}
}

// rest takes what waited for the rest of a word, once nothing more comes. It
// returns it where no script had begun.
func (s *stream) rest() (outside []byte) {
	b := s.waiting
	s.waiting = nil
	switch s.state {
	case before:
		return b
	case plain:
		s.plain.add(b)
	}
	return nil
}

// step goes to the state behind a word.
func (s *stream) step(word string) {
	switch {
	case s.state == before:
		s.state = plain
	case s.state == ending:
		s.state = after
	case word != s.mark: // the edge; a record that was not finished is dropped
		s.state = ending
	case s.state == plain:
		s.state = within
	case s.state == within:
		s.state = plain
		rec := parseRecord(string(s.record.bytes))
		s.record.bytes = nil
		s.records = append(s.records, rec)
		if s.onRecord != nil {
			s.onRecord(rec)
		}
	}
}

// next takes from the waiting bytes what stands before the next word, and the
// word; or all that can't be the head of one.
func (s *stream) next() (text []byte, word string, found bool) {
	at := -1
	longest := 0
	for _, w := range s.words() {
		longest = max(longest, len(w))
		if i := bytes.Index(s.waiting, []byte(w)); i >= 0 && (at < 0 || i < at) {
			at, word = i, w
		}
	}
	if at < 0 {
		if s.state == ending {
			return nil, "", false // the code is taken whole
		}
		at = max(0, len(s.waiting)-longest+1)
		text, s.waiting = s.waiting[:at:at], s.waiting[at:]
		return text, "", false
	}
	text, s.waiting = s.waiting[:at:at], s.waiting[at+len(word):]
	return text, word, true
}

// words are those that end the present state.
func (s *stream) words() []string {
	switch s.state {
	case before:
		return []string{s.edge + "{"}
	case ending:
		return []string{"\n"}
	}
	if s.mark == "" {
		return []string{s.edge + "}"}
	}
	return []string{s.edge + "}", s.mark}
}

// kept is what was kept of some text, as far as there was room.
type kept struct {
	bytes []byte
	room  int // how many bytes may still come
	lost  int // how many were not kept
}

func (k *kept) add(b []byte) {
	n := min(len(b), k.room)
	k.room -= n
	k.lost += len(b) - n
	k.bytes = append(k.bytes, b[:n]...)
}

// text says at its end how much is missing.
func (k *kept) text() []byte {
	if k.lost == 0 {
		return k.bytes
	}
	return fmt.Appendf(k.bytes, "\n[%d further bytes were left out]\n", k.lost)
}
