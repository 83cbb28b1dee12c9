package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"strings"
	"time"
)

// delay passes TCP connections on, and everything later than it came: a line
// that is longer. Each argument is LISTEN=TO. It says "ready" once it listens
// everywhere, and ends with its standard input's reader, or with a signal.
//
// What it can't delay is the TCP handshake, which the kernel answers: a
// connection costs one round trip less than over a true line of that length.
func delay(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("delay", flag.ContinueOnError)
	by := f.Duration("by", 25*time.Millisecond, "one way")
	if err := f.Parse(args); err != nil {
		return err
	}
	for _, arg := range f.Args() {
		at, to, ok := strings.Cut(arg, "=")
		if !ok {
			return fmt.Errorf("%q is not LISTEN=TO", arg)
		}
		l, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { l.Close() })
		go func() {
			for {
				in, err := l.Accept()
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err == nil {
					go detour(ctx, in, to, *by)
				}
			}
		}()
	}
	fmt.Println("ready")
	<-ctx.Done()
	return nil
}

// detour joins a connection to a new one, both ways.
func detour(ctx context.Context, in net.Conn, to string, by time.Duration) {
	defer in.Close()
	var d net.Dialer
	out, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	done := make(chan struct{}, 2)
	go func() { late(out, in, by); done <- struct{}{} }()
	go func() { late(in, out, by); done <- struct{}{} }()
	<-done
	<-done
}

// late copies, each piece that much later than it came.
func late(dst, src net.Conn, by time.Duration) {
	type piece struct {
		due  time.Time
		data []byte
	}
	line := make(chan piece, 4096)
	go func() {
		defer close(line)
		for {
			buf := make([]byte, 32<<10)
			n, err := src.Read(buf)
			if n > 0 {
				line <- piece{time.Now().Add(by), buf[:n]}
			}
			if err != nil {
				line <- piece{due: time.Now().Add(by)}
				return
			}
		}
	}()
	for p := range line {
		time.Sleep(time.Until(p.due))
		if _, err := dst.Write(p.data); err != nil {
			break
		}
	}
	if c, ok := dst.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
	go func() { // the reader may wait for room in the line
		for range line {
		}
	}()
}
