package ssh

import (
	"errors"
	"strings"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// exit codes of become.sh
const (
	becomeMissing = 90
	becomeAsks    = 91
	becomeRefused = 92
)

// withPassword is what become.sh says on stderr before it tries the password.
const withPassword = "-- with the password:"

// notBegun explains a stage that ended before what it should run had begun.
func (c *Conn) notBegun(e *script.Ended) error {
	if e.Err != nil {
		u := c.unreachable("no shell", e.Err)
		switch {
		case e.Stderr != "":
			u.Hint = "what it said until then: " + e.Stderr
		case errors.Is(e.Err, script.ErrSilent):
			u.Hint = "do its login files ask for something, or does its SSH server let this user run no commands?"
		}
		return u
	}
	if c.become.User != "" {
		if f := c.becomeFailure(e.Code, e.Stderr); f != nil {
			return f
		}
	}
	said := strings.TrimSpace(strings.Join([]string{e.Stdout, e.Stderr}, "\n"))
	u := c.unreachable("no shell: the login of "+c.link().login()+" ended before it began", errors.New(said))
	u.Hint = "the login shell must be able to run `sh`; is the account locked, or its shell nologin?"
	return u
}

// becomeFailure explains how becoming another user failed; nil if it did not.
func (c *Conn) becomeFailure(code int, stderr string) *tasks.Failure {
	b := c.become
	if _, after, ok := strings.Cut(stderr, withPassword); ok {
		stderr = strings.TrimSpace(after)
	}
	f := &tasks.Failure{Code: code, Stderr: stderr}
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(stderr, w) {
				return true
			}
		}
		return false
	}
	const password = "give its password with -K, or as ansible_become_password in a vault"
	login := c.link().login()
	switch code {
	case becomeMissing:
		f.Msg = b.Method + " is not installed on the host"
		f.Hint = "install it, log in as " + b.User + ", or choose another become_method"
	case becomeAsks, becomeRefused:
		switch {
		case b.Method == "su":
			f.Msg = "su asks for a password, which it takes from a terminal only"
			f.Hint = "log in as root, or use become_method: sudo"
		case says("must have a tty"):
			f.Msg = "sudo wants a terminal (requiretty)"
			f.Hint = "add `Defaults:" + login + " !requiretty` with visudo"
		case says("not in the sudoers", "may not run sudo", "is not allowed to"):
			f.Msg = login + " may not become " + b.User + " with sudo"
			f.Hint = "allow it to run any command with visudo, or log in as another user"
		case b.Method == "doas":
			f.Msg = "doas does not let " + login + " become " + b.User + " without a password, which it takes from a terminal only"
			f.Hint = "add `permit nopass " + login + " as " + b.User + "` to doas.conf"
		case code == becomeRefused:
			f.Msg = "sudo does not accept the password of " + login
			f.Hint = "check what was given with -K or as ansible_become_password"
		case says("password", "authentication"):
			f.Msg = "sudo wants the password of " + login
			f.Hint = password
		default:
			f.Msg = "sudo does not let " + login + " become " + b.User
			f.Hint = "become_flags are the options of sudo in place of -H"
		}
	default:
		if code != 1 || !says(b.Method+":") {
			return nil
		}
		f.Msg = b.Method + " does not let " + login + " become " + b.User
	}
	return f
}

func (c *Conn) unreachable(msg string, err error) *tasks.Unreachable {
	return &tasks.Unreachable{Host: c.host.Name, Msg: msg, Err: err}
}
