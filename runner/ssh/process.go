package ssh

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/etcdplay/etcdplay/tasks/script"
	xssh "golang.org/x/crypto/ssh"
)

// errNoExit is a process of which no exit code came: its connection was lost.
var errNoExit = errors.New("the connection ended before the command did")

// startOn runs a command on a new session of an SSH connection. It speaks to the
// channel itself and not through ssh.Session, whose Wait waits for the channel's
// end: a process left in the background would hold that back. over is called when a
// session that was opened is over.
func startOn(client *xssh.Client, command string, over func()) (script.Process, error) {
	ch, reqs, err := client.OpenChannel("session", nil)
	if err != nil {
		return script.Process{}, err
	}
	exit := make(chan int, 1)
	gone := make(chan struct{})
	go func() {
		defer over()
		defer close(gone)
		for req := range reqs {
			switch req.Type {
			case "exit-status":
				var m struct{ Code uint32 }
				if xssh.Unmarshal(req.Payload, &m) == nil {
					report(exit, int(m.Code))
				}
			case "exit-signal":
				var m struct {
					Signal    string
					Core      bool
					Msg, Lang string
				}
				if xssh.Unmarshal(req.Payload, &m) == nil {
					report(exit, signalCode(m.Signal))
				}
			}
			if req.WantReply {
				_ = req.Reply(false, nil)
			}
		}
	}()
	// What the command is to read travels right behind, without waiting for consent.
	if _, err := ch.SendRequest("exec", false, xssh.Marshal(struct{ Command string }{command})); err != nil {
		ch.Close()
		return script.Process{}, err
	}
	var once sync.Once
	return script.Process{
		Stdin: &input{ch: ch}, Stdout: ch, Stderr: ch.Stderr(),
		Wait: func() (int, error) {
			select {
			case code := <-exit:
				return code, nil
			case <-gone:
			}
			select {
			case code := <-exit:
				return code, nil
			default:
				return 0, errNoExit
			}
		},
		Close: func() error { once.Do(func() { ch.Close() }); return nil },
	}, nil
}

// report keeps the first code that came.
func report(exit chan<- int, code int) {
	select {
	case exit <- code:
	default:
	}
}

// signalCode is the exit code for a signal's name (RFC 4254 section 6.10), as
// shells number it; 128 for one that is not known.
func signalCode(name string) int {
	numbers := map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9,
		"USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15}
	return 128 + numbers[name]
}

// input is a channel's input. Its Close ends that and leaves the output open.
// The channel must not be closed while it is written to, and a write may be
// stuck: then the writer closes once it is free.
type input struct {
	ch      xssh.Channel
	mu      sync.Mutex // held while writing
	closing atomic.Bool
	once    sync.Once
}

// Write writes piece by piece, so that Close need not wait for all of it.
func (in *input) Write(b []byte) (n int, err error) {
	in.mu.Lock()
	for n < len(b) && err == nil && !in.closing.Load() {
		var m int
		m, err = in.ch.Write(b[n:min(n+32<<10, len(b))])
		n += m
	}
	in.mu.Unlock()
	if in.closing.Load() {
		in.finish()
		if n < len(b) && err == nil {
			err = io.ErrClosedPipe
		}
	}
	return n, err
}

func (in *input) Close() error {
	in.closing.Store(true)
	in.finish()
	return nil
}

// finish ends the input unless it is being written to.
func (in *input) finish() {
	if in.mu.TryLock() {
		in.once.Do(func() { _ = in.ch.CloseWrite() }) // fails if the channel is gone
		in.mu.Unlock()
	}
}
