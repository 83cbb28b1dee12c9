package ssh

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/user"
	"sync"
	"syscall"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// local is this machine, reached without SSH (ansible_connection=local).
type local struct{ dialer net.Dialer }

// start starts the stage in a session of its own, as sshd does.
func (l *local) start(_ context.Context, command string) (script.Process, error) {
	cmd := exec.Command("sh", "-c", "exec "+command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return script.Process{}, err
	}
	// Pipes of our own: those of exec are closed by Wait, read or not.
	outR, outW, err := os.Pipe()
	if err != nil {
		return script.Process{}, err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return script.Process{}, errors.Join(err, outR.Close(), outW.Close())
	}
	cmd.Stdout, cmd.Stderr = outW, errW
	err = cmd.Start()
	outW.Close()
	errW.Close()
	if err != nil {
		return script.Process{}, errors.Join(err, outR.Close(), errR.Close())
	}
	var once sync.Once
	return script.Process{
		Stdin: in, Stdout: outR, Stderr: errR,
		Wait: func() (int, error) {
			if err := cmd.Wait(); cmd.ProcessState == nil {
				return 0, err
			}
			if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
				return 128 + int(ws.Signal()), nil
			}
			return cmd.ProcessState.ExitCode(), nil
		},
		Close: func() error {
			once.Do(func() {
				_ = cmd.Process.Kill() // fails if it has ended
				outR.Close()
				errR.Close()
			})
			return nil
		},
	}, nil
}

func (l *local) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return l.dialer.DialContext(ctx, network, addr)
}

func (l *local) login() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

func (l *local) hostKey() string       { return "" }
func (l *local) lost() <-chan struct{} { return nil }
func (l *local) crowded() bool         { return false }
func (l *local) Close() error          { return nil }
