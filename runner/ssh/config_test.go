package ssh

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
)

const sample = `
# a comment
Host web web-*
    HostName %h.example.com
    Port 2222
    User deploy
    IdentityFile ~/keys/%h-%r
    IdentityFile /keys/second
    IdentitiesOnly yes
    UserKnownHostsFile ~/known1 "~/known 2"
    StrictHostKeyChecking accept-new
    ConnectTimeout 7
    HostKeyAlias shared

Host db
    ProxyJump ops@bastion:2200,inner
    CertificateFile /keys/db-cert.pub

Host tunnel
    ProxyCommand nc -X 5 %h %p
    IdentityAgent ~/agent.sock

Match host quick
    ConnectTimeout 1

Host *
    User everyone
    ProxyJump none
`

func routeOf(t *testing.T, config string, h Host, o Options) *route {
	t.Helper()
	o.Config = filepath.Join(t.TempDir(), "config")
	write(t, o.Config, config)
	p := newPool(t, o)
	r, err := p.route(h)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRoute(t *testing.T) {
	t.Run("of ssh_config", func(t *testing.T) {
		r := routeOf(t, sample, Host{Name: "x", Address: "web"}, Options{})
		home, _ := os.UserHomeDir()
		switch {
		case r.target() != "web.example.com:2222", r.user != "deploy", !r.onlyKeys, r.policy != AcceptNew,
			r.timeout != 7*time.Second, r.keyName() != "shared:22", r.explicit != 2, len(r.jump) != 0, r.proxy != "":
			t.Errorf("%+v", r)
		}
		if want := []string{home + "/keys/web.example.com-deploy", "/keys/second"}; !slices.Equal(r.keyFiles, want) {
			t.Errorf("keys %v, want %v", r.keyFiles, want)
		}
		if want := []string{home + "/known1", home + "/known 2"}; !slices.Equal(r.knownHosts[:2], want) {
			t.Errorf("known hosts %v, want %v", r.knownHosts, want)
		}
	})
	t.Run("the inventory wins", func(t *testing.T) {
		h := Host{Name: "x", Address: "web", User: "me", Port: 22, KeyFile: "/my/key", HostKeys: Off,
			Args: "-o StrictHostKeyChecking=yes -o UserKnownHostsFile=/dev/null -oConnectTimeout=3 -p 99 -l other -i /args/key"}
		r := routeOf(t, sample, h, Options{Timeout: 2 * time.Second, HostKeys: AcceptNew})
		if r.user != "me" || r.port != 22 || r.policy != Off || r.timeout != 2*time.Second || !slices.Equal(r.knownHosts[:1], []string{"/dev/null"}) {
			t.Errorf("%+v", r)
		}
		if want := []string{"/my/key", "/args/key"}; !slices.Equal(r.keyFiles, want) {
			t.Errorf("keys %v, want %v", r.keyFiles, want)
		}
	})
	t.Run("options win over ssh_config", func(t *testing.T) {
		h := Host{Name: "x", Address: "web", Args: "-o StrictHostKeyChecking=no -p 99 -l other"}
		if r := routeOf(t, sample, h, Options{HostKeys: Strict}); r.user != "other" || r.port != 99 || r.policy != Off {
			t.Errorf("%+v", r)
		}
		if r := routeOf(t, sample, Host{Name: "x", Address: "web"}, Options{HostKeys: Strict}); r.policy != Strict {
			t.Errorf("%+v", r)
		}
	})
	t.Run("jump hosts", func(t *testing.T) {
		r := routeOf(t, sample, Host{Name: "x", Address: "db"}, Options{})
		if len(r.jump) != 2 || r.jump[0] != (Host{Name: "ops@bastion:2200", Address: "bastion", User: "ops", Port: 2200}) || r.jump[1].Address != "inner" {
			t.Errorf("%+v", r.jump)
		}
		if r.user != "everyone" || !slices.Equal(r.certFiles, []string{"/keys/db-cert.pub"}) {
			t.Errorf("%+v", r)
		}
		r = routeOf(t, sample, Host{Name: "x", Address: "db", Args: "-J none"}, Options{})
		if len(r.jump) != 0 {
			t.Errorf("%+v", r.jump)
		}
		r = routeOf(t, sample, Host{Name: "x", Address: "10.0.0.9", Args: "-J 'ssh://a@[::1]:77/,b'"}, Options{})
		if len(r.jump) != 2 || r.jump[0].Address != "::1" || r.jump[0].Port != 77 || r.jump[0].User != "a" {
			t.Errorf("%+v", r.jump)
		}
	})
	t.Run("command and agent", func(t *testing.T) {
		r := routeOf(t, sample, Host{Name: "x", Address: "tunnel"}, Options{})
		home, _ := os.UserHomeDir()
		if expand(r.proxy, r.host.Address, r) != "nc -X 5 tunnel 22" || r.agent != home+"/agent.sock" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("Match host, and defaults", func(t *testing.T) {
		if r := routeOf(t, sample, Host{Name: "x", Address: "quick"}, Options{}); r.timeout != time.Second {
			t.Errorf("%+v", r)
		}
		r := routeOf(t, "", Host{Name: "x", Address: "h"}, Options{})
		if r.target() != "h:22" || r.user != loginName(t) || r.policy != Ask || r.timeout != 10*time.Second || r.explicit != 0 || len(r.keyFiles) != 3 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("an IPv6 address", func(t *testing.T) {
		if r := routeOf(t, "", Host{Name: "x", Address: "::1", Port: 2222}, Options{}); r.target() != "[::1]:2222" {
			t.Errorf("%s", r.target())
		}
	})
}

func TestBrokenConfig(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "exec"), "Match exec true\n  User x\n")
	for name, c := range map[string]struct{ text, says string }{
		"Match exec":            {"Host a\n\nMatch host x exec \"true\"\n  User y\n", ":3"},
		"Match exec, included":  {"Include " + dir + "/ex*\n", dir + "/exec:1"},
		"Match user":            {"Match user x\n", ":1"},
		"an unknown word":       {"Host a\n  Match\n", "config:2"},
		"no such file":          {"", "no such file"},
		"a line without a word": {"Host\n\"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config")
			if c.text != "" {
				write(t, file, c.text)
			}
			_, err := NewPool(Options{Config: file})
			t.Log(err)
			if err == nil && c.says != "" || err != nil && !(strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.says)) && strings.Contains(err.Error(), "/")) {
				t.Errorf("got %v", err)
			}
			// The same, named by a host's own options.
			p := newPool(t, Options{Config: "none"})
			_, err = p.Connect(t.Context(), Host{Name: "x", Address: "a", Port: 1, Args: "-F " + file}, Become{})
			var f *tasks.Failure
			if c.says != "" && !errors.As(err, &f) {
				t.Errorf("got %s", explained(err))
			}
		})
	}
}

func TestSplitWords(t *testing.T) {
	for in, want := range map[string][]string{
		"":                      nil,
		"  a  b\tc\n":           {"a", "b", "c"},
		`-o "A B" 'c "d"' e\ f`: {"-o", "A B", `c "d"`, "e f"},
		`""`:                    {""},
		`a'b'"c"`:               {"abc"},
		`'\' "\""`:              {`\`, `"`},
	} {
		if got, err := splitWords(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{`'`, `"a`, `a\`} {
		if got, err := splitWords(in); err == nil {
			t.Errorf("%q: %q", in, got)
		}
	}
}
