package tasks

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"net"
	"syscall"
)

// An etcdWay is how a member is reached. Certificates are read at each connection:
// a client that lives on while they are replaced, or while the member is moved to
// TLS, goes on.
type etcdWay struct {
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	secure bool
	either bool // it may speak http where it should speak https, or already https
	config func() (*tls.Config, error)
}

// DialContext connects, with TLS where the member speaks it.
func (w etcdWay) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if !w.secure && !w.either {
		return w.dial(ctx, network, addr)
	}
	config, err := w.config()
	if w.either && errors.Is(err, fs.ErrNotExist) {
		return w.dial(ctx, network, addr)
	}
	if err != nil {
		return nil, err
	}
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName, _, err = net.SplitHostPort(addr); err != nil {
		return nil, err
	}
	config.NextProtos = []string{"h2"}
	raw, err := w.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, config)
	if err = conn.HandshakeContext(ctx); err == nil {
		return conn, nil
	}
	err = errors.Join(err, raw.Close())
	if w.either && speaksNoTLS(err) {
		return w.dial(ctx, network, addr)
	}
	return nil, err
}

// speaksNoTLS reports whether a handshake failed for that: the server answered
// with something else, or hung up. A server with TLS says what it does not like.
func speaksNoTLS(err error) bool {
	var other tls.RecordHeaderError
	return errors.As(err, &other) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}
