package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/etcdplay/etcdplay/runner"
)

// connectionFlags say how hosts are reached and as whom; variables of the
// inventory win over them.
type connectionFlags struct {
	user         string
	askPass      bool
	privateKey   string
	connection   string
	timeout      time.Duration
	hostKey      string
	sshConfig    string
	commonArgs   string
	become       bool
	becomeUser   string
	becomeMethod string
	askBecome    bool
}

func (o *connectionFlags) register(f *pflag.FlagSet) {
	f.StringVarP(&o.user, "user", "u", "", "log in as this `USER`")
	f.BoolVarP(&o.askPass, "ask-pass", "k", false, "ask for the login password")
	f.StringVar(&o.privateKey, "private-key", "", "log in with the key in this `FILE`")
	f.StringVarP(&o.connection, "connection", "c", "", "ssh or local")
	f.DurationVarP(&o.timeout, "timeout", "T", 0, "how long connecting may take (default 10s)")
	f.StringVar(&o.hostKey, "host-key", "", "host keys that are not known: strict (refuse), ask, accept-new, or off (check nothing); default ask on a terminal, else strict")
	f.StringVar(&o.sshConfig, "ssh-config", "", "read this `FILE` instead of ~/.ssh/config; none: no file")
	f.StringVar(&o.commonArgs, "ssh-common-args", "", "`ARGS` as for ssh: -J HOST, -o ProxyJump=…, -o ProxyCommand=…")
	f.BoolVarP(&o.become, "become", "b", false, "work as another user (root unless said otherwise)")
	f.StringVar(&o.becomeUser, "become-user", "", "work as this `USER`")
	f.StringVar(&o.becomeMethod, "become-method", "", "sudo, su or doas")
	f.BoolVarP(&o.askBecome, "ask-become-pass", "K", false, "ask for the password of sudo")
}

// defaults are the settings that flags and configuration give.
func (o *connectionFlags) defaults(ctx context.Context, cfg *config) (runner.Settings, error) {
	s := runner.Settings{
		Kind: o.connection, User: first(o.user, cfg.get("defaults.remote_user", "ANSIBLE_REMOTE_USER")),
		KeyFile:    expandHome(first(o.privateKey, cfg.path("defaults.private_key_file", "ANSIBLE_PRIVATE_KEY_FILE"))),
		CommonArgs: first(o.commonArgs, cfg.get("ssh_connection.ssh_common_args", "ANSIBLE_SSH_COMMON_ARGS"), cfg.get("ssh_connection.ssh_args", "ANSIBLE_SSH_ARGS")),
		Become:     o.become || cfg.yes("privilege_escalation.become", false, "ANSIBLE_BECOME"),
		BecomeUser: first(o.becomeUser, cfg.get("privilege_escalation.become_user", "ANSIBLE_BECOME_USER")), BecomeMethod: first(o.becomeMethod, cfg.get("privilege_escalation.become_method", "ANSIBLE_BECOME_METHOD")),
	}
	for _, q := range []struct {
		ask  bool
		text string
		into *string
	}{{o.askPass, "SSH password: ", &s.Password}, {o.askBecome, "BECOME password: ", &s.BecomePassword}} {
		if !q.ask {
			continue
		}
		answer, asked, err := askTerminal(ctx, q.text, true)
		if err != nil {
			return s, err
		}
		if !asked {
			return s, usageError("-k and -K need a terminal to ask at")
		}
		*q.into = answer
	}
	if s.BecomePassword == "" && o.askBecome {
		s.BecomePassword = s.Password // as Ansible: Enter means the same one
	}
	return s, nil
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
