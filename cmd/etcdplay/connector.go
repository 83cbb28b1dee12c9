package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/etcdplay/etcdplay/runner"
	"github.com/etcdplay/etcdplay/runner/report"
	"github.com/etcdplay/etcdplay/runner/ssh"
	"github.com/etcdplay/etcdplay/tasks"
)

// connector joins the runner to the SSH transport (runner.Connector).
type connector struct{ pool *ssh.Pool }

// connector makes the transport, and the settings that flags give.
func (o *connectionFlags) connector(ctx context.Context, cfg *config) (*connector, runner.Settings, error) {
	policy, err := o.policy(cfg)
	if err != nil {
		return nil, runner.Settings{}, err
	}
	defaults, err := o.defaults(ctx, cfg)
	if err != nil {
		return nil, defaults, err
	}
	timeout := o.timeout
	if timeout == 0 {
		n, err := cfg.number("defaults.timeout", "ANSIBLE_TIMEOUT")
		if err != nil {
			return nil, defaults, err
		}
		timeout = seconds(n)
	}
	pool, err := ssh.NewPool(ssh.Options{
		Config: o.sshConfig, HostKeys: policy, Timeout: timeout,
		AskHostKey: askHostKey, AskPassphrase: askPassphrase,
		Notice: func(host, text string) { fmt.Fprintf(os.Stderr, "[%s] %s\n", host, text) },
	})
	if err != nil {
		return nil, defaults, err
	}
	return &connector{pool}, defaults, nil
}

func (o *connectionFlags) policy(cfg *config) (ssh.Policy, error) {
	if o.hostKey == "" {
		if !cfg.yes("defaults.host_key_checking", true, "ANSIBLE_HOST_KEY_CHECKING") {
			return ssh.Off, nil
		}
		return "", nil
	}
	var names []string
	for _, p := range ssh.Policies() {
		if string(p) == o.hostKey {
			return p, nil
		}
		names = append(names, string(p))
	}
	return "", usageError("--host-key %s is none of %s", o.hostKey, strings.Join(names, ", "))
}

// Connect opens a connection, or gives the one there is.
func (c *connector) Connect(ctx context.Context, s runner.Settings) (tasks.Conn, error) {
	conn, err := c.pool.Connect(ctx,
		ssh.Host{
			Name: s.Host, Local: s.Kind == "local", Address: s.Address, Port: s.Port, User: s.User, Password: s.Password,
			KeyFile: expandHome(s.KeyFile), Args: strings.TrimSpace(s.CommonArgs), HostKeys: ssh.Policy(s.HostKeys),
		},
		ssh.Become{Method: s.BecomeMethod, User: s.BecomeUser, Password: s.BecomePassword, Flags: s.BecomeFlags, Lane: s.Lane})
	if err != nil {
		return nil, err // not conn: a nil *Conn is no nil interface
	}
	return conn, nil
}

// costs are what the connections have cost so far.
func (c *connector) costs() []report.Cost {
	var all []report.Cost
	for _, s := range c.pool.Stats() {
		all = append(all, report.Cost{Host: s.Host, Dial: s.Dial, RoundTrips: s.RoundTrips, In: s.In, Out: s.Out})
	}
	return all
}

// Reset closes what is open to a host.
func (c *connector) Reset(host string) { c.pool.Reset(host) }

// Close closes everything.
func (c *connector) Close() error { return c.pool.Close() }

func askHostKey(ctx context.Context, q ssh.Question) (bool, error) {
	for {
		line, asked, err := askTerminal(ctx, fmt.Sprintf("The host %s (%s) is not known. Its %s key has the fingerprint\n  %s\nTrust it, and remember it in %s? (yes/no) ",
			q.Host, q.Address, q.KeyType, q.Fingerprint, q.File), false)
		if err == nil && !asked {
			err = errors.New("there is no terminal to ask at")
		}
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "yes", "y", q.Fingerprint:
			return true, nil
		case "no", "n", "":
			return false, nil
		}
	}
}

func askPassphrase(ctx context.Context, keyFile string) (string, error) {
	line, asked, err := askTerminal(ctx, "Passphrase for "+keyFile+": ", true)
	if err == nil && !asked {
		err = fmt.Errorf("there is no terminal to ask for the passphrase of %s at: load the key into an ssh-agent", keyFile)
	}
	return line, err
}
