package hosts

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// dial connects from inside the network namespace of the given file. addr must
// be an IP address and a port. A namespace belongs to a thread, and a socket
// keeps the one it was made in.
func dial(ctx context.Context, namespace, network, addr string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		// Never unlocked: a thread that can't be brought back ends with its
		// goroutine.
		runtime.LockOSThread()
		conn, err := dialHere(ctx, namespace, network, addr)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

func dialHere(ctx context.Context, namespace, network, addr string) (net.Conn, error) {
	ns, err := os.Open(namespace)
	if err != nil {
		return nil, fmt.Errorf("find the lab's network: %w", err)
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter the lab's network: %w", err)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}
