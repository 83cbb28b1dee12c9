package hosts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A CommandError says that a command on a host ended with another exit code
// than 0.
type CommandError struct {
	Host, Command  string
	Code           int
	Stdout, Stderr string
}

func (e *CommandError) Error() string {
	said := strings.TrimSpace(e.Stderr)
	if said == "" {
		said = strings.TrimSpace(e.Stdout)
	}
	return fmt.Sprintf("%s: exit code %d from %s: %s", e.Host, e.Code, e.Command, said)
}

// Exec runs a shell command on a host as root, at its console so to speak: it
// needs neither SSH nor the network, and works on a host that is cut off. It
// returns what the command wrote to its standard output. The error is a
// *CommandError if the command failed.
func (l *Lab) Exec(ctx context.Context, host, command string) (string, error) {
	h, err := l.Host(host)
	if err != nil {
		return "", err
	}
	return l.atConsole(ctx, h, command)
}

// SSH runs a shell command on a host through OpenSSH, as the user who logs in
// there. Like Exec it returns the standard output.
func (l *Lab) SSH(ctx context.Context, host, command string) (string, error) {
	h, err := l.Host(host)
	if err != nil {
		return "", err
	}
	return output(l.Command(ctx, "ssh", "-F", l.SSHConfig(), h.Name, command), h.Name, command)
}

// Netns is the file of the lab's network namespace, for nsenter --net=.
func (l *Lab) Netns() string { return namespaceFile(l.Name) }

// Command is a command that runs in the lab's network, at the controller's
// place. It isn't started.
func (l *Lab) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	argv := append([]string{"--net=" + namespaceFile(l.Name), "--", name}, args...)
	cmd := exec.CommandContext(ctx, "nsenter", argv...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// DialContext connects from the controller's place in the lab's network, for a
// program that is not in it. addr must be an IP address and a port.
func (l *Lab) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return dial(ctx, namespaceFile(l.Name), network, addr)
}

const insideVariable = "ETCDPLAY_LAB_INSIDE"

// Enter moves this program into the lab's network: it starts itself again in
// it with the same arguments and doesn't return, unless with an error. Inside
// it returns nil at once. TestMain calls it when all that needs another network
// (building, downloads) is done.
func (l *Lab) Enter() error {
	if Inside() == l.Name {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return err
	}
	argv := append([]string{nsenter, "--net=" + namespaceFile(l.Name), "--", self}, os.Args[1:]...)
	return syscall.Exec(nsenter, argv, append(os.Environ(), insideVariable+"="+l.Name))
}

// Inside returns the name of the lab that this program has entered, or "".
func Inside() string { return os.Getenv(insideVariable) }

func (l *Lab) atConsole(ctx context.Context, h Host, command string) (string, error) {
	init, err := l.init(h)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "nsenter", "--target", strconv.Itoa(init.PID),
		"--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--", "/bin/sh", "-c", command)
	cmd.Env = []string{"PATH=" + searchPath, "HOME=/root", "LC_ALL=C"}
	return output(cmd, h.Name, command)
}

func output(cmd *exec.Cmd, host, command string) (string, error) {
	// nsenter has a child: both must go when the context ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err != nil && cmd.ProcessState != nil && !cmd.ProcessState.Exited():
		return stdout.String(), fmt.Errorf("%s: %s: %w", host, command, err)
	case errors.As(err, &exit):
		return stdout.String(), &CommandError{
			Host: host, Command: command, Code: exit.ExitCode(),
			Stdout: stdout.String(), Stderr: stderr.String(),
		}
	}
	return stdout.String(), err
}
