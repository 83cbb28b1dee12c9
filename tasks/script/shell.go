package script

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

//go:embed shell.sh
var shellText string

const (
	// outputLimit is how much of each of a script's streams is kept, in bytes.
	outputLimit = 32 << 20
	// endGrace is how long a shell may take to end what it runs once it was
	// told to. Its own steps (shell.sh) take about 150 ms.
	endGrace = 1500 * time.Millisecond
	// killAfter is when a shell is given up for good. Until then a slow host may
	// still be at it, though nobody waits any more.
	killAfter = 15 * time.Second
	// answerLimit is how long a shell may take to begin a script: its login files
	// may be slow, and sudo may wait for a directory service.
	answerLimit = time.Minute
	// askEvery is how often a shell is asked whether a script still runs: one that
	// was killed can't tell its own end.
	askEvery = 3 * time.Second
	// longText is from how many bytes on bash is spared to read byte by byte, as
	// it does from a pipe: about as long as starting one program.
	longText = 4 << 10
	// drainGrace is how long output may still be on its way after the shell's
	// end; a process left in the background may hold the streams for ever.
	drainGrace = 500 * time.Millisecond
)

// A Process is a freshly started POSIX sh that reads commands from its
// standard input, as seen from the controller's side of its pipes.
type Process struct {
	Stdin          io.WriteCloser
	Stdout, Stderr io.Reader
	// Wait returns the exit code when the shell has ended (128+N for signal
	// N), or an error if the connection to it was lost. It is called once.
	Wait func() (code int, err error)
	// Close gives the process up: Wait and the readers return soon.
	Close func() error
}

// A Shell is a long-lived shell that runs one script after another, each in
// one round trip. When its standard input ends, by Close, by a cancelled Run
// or by a lost connection, it ends the script that it runs: TERM, and KILL
// after a moment.
type Shell struct {
	p      Process
	limit  int           // of each stream, in bytes
	answer time.Duration // how long a script may take to begin
	ask    time.Duration // how often it is asked whether the script still runs
	turn   chan struct{} // holds the one turn to run a script

	opening string       // what is sent before the first script, for what starts the shell; then ""
	setup   string       // what the shell reads first; then ""
	read    map[int]bool // the units of the prelude that the shell has read

	mu    sync.Mutex
	run   *run      // the running script, or nil
	noise [2][]byte // what arrived on stdout and stderr outside of any script, its first bytes

	closed atomic.Bool   // we have ended it
	ended  chan struct{} // closed at the shell's end, when code and err are set
	code   int
	err    error
}

// Ended is the error of a script whose shell was gone before the script's
// end.
type Ended struct {
	Code           int    // the shell's exit code, if Err is nil
	Err            error  // why the connection was lost
	Began          bool   // the script had begun: it may have run in part
	Sent           bool   // the script was sent whole: lost with the connection, it may have run though nothing was heard of it
	Stdout, Stderr string // what came before the script began
}

// ErrSilent is a shell that has not begun a script in time.
var ErrSilent = errors.New("the shell has not answered")

// errClosed is a shell that Close ended.
var errClosed = errors.New("it was closed")

// Error says how the shell ended.
func (e *Ended) Error() string {
	if e.Err != nil {
		return "the connection to the shell was lost: " + e.Err.Error()
	}
	return fmt.Sprintf("the shell ended with exit code %d", e.Code)
}

// Unwrap returns why the connection was lost.
func (e *Ended) Unwrap() error { return e.Err }

// NewShell takes over a fresh shell. The opening is sent ahead of everything,
// for instance what becomes another user; nothing is sent before the first Run.
func NewShell(p Process, opening string) *Shell {
	s := &Shell{
		p: p, limit: outputLimit, answer: answerLimit, ask: askEvery, turn: make(chan struct{}, 1),
		opening: opening, setup: withoutComments(shellText), read: map[int]bool{},
		ended: make(chan struct{}),
	}
	var pumps sync.WaitGroup
	pumps.Go(func() { s.pump(p.Stdout, 0) })
	pumps.Go(func() { s.pump(p.Stderr, 1) })
	drained := make(chan struct{})
	go func() { pumps.Wait(); close(drained) }()
	go s.watch(drained)
	return s
}

