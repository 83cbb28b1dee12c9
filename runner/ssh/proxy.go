package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// proxyCommand runs the user's own command and talks to the server over its
// standard streams, as ssh_config's ProxyCommand says. Its standard error is
// the user's.
func proxyCommand(ctx context.Context, r *route) (net.Conn, error) {
	// The command goes to a shell, as with OpenSSH: a name must not bring one of its own.
	for _, s := range []string{r.address, r.host.Address, r.user} {
		if strings.HasPrefix(s, "-") || strings.ContainsAny(s, "'\"`$\\;&<>|(){}*? \t\n!") {
			return nil, fmt.Errorf("%q can't stand in a ProxyCommand", s)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	back, out, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirs.Close(), ours.Close())
	}
	cmd := exec.Command("/bin/sh", "-c", "exec "+expand(r.proxy, r.host.Address, r))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, out, os.Stderr
	err = cmd.Start()
	theirs.Close()
	out.Close()
	if err != nil {
		return nil, errors.Join(err, ours.Close(), back.Close())
	}
	return &piped{in: back, out: ours, cmd: cmd}, nil
}

// piped is a command's standard streams as a connection.
type piped struct {
	in, out *os.File
	cmd     *exec.Cmd
	once    sync.Once
}

func (p *piped) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p *piped) Write(b []byte) (int, error) { return p.out.Write(b) }

func (p *piped) Close() error {
	p.once.Do(func() {
		p.in.Close()
		p.out.Close()
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM) // fails if it has ended
		_ = p.cmd.Wait()
	})
	return nil
}

func (p *piped) LocalAddr() net.Addr  { return &net.UnixAddr{Name: "proxy command", Net: "unix"} }
func (p *piped) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

func (p *piped) SetDeadline(t time.Time) error {
	return errors.Join(p.in.SetDeadline(t), p.out.SetDeadline(t))
}
func (p *piped) SetReadDeadline(t time.Time) error  { return p.in.SetReadDeadline(t) }
func (p *piped) SetWriteDeadline(t time.Time) error { return p.out.SetWriteDeadline(t) }
