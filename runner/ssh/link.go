package ssh

import (
	"context"
	"net"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// A link is what carries processes to a host: an SSH connection, or nothing.
type link interface {
	// start starts a command. That the far side refuses it may show only by its
	// silence: to wait for its consent would cost a round trip.
	start(ctx context.Context, command string) (script.Process, error)
	// DialContext connects from the host.
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	// login is the user that the host knows us as.
	login() string
	// hostKey is the host's key as a line of authorized_keys has it, or "".
	hostKey() string
	// crowded reports whether somebody waits for a session to end.
	crowded() bool
	// lost is closed when the link is gone; nil if it can't go.
	lost() <-chan struct{}
	Close() error
}