// Run runs a script to its end. Its own failure is in Output.Code; an error is
// an *Ended, or the context's once the script was ended, when the Output holds
// what had come by then. After an error the shell is of no more use.
// onRecord may be nil; it is called while Run runs, by one goroutine.
func (s *Shell) Run(ctx context.Context, body string, onRecord func(Record)) (Output, error) {
	if strings.IndexByte(body, 0) >= 0 {
		return Output{}, errors.New("the script holds a NUL byte, which no shell can read")
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return Output{}, context.Cause(ctx)
	}
	if err := context.Cause(ctx); err != nil {
		return Output{}, err
	}
	if s.closed.Load() {
		return Output{}, &Ended{Err: errClosed}
	}
	r := newRun(s.limit, onRecord)
	s.setRun(r)
	defer s.setRun(nil)
	select {
	case <-s.ended: // it died since the last script
		return s.died(r, false)
	default:
	}
	text := s.compose(r, body)
	// A failed write needs no answer: the shell is ending, and watch sees why.
	var whole atomic.Bool
	sent := make(chan struct{}, 1)
	send := func(text []byte) {
		if _, err := s.p.Stdin.Write(text); err == nil {
			whole.Store(true)
		}
		sent <- struct{}{}
	}
	go send(text)
	silent := time.NewTimer(s.answer)
	defer silent.Stop()
	ask := time.NewTicker(s.ask)
	defer ask.Stop()
	for {
		select {
		case <-r.done:
			return r.output(), nil
		case <-s.ended:
			select {
			case <-sent:
				return s.died(r, whole.Load())
			case <-time.After(drainGrace):
				return s.died(r, true) // as far as is known
			}
		case <-silent.C:
			if !s.began(r) {
				s.end()
				s.partial(r)
				return Output{}, &Ended{Err: fmt.Errorf("%w within %s", ErrSilent, s.answer), Sent: true, Stderr: s.said(1)}
			}
		case <-ask.C:
			select {
			case <-sent:
				go send([]byte("ep_ask .\n"))
			default: // the line is busy
			}
		case <-ctx.Done():
			s.end()
			return s.partial(r), context.Cause(ctx)
		}
	}
}

// Alive reports whether the shell can run scripts, as far as is known. One that
// was told to end can't, though it may need a while to do so.
func (s *Shell) Alive() bool {
	if s.closed.Load() {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// Close ends the shell, and the script that it runs.
func (s *Shell) Close() error {
	s.end()
	return nil
}

// end tells the shell to end what it runs and itself, and waits a moment for it.
func (s *Shell) end() {
	if s.closed.Swap(true) {
		return // it has been told, and waited for
	}
	s.p.Stdin.Close()
	t := time.NewTimer(endGrace)
	defer t.Stop()
	select {
	case <-s.ended:
		s.p.Close()
	case <-t.C:
		time.AfterFunc(killAfter-endGrace, func() { s.p.Close() })
	}
}

// compose makes one text of a script and all that must precede it: what begins a
// shell, and the verbs that no script before has used.
func (s *Shell) compose(r *run, body string) []byte {
	verbs, quoted := missing(body, s.read), Quote(body)
	tail := "\nep_run " + r.mark + " " + r.edge + " .\n"
	parts := []string{s.opening, "", s.setup, verbs, "EP_BODY=", quoted, tail}
	s.opening, s.setup = "", ""
	long := 0
	for _, part := range parts[2:] {
		long += len(part)
	}
	if long >= longText {
		parts[1] = `[ -z "${BASH_VERSION-}" ] || eval "$(head -c ` + strconv.Itoa(long) + `)"` + "\n"
	}
	// One piece: a thousand shells at once feel each copy.
	text := make([]byte, 0, len(parts[0])+len(parts[1])+long)
	for _, part := range parts {
		text = append(text, part...)
	}
	return text
}

// pump hands what arrives on a stream to the running script.
func (s *Shell) pump(r io.Reader, stream int) {
	// Most shells say little, and there may be thousands.
	buf := make([]byte, 1<<10)
	for {
		n, err := r.Read(buf)
		s.mu.Lock()
		if s.run != nil {
			s.note(stream, s.run.feed(stream, buf[:n]))
		} else {
			s.note(stream, buf[:n])
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
		if n == len(buf) && n < 32<<10 {
			buf = make([]byte, 2*n)
		}
	}
}

// note keeps the first of what comes outside of any script.
func (s *Shell) note(stream int, b []byte) {
	if room := 8<<10 - len(s.noise[stream]); room > 0 {
		s.noise[stream] = append(s.noise[stream], b[:min(room, len(b))]...)
	}
}

// watch waits for the shell's end.
func (s *Shell) watch(drained <-chan struct{}) {
	code, err := s.p.Wait()
	t := time.NewTimer(drainGrace)
	defer t.Stop()
	select {
	case <-drained:
	case <-t.C:
	}
	s.p.Close()
	s.code, s.err = code, err
	close(s.ended)
}

func (s *Shell) setRun(r *run) {
	s.mu.Lock()
	s.run = r
	s.mu.Unlock()
}

// died is the outcome of a script whose shell is gone. One that was not sent whole
// has not run: its last line says that all has come.
func (s *Shell) died(r *run, sent bool) (Output, error) {
	select {
	case <-r.done: // it ended before its shell did
		return r.output(), nil
	default:
	}
	out := s.partial(r)
	err := s.err
	if err == nil && s.closed.Load() {
		err = errClosed
	}
	return out, &Ended{Code: s.code, Err: err, Began: s.began(r), Sent: sent, Stdout: s.said(0), Stderr: s.said(1)}
}

func (s *Shell) began(r *run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.began()
}

// said is what came on a stream outside of any script.
func (s *Shell) said(stream int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(string(s.noise[stream]))
}

// partial takes what an unfinished script has left so far.
func (s *Shell) partial(r *run) Output {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = nil
	for i := range r.streams {
		s.note(i, r.streams[i].rest())
	}
	return r.output()
}

// newWord makes a word that nothing prints by chance.
func newWord() string { return "ep" + rand.Text() }
