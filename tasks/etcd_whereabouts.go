package tasks

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// A whereabouts dials a host's member. One whose client port was changed in the
// variables still serves at the old one until it is restarted: where nobody answers
// at the wanted port the host is asked, once, at which its member serves.
type whereabouts struct {
	host   Peer
	member *EtcdMember
	target *Target

	reached atomic.Bool // where it is wanted: then it only was restarted
	once    sync.Once
	other   string // HOST:PORT, or ""
}

// DialContext connects to the member, at addr or where it serves.
func (w *whereabouts) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := w.host.Conn.DialContext(ctx, network, addr)
	if err == nil {
		w.reached.Store(true)
		return conn, nil
	}
	_, refused := errors.AsType[*Failure](err) // by the host, through the connection
	if !refused && !errors.Is(err, syscall.ECONNREFUSED) || w.reached.Load() {
		return nil, err
	}
	w.once.Do(func() { w.other = w.look(ctx) })
	if w.other == "" {
		return nil, err
	}
	if conn, otherErr := w.host.Conn.DialContext(ctx, network, w.other); otherErr == nil {
		return conn, nil
	}
	return nil, err
}

// look is the address at which the member serves, when that is another one than
// wanted.
func (w *whereabouts) look(ctx context.Context) string {
	s := script.New().Call("launch_look_named", "-name")
	_, facts, err := w.target.elsewhere(w.host).Query(ctx, s)
	if err != nil {
		return "" // that nobody answers is told by who dialled
	}
	var found [][]string
	for key, text := range facts {
		pid, is := strings.CutPrefix(key, "process.")
		if p, err := parseProcess(pid, text); is && err == nil && w.is(p.args) {
			found = append(found, p.args)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return servedAt(found[0], w.member.Endpoint)
}

// is reports whether a command line is the member's: its name and its peer URL. The
// name alone may be that of another cluster's member.
func (w *whereabouts) is(args []string) bool {
	own, _, err := etcd.ParseURL(w.member.PeerURL)
	if err != nil || flagIn(args, "name") != w.member.named(w.host) {
		return false
	}
	for url := range strings.SplitSeq(flagIn(args, "initial-advertise-peer-urls"), ",") {
		if addr, _, err := etcd.ParseURL(url); err == nil && addr == own {
			return true
		}
	}
	return false
}
