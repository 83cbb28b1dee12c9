package main

import (
	"io"
	"os/exec"
	"syscall"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
)

// newServer is an SSH server that lets one key in and runs what it is told in a
// real sh, whose processes end with the connection. start starts one for the host
// with that address.
func newServer(host gossh.Signer, login gossh.PublicKey, start func(addr string, cmd *exec.Cmd) error) *ssh.Server {
	s := &ssh.Server{
		Handler:          func(s ssh.Session) { _ = s.Exit(execute(s, start)) },
		PublicKeyHandler: func(_ ssh.Context, key ssh.PublicKey) bool { return ssh.KeysEqual(key, login) },
	}
	s.AddHostKey(host)
	return s
}

// grace is how long a shell may take to end when its connection has.
const grace = 10 * time.Second

func execute(s ssh.Session, start func(string, *exec.Cmd) error) int {
	cmd := exec.Command("/bin/sh", "-c", s.RawCommand())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh"}
	cmd.Stdout, cmd.Stderr = s, s.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil {
		return 255
	}
	if err := start(s.Context().LocalAddr().String(), cmd); err != nil {
		return 255
	}
	go func() {
		_, _ = io.Copy(in, s)
		in.Close()
	}()
	// As with sshd: the shell sees the end of its input, and what is still there
	// after a while is ended.
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-over:
			return
		case <-s.Context().Done():
			in.Close()
		}
		select {
		case <-over:
		case <-time.After(grace):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	}()
	if err := cmd.Wait(); err != nil {
		if code := cmd.ProcessState.ExitCode(); code > 0 {
			return code
		}
		return 255
	}
	return 0
}
