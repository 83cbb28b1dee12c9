package hosts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is one that the lab started and that lives on without it. A PID
// alone is not an identity, for PIDs are used again: with the time of the
// start and the boot of the machine it is.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since the machine's boot
	Boot  string `json:"boot"`  // the kernel's boot_id
}

// detachScript starts a command that waits for a line on descriptor 3 before it
// does anything, and says its PID. The shell is gone at once, so that its child
// is the init process's to reap and not ours: this program may exec itself.
const detachScript = `
log=$1; shift
setsid sh -c 'read -r go <&3 && exec "$@" 3<&-' sh "$@" </dev/null >"$log" 2>&1 &
echo $!
`

// detach starts a command that outlives this program, with what it says going
// to the file log, and notes its identity in the file record. The command
// begins only when the record is written: if this program is killed in between,
// nothing is left that nobody knows of.
func detach(ctx context.Context, record, log string, argv ...string) (process, error) {
	gate, open, err := os.Pipe()
	if err != nil {
		return process{}, err
	}
	defer open.Close()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-euc", detachScript, "sh", log}, argv...)...)
	cmd.Env = []string{"PATH=" + searchPath, "LC_ALL=C"}
	cmd.ExtraFiles = []*os.File{gate}
	out, err := cmd.Output()
	gate.Close()
	if err != nil {
		return process{}, fmt.Errorf("start %s: %w", argv[0], err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return process{}, fmt.Errorf("start %s: %w", argv[0], err)
	}
	p, err := identify(pid)
	if err != nil {
		return process{}, fmt.Errorf("start %s: %w", argv[0], err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		return process{}, err
	}
	if err := os.WriteFile(record+".new", data, 0o600); err != nil {
		return process{}, err
	}
	if err := os.Rename(record+".new", record); err != nil {
		return process{}, err
	}
	_, err = fmt.Fprintln(open, "go")
	return p, err
}

// recorded reads the identity that detach noted. No record, or one of a
// process that is gone, makes a process that doesn't run.
func recorded(record string) (process, error) {
	var p process
	data, err := os.ReadFile(record)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	return p, err
}

// identify describes the running process with this PID.
func identify(pid int) (process, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return process{}, err
	}
	state, start, err := stat(pid)
	if err != nil {
		return process{}, err
	}
	if state == "Z" {
		return process{}, fmt.Errorf("process %d has ended", pid)
	}
	return process{PID: pid, Start: start, Boot: strings.TrimSpace(string(boot))}, nil
}

// stat reads the state and the start time of a process: fields 3 and 22 of
// /proc/PID/stat, counted after the name in parentheses (proc(5)).
func stat(pid int) (state string, start uint64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0, err
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	const firstField = 3
	if len(fields) <= 22-firstField {
		return "", 0, fmt.Errorf("/proc/%d/stat is short", pid)
	}
	start, err = strconv.ParseUint(string(fields[22-firstField]), 10, 64)
	return string(fields[0]), start, err
}

// running reports whether this very process still runs.
func (p process) running() bool {
	if p.PID <= 1 {
		return false
	}
	now, err := identify(p.PID)
	return err == nil && now == p
}

// children returns the processes that p has started itself.
func (p process) children() []process {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.PID, p.PID))
	if err != nil || !p.running() {
		return nil
	}
	var children []process
	for field := range strings.FieldsSeq(string(data)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			continue
		}
		if c, err := identify(pid); err == nil {
			children = append(children, c)
		}
	}
	return children
}

// signal sends a signal to this very process, if it still runs.
func (p process) signal(sig syscall.Signal) error {
	if !p.running() {
		return nil
	}
	err := syscall.Kill(p.PID, sig)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// wait returns when the process has ended.
func (p process) wait(ctx context.Context) error {
	return until(ctx, fmt.Sprintf("process %d to end", p.PID), func() (bool, error) {
		return !p.running(), nil
	})
}

// until waits for a condition, and no longer than ctx allows.
func until(ctx context.Context, what string, condition func() (bool, error)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := condition()
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// tail returns the end of a log file.
func tail(log string) string {
	data, err := os.ReadFile(log)
	if err != nil {
		return err.Error()
	}
	const most = 2000
	if len(data) > most {
		data = append([]byte("…"), data[len(data)-most:]...)
	}
	return fmt.Sprintf("%s says:\n%s", filepath.Base(log), data)
}
