package main

import (
	"errors"
	"io"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// processes is a process table of a host's own, so that what looks through it there
// sees what a real host would show. All that is in it ends with it, and it with
// this program.
type processes struct {
	first *exec.Cmd // the process number 1
	in    io.Closer // its standard input, whose end it waits for
}

// newProcesses makes an empty table; root only.
func newProcesses() (*processes, error) {
	t := &processes{first: exec.Command("/bin/sh", "-c", "mount -t proc proc /proc && echo ready && read -r end")}
	t.first.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS, Setsid: true}
	in, err := t.first.StdinPipe()
	if err != nil {
		return nil, err
	}
	t.in = in
	out, err := t.first.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := t.first.Start(); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		return nil, errors.Join(errors.New("no /proc could be mounted"), err, t.close())
	}
	return t, nil
}

// start starts a command in the table.
func (t *processes) start(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends here
		started <- t.enter(cmd)
	}()
	return <-started
}

// enter starts a command from a thread that has been moved there for good.
func (t *processes) enter(cmd *exec.Cmd) error {
	to, err := unix.PidfdOpen(t.first.Process.Pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // threads that share it can't move
		return err
	}
	if err := unix.Setns(to, unix.CLONE_NEWPID|unix.CLONE_NEWNS); err != nil {
		return err
	}
	return cmd.Start()
}

func (t *processes) close() error {
	t.in.Close()
	_ = t.first.Wait() // how it ended is of no interest
	return nil
}
