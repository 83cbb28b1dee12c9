package report

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
)

// A statusLine is the last line of a live terminal: which task is running,
// which hosts are awaited and for how long, and what they say they are doing.
// A nil one shows nothing.
type statusLine struct {
	w     io.Writer
	cols  int
	mu    sync.Mutex
	task  string
	since time.Time
	total int
	ended int
	hosts map[string]string // what a host is busy with
	drawn bool
	stop  chan struct{}
}

// quiet is how long a task runs before the line appears: short ones would
// only flicker.
const quiet = 400 * time.Millisecond

func newStatusLine(w io.Writer, cols int) *statusLine {
	if cols <= 0 {
		cols = 80
	}
	s := &statusLine{w: w, cols: cols, hosts: map[string]string{}, stop: make(chan struct{})}
	go s.tick()
	return s
}

func (s *statusLine) tick() {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			s.mu.Lock()
			s.erase()
			s.paint()
			s.mu.Unlock()
		}
	}
}

// begin starts a task on a number of hosts.
func (s *statusLine) begin(task string, hosts int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.task, s.since, s.total, s.ended = task, time.Now(), hosts, 0
	s.hosts = map[string]string{}
}

// show says what a host is busy with.
func (s *statusLine) show(task, host, text string) {
	if s == nil || host == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[host] = text
}

// done takes a host off, when it has ended its task.
func (s *statusLine) done(host string, ended bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hosts, host)
	if ended {
		s.ended++
	}
}

// clear takes the line away, to let output pass; draw brings it back.
func (s *statusLine) clear() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.erase()
}

func (s *statusLine) draw() {
	if s == nil {
		return
	}
	s.paint()
	s.mu.Unlock()
}

func (s *statusLine) erase() {
	if s.drawn {
		io.WriteString(s.w, "\r\x1b[K")
		s.drawn = false
	}
}

func (s *statusLine) paint() {
	if s.task == "" || time.Since(s.since) < quiet || s.ended >= s.total {
		return
	}
	var busy []string
	for h, text := range s.hosts {
		busy = append(busy, h+": "+text)
	}
	sort.Strings(busy)
	text := fmt.Sprintf("%s  %d of %d hosts, %s", s.task, s.ended, s.total, time.Since(s.since).Round(time.Second))
	if len(busy) > 0 {
		text += "  " + strings.Join(busy, "; ")
	}
	io.WriteString(s.w, "\x1b[2m"+runewidth.Truncate(strings.ReplaceAll(text, "\n", " "), s.cols-1, "…")+"\x1b[0m")
	s.drawn = true
}

func (s *statusLine) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	s.task = ""
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
}

func width(s string) int { return runewidth.StringWidth(s) }
