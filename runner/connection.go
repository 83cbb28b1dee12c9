package runner

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/tasks"
)

// Settings say how to reach a host and as whom to work there. Equal settings
// share a connection.
type Settings struct {
	Host       string // the inventory name, for messages
	Kind       string // "ssh" or "local"
	Address    string
	Port       int // 0: the default
	User       string
	Password   string
	KeyFile    string
	CommonArgs string // ansible_ssh_common_args and ansible_ssh_extra_args, joined
	HostKeys   string // "" as the run's policy says, or "off" (ansible_host_key_checking: false)

	Become         bool
	BecomeMethod   string // sudo, su, doas
	BecomeUser     string
	BecomePassword string
	BecomeFlags    string

	Lane string // keeps a background job's shell apart from the others
}

// A Connector opens connections and keeps them: asked again with equal
// settings it gives the same connection.
type Connector interface {
	Connect(ctx context.Context, s Settings) (tasks.Conn, error)
	// Reset closes what is open to a host, so that the next Connect dials anew.
	Reset(host string)
	Close() error
}

// names under which the inventory may give a setting, the strongest first.
var (
	addressVars  = []string{"ansible_host", "ansible_ssh_host"}
	portVars     = []string{"ansible_port", "ansible_ssh_port"}
	userVars     = []string{"ansible_user", "ansible_ssh_user"}
	passwordVars = []string{"ansible_password", "ansible_ssh_password", "ansible_ssh_pass"}
	keyVars      = []string{"ansible_ssh_private_key_file", "ansible_private_key_file"}
	becomeVars   = []string{"ansible_become", "ansible_sudo"}
	asUserVars   = []string{"ansible_become_user", "ansible_sudo_user"}
	methodVars   = []string{"ansible_become_method"}
	becomePass   = []string{"ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"}
)

// settings works out how task t reaches the host that sc belongs to: flags
// are the weakest, keywords next, variables the strongest, as in Ansible.
func (r *Run) settings(ctx context.Context, h *host, chain []*playbooks.Common, sc *scope) (Settings, error) {
	d := r.cfg.Defaults
	s := Settings{Host: h.name, Kind: d.Kind, Address: h.name, Port: d.Port, User: d.User, Password: d.Password, KeyFile: d.KeyFile,
		CommonArgs: d.CommonArgs, Become: d.Become, BecomeMethod: d.BecomeMethod, BecomeUser: d.BecomeUser, BecomePassword: d.BecomePassword}
	if s.Kind == "" {
		s.Kind = "ssh"
	}
	if h.implicit {
		s.Kind = "local"
	}
	var errs source.Errors
	keyword := func(pick func(*playbooks.Common) *playbooks.Value, set func(any) error) {
		v := playbooks.Nearest(chain, pick)
		if v == nil {
			return
		}
		x, err := sc.eval(ctx, v)
		if err == nil && x != nil {
			if e := set(x); e != nil {
				err = source.Errorf(v.Pos, "%w", e)
			}
		}
		errs.Add(err)
	}
	variable := func(names []string, set func(any) error) {
		for _, n := range names {
			x, ok, err := sc.Var(ctx, n)
			if err != nil {
				errs.Add(fmt.Errorf("%s: %w", n, err))
				return
			}
			if ok && x != nil {
				if e := set(x); e != nil {
					errs.Add(fmt.Errorf("variable %s of %s: %w", n, h.name, e))
				}
				return
			}
		}
	}
	text := func(p *string) func(any) error {
		return func(v any) error { *p = value.Str(v); return nil }
	}
	number := func(p *int) func(any) error {
		return func(v any) error {
			n, err := strconv.Atoi(value.Str(v))
			if err != nil || n < 1 || n > 65535 {
				return fmt.Errorf("%s is no port number", value.Str(v))
			}
			*p = n
			return nil
		}
	}
	flag := func(p *bool) func(any) error {
		return func(v any) (err error) { *p, err = truth(v); return err }
	}
	keyword(func(c *playbooks.Common) *playbooks.Value { return c.Connection }, text(&s.Kind))
	keyword(func(c *playbooks.Common) *playbooks.Value { return c.RemoteUser }, text(&s.User))
	keyword(func(c *playbooks.Common) *playbooks.Value { return c.Port }, number(&s.Port))
	keyword(func(c *playbooks.Common) *playbooks.Value { return c.Become }, flag(&s.Become))
	keyword(func(c *playbooks.Common) *playbooks.Value { return c.BecomeUser }, text(&s.BecomeUser))
	keyword(func(c *playbooks.Common) *playbooks.Value { return c.BecomeMethod }, text(&s.BecomeMethod))
	keyword(func(c *playbooks.Common) *playbooks.Value { return c.BecomeFlags }, text(&s.BecomeFlags))
	variable([]string{"ansible_connection"}, text(&s.Kind))
	variable(addressVars, func(v any) error {
		// an empty address dials this machine, which nobody means
		if s.Address = strings.TrimSpace(value.Str(v)); s.Address == "" {
			return errors.New("the address is empty: name one, or leave the variable out")
		}
		return nil
	})
	variable(portVars, number(&s.Port))
	variable(userVars, text(&s.User))
	variable(passwordVars, text(&s.Password))
	variable(keyVars, text(&s.KeyFile))
	variable(becomeVars, flag(&s.Become))
	variable(asUserVars, text(&s.BecomeUser))
	variable(methodVars, text(&s.BecomeMethod))
	variable(becomePass, text(&s.BecomePassword))
	for _, n := range []string{"ansible_ssh_common_args", "ansible_ssh_extra_args"} {
		variable([]string{n}, func(v any) error {
			if a := value.Str(v); a != "" {
				s.CommonArgs += " " + a
			}
			return nil
		})
	}
	variable([]string{"ansible_host_key_checking", "ansible_ssh_host_key_checking"}, func(v any) error {
		on, err := truth(v)
		if err == nil && !on {
			s.HostKeys = "off"
		}
		return err
	})
	switch s.Kind {
	case "ssh", "local":
	case "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ssh.paramiko":
		s.Kind = "ssh"
	case "ansible.builtin.local":
		s.Kind = "local"
	default:
		errs.Add(fmt.Errorf("connection %q of %s is neither ssh nor local", s.Kind, h.name))
	}
	r.secrets.add(s.Password, s.BecomePassword)
	if s.Become {
		if s.BecomeUser == "" {
			s.BecomeUser = "root"
		}
		if s.BecomeMethod == "" {
			s.BecomeMethod = "sudo"
		}
	} else {
		s.BecomeUser, s.BecomeMethod, s.BecomePassword, s.BecomeFlags = "", "", "", ""
	}
	return s, errs.Err()
}

// address is how the peers of a host reach it.
func (r *Run) address(ctx context.Context, h *host) string {
	sc := r.hostScope(h)
	for _, n := range addressVars {
		if v, ok, err := sc.Var(ctx, n); err == nil && ok && v != nil {
			return value.Str(v)
		}
	}
	return h.name
}

// truth reads a yes or no as Ansible does.
func truth(v any) (bool, error) {
	switch x := v.(type) {
	case bool:
		return x, nil
	case int:
		if x == 0 || x == 1 {
			return x == 1, nil
		}
	case string:
		switch x {
		case "yes", "on", "true", "True", "1", "y", "Yes", "On", "TRUE", "YES", "ON", "t", "Y":
			return true, nil
		case "no", "off", "false", "False", "0", "n", "No", "Off", "FALSE", "NO", "OFF", "f", "N", "":
			return false, nil
		}
	}
	return false, fmt.Errorf("%s is neither yes nor no", value.Repr(v))
}
