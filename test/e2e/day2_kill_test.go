package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// thorough is whether everything is to be tried (make chaos) and not a sample.
func thorough() bool { return os.Getenv("ETCDPLAY_CHAOS") == "full" }

// A stepping is a run of a playbook, whose changes are known as they are made.
type stepping struct {
	*running
	file string

	mu    sync.Mutex
	steps []string
}

// begin starts a playbook under a siege (or none, nil), which is told of its
// steps. at is where the controller is to be killed: 3 is before the third
// change, 3.5 while it is made, "" nowhere.
func (c *cluster) begin(t *testing.T, s *siege, at, book string, more ...string) *stepping {
	t.Helper()
	file := filepath.Join(t.TempDir(), "steps")
	cmd := command(c.lab, append([]string{"run", "--output", "json"}, c.args(t, book, more...)...)...)
	cmd.Env = append(cmd.Env, "ETCDPLAY_TEST_STEPS="+file, "ETCDPLAY_TEST_KILL_AT="+at)
	r := &stepping{running: start(t, cmd), file: file}
	told := make(chan struct{})
	go func() {
		defer close(told)
		for ended := false; !ended; {
			select {
			case <-r.done:
				ended = true // and look once more
			case <-time.After(10 * time.Millisecond):
			}
			r.look(s)
		}
	}()
	t.Cleanup(func() { <-told })
	return r
}

// look reads the steps that were begun since the last time.
func (r *stepping) look(s *siege) {
	text, _ := os.ReadFile(r.file) // it is there from the first change on
	r.mu.Lock()
	defer r.mu.Unlock()
	all := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for _, step := range all[min(len(r.steps), len(all)):] {
		if step == "" {
			continue
		}
		r.steps = append(r.steps, step)
		if s != nil {
			s.load.Mark(step)
		}
	}
}

// all returns the steps so far.
func (r *stepping) all() []string {
	r.look(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.steps
}

// own are the numbers of the steps that are the operation's own, without the
// chapters that prepare a host: these are site.yml's.
func own(steps []string) (numbers []int) {
	for i, step := range steps {
		if _, name, _ := strings.Cut(step, " "); !strings.HasPrefix(name, "1.") {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// reachesOwn waits until the nth step of the operation's own is begun. It fails
// the test if the run ends before.
func (r *stepping) reachesOwn(n int) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("step %d of the operation", n), func() bool {
		reached := len(own(r.all())) >= n
		select {
		case <-r.done:
			if !reached {
				r.t.Fatalf("the run ended before step %d of the operation: %s", n, r.end().dump())
			}
		default:
		}
		return reached
	})
}

// killedIn runs a playbook whose controller is killed in the course of the nth
// step of the operation's own.
func (c *cluster) killedIn(t *testing.T, s *siege, n int, book string, more ...string) {
	t.Helper()
	r := c.begin(t, s, "", book, more...)
	r.reachesOwn(n)
	_ = r.cmd.Process.Kill() // or it has just ended
	r.end()
	steps := r.all()
	t.Logf("killed in: %s", steps[len(steps)-1])
}

// killedAt runs a playbook whose controller is killed. A run may turn out to
// have fewer changes, since hosts go on beside each other; then it ends well.
func (c *cluster) killedAt(t *testing.T, s *siege, at, book string, more ...string) {
	t.Helper()
	r := c.begin(t, s, at, book, more...)
	res, last := r.end(), "nothing"
	if steps := r.all(); len(steps) > 0 {
		last = steps[len(steps)-1]
	}
	switch res.code {
	case -1:
		t.Logf("killed at %s: %s", at, last)
	case 0:
		t.Logf("to be killed at %s, it had no such change: the last was %s", at, last)
	default:
		t.Fatalf("to be killed at %s, it ended with %d\n%s", at, res.code, res.dump())
	}
}

// momentsFlag is for who has less patience than make chaos asks for.
var momentsFlag = flag.Int("moments", 0, "how many moments of each operation make chaos kills the controller at (0: all)")

// moments are where to kill a run of these changes: before each and in its
// middle, or all along it if there are few, which then do much each; or as many
// as the flag says, by turns, of the operation's own.
func moments(steps []string) (all []string) {
	if *momentsFlag == 0 {
		tenths := []int{5}
		if len(steps) <= 3 {
			tenths = []int{1, 2, 3, 4, 5, 6, 7, 8, 9}
		}
		for i := range steps {
			all = append(all, fmt.Sprint(i+1))
			for _, tenth := range tenths {
				all = append(all, fmt.Sprintf("%d.%d", i+1, tenth))
			}
		}
		return all
	}
	from := own(steps)
	few := min(len(from), *momentsFlag)
	for i := range few {
		at := fmt.Sprint(from[(2*i+1)*len(from)/(2*few)])
		if i%2 == 1 {
			at += ".5"
		}
		all = append(all, at)
	}
	return all
}
