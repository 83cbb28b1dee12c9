package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
	"github.com/melbahja/goph"
	xssh "golang.org/x/crypto/ssh"
)

// remote is an SSH connection to a host.
type remote struct {
	client   *goph.Client
	route    *route
	conn     *counted
	key      xssh.PublicKey
	gone     chan struct{} // closed when the connection is lost or closed
	sessions *sessions
}

// start starts a command on a session of its own, when there is room for one.
func (l *remote) start(ctx context.Context, command string) (script.Process, error) {
	for {
		if err := l.sessions.enter(ctx, l.gone); err != nil {
			return script.Process{}, err
		}
		l.conn.tally.trips.Add(1)
		p, err := startOn(l.client.Client, command, l.sessions.leave)
		var refused *xssh.OpenChannelError
		switch {
		case err == nil:
			return p, nil
		case errors.As(err, &refused) && l.sessions.refused(ctx):
		default:
			l.sessions.leave()
			return p, err
		}
	}
}

func (l *remote) crowded() bool { return l.sessions.waiting.Load() > 0 }

// DialContext connects from the host to an address, through this connection.
func (l *remote) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := l.client.DialContext(ctx, network, addr)
	var refused *xssh.OpenChannelError
	if errors.As(err, &refused) {
		f := &tasks.Failure{Msg: fmt.Sprintf("%s can't connect to %s: %s", l.route.host.Name, addr, refused.Message), Err: err}
		if refused.Reason == xssh.Prohibited {
			f.Msg = fmt.Sprintf("%s may not be used to connect to %s", l.route.host.Name, addr)
			f.Hint = "its sshd forbids forwarding: set AllowTcpForwarding (local or yes) and PermitOpen in sshd_config"
		}
		return nil, f
	}
	return c, err
}

func (l *remote) login() string         { return l.route.user }
func (l *remote) lost() <-chan struct{} { return l.gone }
func (l *remote) Close() error          { return l.client.Close() }

func (l *remote) hostKey() string {
	key := l.key
	if cert, ok := key.(*xssh.Certificate); ok {
		key = cert.Key
	}
	return strings.TrimSpace(string(xssh.MarshalAuthorizedKey(key)))
}
