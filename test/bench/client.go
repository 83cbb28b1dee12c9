package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// client is the peer that shows what the hosts and the network cost, and
// nothing more: one connection a host, all at once, and one script on it.
func client(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("client", flag.ContinueOnError)
	keyFile, known := f.String("key", "", ""), f.String("known", "", "")
	scriptFile := f.String("script", "", "what each host runs; empty: only log in")
	if err := f.Parse(args); err != nil {
		return err
	}
	pem, err := os.ReadFile(*keyFile)
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return err
	}
	check, err := knownhosts.New(*known)
	if err != nil {
		return err
	}
	var script []byte
	if *scriptFile != "" {
		if script, err = os.ReadFile(*scriptFile); err != nil {
			return err
		}
	}
	config := &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: check,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}, Timeout: 30 * time.Second,
	}
	errs := make([]error, f.NArg())
	var all sync.WaitGroup
	for i, addr := range f.Args() {
		all.Go(func() { errs[i] = visit(ctx, addr, config, script) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func visit(ctx context.Context, addr string, config *ssh.ClientConfig, script []byte) error {
	d := net.Dialer{Timeout: config.Timeout}
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	conn, chans, reqs, err := ssh.NewClientConn(raw, addr, config)
	if err != nil {
		raw.Close()
		return fmt.Errorf("%s: %w", addr, err)
	}
	c := ssh.NewClient(conn, chans, reqs)
	defer c.Close()
	if script == nil {
		return nil
	}
	s, err := c.NewSession()
	if err != nil {
		return fmt.Errorf("%s: %w", addr, err)
	}
	s.Stdin = bytes.NewReader(script)
	if out, err := s.CombinedOutput("sh -s"); err != nil {
		return fmt.Errorf("%s: %w: %s", addr, err, out)
	}
	return nil
}
