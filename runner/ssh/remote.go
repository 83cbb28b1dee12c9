package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

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

// start starts a stage on a session of its own, when there is room for one.
func (l *remote) start(ctx context.Context) (script.Process, error) {
	for {
		if err := l.sessions.enter(ctx, l.gone); err != nil {
			return script.Process{}, err
		}
		l.conn.tally.trips.Add(2) // open, exec
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

// keepAlive asks for a sign of life now and then, and closes a connection on
// which so many questions in a row went unanswered.
func (l *remote) keepAlive(every time.Duration, unanswered int) {
	dead := make(chan struct{})
	go func() { _ = l.client.Wait(); close(dead); close(l.gone) }()
	tick := time.NewTicker(every)
	defer tick.Stop()
	answers := make(chan struct{}, 1)
	asked, waiting := false, 0
	for {
		select {
		case <-dead:
			return
		case <-answers:
			asked, waiting = false, 0
		case <-tick.C:
			if waiting++; waiting > unanswered {
				l.conn.Close()
				return
			}
			if !asked {
				asked = true
				go func() {
					if _, _, err := l.client.SendRequest("keepalive@openssh.com", true, nil); err == nil {
						answers <- struct{}{}
					}
				}()
			}
		}
	}
}
