package etcdproof

import (
	"context"
	"errors"
	"net"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// members are clients of one endpoint each, so that it is known who answers.
type members struct{ list []*clientv3.Client }

func dial(endpoints []etcd.Endpoint, o etcd.Options) (*members, error) {
	if len(endpoints) == 0 {
		return nil, errors.New("no endpoints")
	}
	m := &members{}
	for _, e := range endpoints {
		client, err := dialOne(e, o)
		if err != nil {
			m.close()
			return nil, err
		}
		m.list = append(m.list, client)
	}
	return m, nil
}

func dialOne(e etcd.Endpoint, o etcd.Options) (*clientv3.Client, error) {
	addr, secure, err := etcd.ParseURL(e.URL)
	if err != nil {
		return nil, err
	}
	if !secure {
		o.TLS = nil
	}
	connect := e.Dial
	if connect == nil {
		connect = (&net.Dialer{}).DialContext
	}
	return clientv3.New(clientv3.Config{
		Endpoints: []string{e.URL}, TLS: o.TLS, Username: o.Username, Password: o.Password,
		DialTimeout: opTimeout, DialKeepAliveTime: 6 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
		Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return connect(ctx, "tcp", addr) }),
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, MaxDelay: time.Second},
				MinConnectTimeout: opTimeout,
			}),
			grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				return invoke(ctx, method, req, reply, cc, append(opts, grpc.WaitForReady(false))...)
			}),
		},
	})
}

func (m *members) close() {
	for _, client := range m.list {
		_ = client.Close()
	}
}

// do runs an operation through a member, counted round and round.
func (m *members) do(ctx context.Context, member int, op *Op) error {
	client := m.list[member%len(m.list)]
	switch op.Kind {
	case get:
		got, err := client.Get(ctx, op.Key)
		if err == nil && len(got.Kvs) == 1 {
			op.Got = string(got.Kvs[0].Value)
		}
		return err
	case put:
		_, err := client.Put(ctx, op.Key, op.Value)
		return err
	}
	is := clientv3.Compare(clientv3.Value(op.Key), "=", op.Old)
	if op.Old == "" {
		is = clientv3.Compare(clientv3.CreateRevision(op.Key), "=", 0)
	}
	txn, err := client.Txn(ctx).If(is).Then(clientv3.OpPut(op.Key, op.Value)).Commit()
	if err == nil {
		op.Replaced = txn.Succeeded
	}
	return err
}
