package tasks

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// eitherWay makes an endpoint reachable whether it speaks TLS or not, which may
// change meanwhile: each connection finds out anew. To the client it is an http
// endpoint; the TLS is within the connection.
func eitherWay(e etcd.Endpoint, config *tls.Config) (url string, dial dialer) {
	_, address, _ := strings.Cut(e.URL, "://")
	if config == nil {
		return "http://" + address, e.Dial
	}
	return "http://" + address, func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := e.Dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c := config.Clone()
		c.ServerName, _, _ = net.SplitHostPort(addr)
		c.NextProtos = []string{"h2"}
		secure := tls.Client(raw, c)
		if err = secure.HandshakeContext(ctx); err == nil {
			return secure, nil
		}
		err = errors.Join(err, raw.Close())
		if speaksNoTLS(err) {
			return e.Dial(ctx, network, addr)
		}
		return nil, err
	}
}

// speaksNoTLS reports whether a handshake failed for that: the server answered
// with something else, or hung up. A server with TLS says what it does not like.
func speaksNoTLS(err error) bool {
	var other tls.RecordHeaderError
	return errors.As(err, &other) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}
