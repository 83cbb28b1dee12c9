// Package etcd observes and operates etcd clusters through client/v3. Nothing
// else imports the client, and this package knows nothing of tasks: it is
// given endpoints and the way to dial each of them.
//
// Every operation observes (Cluster.Observe), works out the next safe step,
// takes it, and observes again, so that it converges from wherever an earlier
// run was stopped. Servers from 3.4 to 3.7 are known to work.
package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// An Endpoint is the client URL of one member, and the way to it.
type Endpoint struct {
	Name string // the name the member should have
	URL  string // "http://192.168.161.3:2379"; without a scheme, http
	// Dial connects to the URL's address, for instance from within an SSH
	// connection; nil dials directly.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// DialsTLS: Dial does what TLS there is to be, by whatever certificates are
	// right at that moment; Options.TLS is not used.
	DialsTLS bool
}

// Options are what all endpoints share. The zero value is a cluster without
// TLS and authentication.
type Options struct {
	TLS                *tls.Config
	Username, Password string
	Timeout            time.Duration // of each call; DefaultTimeout when zero
}

// DefaultTimeout bounds a single call to a member. A server gives up on a
// request that finds no quorum after 5 s plus two election timeouts (7 s), so
// a call that takes longer than this is a member in trouble.
const DefaultTimeout = 5 * time.Second

// A Cluster is a connection to each of some endpoints. Opening one connects to
// nothing yet; each call does, and again when a connection was lost.
type Cluster struct {
	members []*connection
	timeout time.Duration
}

// A connection is the client of one endpoint and speaks to no other, so that
// an answer always is that member's own.
type connection struct {
	Endpoint
	connect func() (*api, error)

	mu  sync.Mutex
	api *api // nil until first used: where there is a password, making one asks the server for a token
}

type api struct {
	*clientv3.Client
	maintenance clientv3.Maintenance // over the client's one connection instead of a new one each call
}

// Open makes a Cluster of at least one endpoint. ctx bounds its whole life.
func Open(ctx context.Context, endpoints []Endpoint, o Options) (*Cluster, error) {
	if len(endpoints) == 0 {
		return nil, errors.New("an etcd cluster needs at least one endpoint")
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	c := &Cluster{timeout: o.Timeout}
	for _, e := range endpoints {
		config, err := clientConfig(ctx, e, o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name, err)
		}
		c.members = append(c.members, &connection{Endpoint: e, connect: func() (*api, error) { return newAPI(config) }})
	}
	return c, nil
}

// Close ends all connections.
func (c *Cluster) Close() error {
	var errs []error
	for _, m := range c.members {
		m.mu.Lock()
		if m.api != nil {
			errs = append(errs, m.api.Close())
		}
		m.mu.Unlock()
	}
	return errors.Join(errs...)
}

func clientConfig(ctx context.Context, e Endpoint, o Options) (clientv3.Config, error) {
	addr, secure, err := ParseURL(e.URL)
	if err != nil {
		return clientv3.Config{}, err
	}
	reached := withScheme(e.URL)
	if e.DialsTLS {
		secure, reached = false, "http://"+addr
	}
	if secure && o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if !secure {
		o.TLS = nil
	}
	dial := e.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return clientv3.Config{
		Context:         ctx,
		Endpoints:       []string{reached},
		TLS:             o.TLS,
		Username:        o.Username,
		Password:        o.Password,
		DialTimeout:     o.Timeout,
		MaxUnaryRetries: 2,
		Logger:          zap.NewNop(),
		DialOptions: []grpc.DialOption{
			// The address that grpc resolved is of no use here: the URL's own
			// is dialled, from wherever Dial starts.
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				return dial(ctx, "tcp", addr)
			}),
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 500 * time.Millisecond},
				MinConnectTimeout: o.Timeout,
			}),
			grpc.WithChainUnaryInterceptor(failFast),
		},
	}, nil
}

func newAPI(config clientv3.Config) (*api, error) {
	client, err := clientv3.New(config)
	if err != nil {
		return nil, err
	}
	remote := clientv3.RetryMaintenanceClient(client, client.ActiveConnection())
	return &api{client, clientv3.NewMaintenanceFromMaintenanceClient(remote, client)}, nil
}

// open returns the client, which it makes the first time.
func (m *connection) open() (*api, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.api == nil {
		api, err := m.connect()
		if err != nil {
			return nil, err
		}
		m.api = api
	}
	return m.api, nil
}

// failFast makes a call to a member that can't be reached fail with the
// dialler's reason. The client's own default is to wait until the deadline and
// then to name nothing but the deadline.
func failFast(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return invoke(ctx, method, req, reply, cc, append(opts, grpc.WaitForReady(false))...)
}

// ParseURL takes a client URL apart: HOST:PORT to dial, and whether it speaks
// TLS. Only http and https URLs with a host and a port, and bare HOST:PORT,
// are client URLs.
func ParseURL(s string) (addr string, secure bool, err error) {
	u, err := url.Parse(withScheme(s))
	switch {
	case err != nil:
		return "", false, fmt.Errorf("%q is no client URL: %w", s, err)
	case u.Scheme != "http" && u.Scheme != "https":
		return "", false, fmt.Errorf("%q is no client URL: it must begin with http:// or https://", s)
	case u.Hostname() == "" || u.Port() == "":
		return "", false, fmt.Errorf("%q is no client URL: it must name a host and a port, like http://192.168.161.3:2379", s)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil:
		return "", false, fmt.Errorf("%q is no client URL: nothing may follow the port", s)
	}
	return u.Host, u.Scheme == "https", nil
}

func withScheme(s string) string {
	if strings.Contains(s, "://") {
		return s
	}
	return "http://" + s
}

// call runs one request to a member with its own deadline.
func (c *Cluster) call(ctx context.Context, m *connection, f func(context.Context, *api) error) error {
	return m.call(ctx, c.timeout, f)
}

func (m *connection) call(ctx context.Context, timeout time.Duration, f func(context.Context, *api) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	api, err := m.open()
	if err != nil {
		return err
	}
	return f(ctx, api)
}
