package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// A contender does a case's work in a process of its own.
type contender struct {
	name    string
	skip    string // why it can't be measured here; "" if it can
	command func(context.Context) *exec.Cmd
	after   func(context.Context)     // tidies up, outside the time; may be nil
	check   func(output string) error // what a good run must have said; may be nil
}

// A Run is one run of a contender.
type Run struct {
	Wall float64 `json:"wall_s"`      // seconds
	CPU  float64 `json:"cpu_s"`       // seconds, on the controller, children included
	RSS  int64   `json:"max_rss_kib"` // KiB; of the process itself, without children
}

// patience is how long one run may take.
const patience = 10 * time.Minute

// measure runs each contender once a round. before readies the hosts for a
// run and is not timed; it may be nil.
func (b *bench) measure(ctx context.Context, before func(context.Context) error, contenders []contender) ([]Contender, error) {
	all := make([]Contender, len(contenders))
	for i, c := range contenders {
		all[i] = Contender{Name: c.name, Skipped: c.skip}
		if c.skip == "" && i > 0 && !b.wanted(c.name) {
			all[i].Skipped = "not chosen by -peers"
		}
	}
	for round := range b.runs {
		for i, c := range contenders {
			if all[i].Skipped != "" {
				continue
			}
			if before != nil {
				if err := before(ctx); err != nil {
					return all, err
				}
			}
			r, err := b.once(ctx, c)
			if err != nil {
				return all, fmt.Errorf("%s, round %d: %w", c.name, round+1, err)
			}
			fmt.Fprintf(os.Stderr, "  round %d  %-28s %7.3f s\n", round+1, c.name, r.Wall)
			all[i].Runs = append(all[i].Runs, r)
		}
	}
	return all, nil
}

func (b *bench) wanted(name string) bool {
	if b.peers == "" {
		return true
	}
	for p := range strings.SplitSeq(b.peers, ",") {
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(p)) {
			return true
		}
	}
	return false
}

// once runs a contender.
func (b *bench) once(ctx context.Context, c contender) (Run, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := c.command(ctx)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	began := time.Now()
	err := cmd.Start()
	var rss int64
	if err == nil {
		peak := watchMemory(cmd.Process.Pid)
		err = cmd.Wait()
		rss = peak()
	}
	took := time.Since(began)
	if c.after != nil {
		c.after(ctx)
	}
	if b.verbose {
		os.Stderr.Write(out.Bytes())
	}
	if err == nil && c.check != nil {
		err = c.check(out.String())
	}
	if err != nil {
		return Run{}, fmt.Errorf("%w\n%s", err, lastLines(out.String(), 40))
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return Run{Wall: took.Seconds(), CPU: cpu.Seconds(), RSS: rss}, nil
}

// watchMemory looks at a process until the returned function is called, which
// tells its largest size in KiB. What wait tells of it can't be used: that has
// the size of the process that started it, this one, in it.
func watchMemory(pid int) (peak func() int64) {
	stop, result := make(chan struct{}), make(chan int64, 1)
	go func() {
		var most int64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				result <- most
				return
			case <-tick.C:
				status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
				if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
					var kib int64
					if _, err := fmt.Sscan(rest, &kib); err == nil {
						most = max(most, kib)
					}
				}
			}
		}
	}()
	return func() int64 { close(stop); return <-result }
}

// nothingChanged is the check of a run that has nothing to do. Ansible and
// etcdplay count alike.
func nothingChanged(hosts int) func(string) error {
	recap := regexp.MustCompile(`ok=[1-9]\d* .*changed=(\d+)`)
	return func(out string) error {
		found := recap.FindAllStringSubmatch(out, -1)
		if len(found) != hosts {
			return fmt.Errorf("the recap has %d hosts of %d", len(found), hosts)
		}
		for _, m := range found {
			if m[1] != "0" {
				return errors.New("something was changed where nothing should have been")
			}
		}
		return nil
	}
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
