package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Tests end the controller at a change of their choice, as a power cut would,
// by these variables of the environment.
const (
	// killAtEnv is N: right before the Nth change to a host, or N.M: some time
	// after the Nth was begun, M tenths of middle. The first is 1.
	killAtEnv = "ETCDPLAY_TEST_KILL_AT"
	// stepsEnv is a file that the number and the name of each change are added to.
	stepsEnv = "ETCDPLAY_TEST_STEPS"
)

// middle is how long a change that is ended in its middle has at most.
const middle = 100 * time.Millisecond

// A testKill counts the changes of a run.
type testKill struct {
	at    int
	after time.Duration // 0: before the change
	steps string        // a file, or ""

	mu   sync.Mutex
	seen int
}

// onChange is what a run tells its changes, or nil: nobody tests.
func onChange() (func(what string), error) {
	at, steps := os.Getenv(killAtEnv), os.Getenv(stepsEnv)
	if at == "" && steps == "" {
		return nil, nil
	}
	k := &testKill{steps: steps}
	if at != "" {
		number, tenths, inside := strings.Cut(at, ".")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return nil, usageError("%s=%s is no number of a change: 3 is before the third, 3.5 in its middle", killAtEnv, at)
		}
		k.at = n
		if inside {
			m, err := strconv.Atoi(tenths)
			if err != nil || m < 1 || m > 9 {
				return nil, usageError("%s=%s: behind the point stands one digit from 1 to 9", killAtEnv, at)
			}
			k.after = middle * time.Duration(m) / 10
		}
	}
	return k.change, nil
}

// change counts one; it does not return if the run is to end here.
func (k *testKill) change(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen++
	if err := k.tell(what); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	switch {
	case k.seen != k.at:
	case k.after > 0:
		time.AfterFunc(k.after, die)
	default:
		die()
	}
}

func (k *testKill) tell(what string) error {
	if k.steps == "" {
		return nil
	}
	f, err := os.OpenFile(k.steps, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "%d %s\n", k.seen, strings.ReplaceAll(what, "\n", " "))
	return err
}

// die ends the program without a chance to tidy up.
func die() {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill()
	}
	select {} // until it has happened
}
