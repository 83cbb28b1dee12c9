package ssh

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/etcdplay/etcdplay/tasks"
)

//go:embed upload.sh
var uploadText string

// upload sends a file on a session of its own, in one round trip more than that
// takes: what an upload that was cut off has left on the host is not sent again.
func (c *Conn) upload(ctx context.Context, src *measured, dst string, mode string) (code int, said string, err error) {
	word := "ep" + rand.Text()
	d := &dialogue{src: src, answer: make(chan string, 1), over: make(chan struct{})}
	c.tally.trips.Add(1)
	code, said, err = c.stream(ctx, d, &behind{fence: []byte(word + " "), w: d},
		uploadText, path.Dir(dst), dst, strconv.FormatInt(src.size, 10), src.sum, mode, word)
	var lost *tasks.Unreachable
	if errors.As(err, &lost) && lost.Hint == "" {
		lost.Hint = "what has come of " + dst + " is kept on the host for two days: run again, and only the rest is sent"
	}
	return code, said, err
}

// A dialogue is an upload's. What the host tells of the part that it has is
// written to it; what the host is to have then is read from it.
type dialogue struct {
	src    *measured
	heard  []byte
	answer chan string   // gets the host's answer
	over   chan struct{} // closed when none will come
	once   sync.Once
	rest   io.Reader // nil before the answer
}

func (d *dialogue) Write(p []byte) (int, error) {
	d.heard = append(d.heard, p...)
	if line, _, whole := strings.Cut(string(d.heard), "\n"); whole {
		select {
		case d.answer <- line:
		default: // it has been given
		}
		d.heard = nil
	}
	return len(p), nil
}

func (d *dialogue) Read(p []byte) (int, error) {
	if d.rest == nil {
		select {
		case line := <-d.answer:
			right, err := d.right(line)
			if err == nil {
				err = d.src.from(right)
			}
			if err != nil {
				return 0, err
			}
			d.rest = io.MultiReader(strings.NewReader(strconv.FormatInt(right, 10)+"\n"), d.src.r)
		case <-d.over:
			return 0, io.EOF
		}
	}
	return d.rest.Read(p)
}

// right is how many bytes of the part on the host are those of the file: all of
// it or nothing.
func (d *dialogue) right(line string) (int64, error) {
	words := strings.Fields(line)
	if len(words) != 2 {
		return 0, nil
	}
	size, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil || size <= 0 || size > d.src.size {
		return 0, nil
	}
	sum, err := d.src.sumOf(size)
	if err != nil || sum != words[1] {
		return 0, err
	}
	return size, nil
}

func (d *dialogue) Close() error {
	d.once.Do(func() { close(d.over) })
	return nil
}
