package ssh

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
)

// A route is all that is known of the way to one server: the Host's settings,
// then its Args, then ssh_config, then the defaults.
type route struct {
	host       Host
	address    string // a name or an IP address
	port       int
	user       string
	alias      string // the name for known_hosts, or ""
	keyFiles   []string
	explicit   int // so many of them the user named for this host
	certFiles  []string
	onlyKeys   bool // do not offer the agent's other keys
	agent      string
	jump       []Host
	proxy      string // a command to run in place of a TCP connection
	knownHosts []string
	policy     Policy
	timeout    time.Duration
	alive      aliveness
	// algorithms, as ssh_config has them
	ciphers, macs, keyExchanges, hostKeys string
}

// target is the server's address and port.
func (r *route) target() string { return net.JoinHostPort(r.address, strconv.Itoa(r.port)) }

// keyName is the name under which known_hosts holds the server's key.
func (r *route) keyName() string {
	if r.alias != "" {
		return net.JoinHostPort(r.alias, "22")
	}
	return r.target()
}

// route works out the way to a host.
func (p *Pool) route(h Host) (*route, error) {
	args, err := parseArgs(h.Args)
	if err != nil {
		return nil, tasks.Failf("the SSH options of %s (ansible_ssh_common_args): %w", h.Name, err)
	}
	cfg := p.config
	if f := args.first("configfile"); f != "" {
		if cfg, err = loadConfig(f); err != nil {
			return nil, tasks.Failf("the SSH options of %s: %w", h.Name, err)
		}
	}
	// A broken Include is found only when it is looked into.
	var broken error
	all := func(option string) []string {
		if v := args[option]; v != nil {
			return v
		}
		v, err := cfg.get(h.Address, option)
		if err != nil && broken == nil {
			broken = err
		}
		return v
	}
	one := func(option string) string {
		if v := all(option); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	r := &route{host: h, port: h.Port, user: h.User, alias: one("hostkeyalias"), proxy: one("proxycommand"), timeout: p.opts.Timeout,
		ciphers: one("ciphers"), macs: one("macs"), keyExchanges: one("kexalgorithms"), hostKeys: one("hostkeyalgorithms")}
	if r.user == "" {
		r.user = one("user")
	}
	if r.user == "" {
		r.user = me()
	}
	if err := number(&r.port, one("port"), 22); err != nil {
		return nil, tasks.Failf("the SSH port of %s: %w", h.Name, err)
	}
	if r.address = expand(one("hostname"), h.Address, r); r.address == "" {
		r.address = h.Address
	}
	seconds := 0
	if err := number(&seconds, one("connecttimeout"), 10); err != nil {
		return nil, tasks.Failf("ConnectTimeout of %s: %w", h.Name, err)
	}
	if r.timeout == 0 {
		r.timeout = time.Duration(seconds) * time.Second
	}
	if r.alive, err = p.opts.aliveness(one); err != nil {
		return nil, tasks.Failf("the SSH options of %s: %w", h.Name, err)
	}
	p.routeKeys(r, all, one)
	p.routeTrust(r, args, all, one)
	if r.proxy == "none" {
		r.proxy = ""
	}
	if j := one("proxyjump"); j != "" && j != "none" {
		if r.jump, err = parseJump(j); err != nil {
			return nil, tasks.Failf("ProxyJump of %s: %w", h.Name, err)
		}
		r.proxy = ""
	}
	if broken != nil {
		return nil, tasks.Failf("ssh_config: %w", broken)
	}
	return r, nil
}

// routeKeys finds what to log in with.
func (p *Pool) routeKeys(r *route, all func(string) []string, one func(string) string) {
	if r.host.KeyFile != "" {
		r.keyFiles = append(r.keyFiles, expandHome(r.host.KeyFile))
	}
	for _, f := range all("identityfile") {
		if f = expand(f, r.host.Address, r); f != "none" && !slices.Contains(r.keyFiles, f) {
			r.keyFiles = append(r.keyFiles, f)
		}
	}
	r.explicit = len(r.keyFiles)
	if r.explicit == 0 {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			r.keyFiles = append(r.keyFiles, expandHome("~/.ssh/"+name))
		}
	}
	for _, f := range all("certificatefile") {
		r.certFiles = append(r.certFiles, expand(f, r.host.Address, r))
	}
	r.onlyKeys = yes(one("identitiesonly"))
	r.agent = p.opts.Agent
	if a := one("identityagent"); a != "" && r.agent == "" {
		r.agent = expand(a, r.host.Address, r)
	}
	if r.agent == "" || r.agent == "SSH_AUTH_SOCK" {
		r.agent = os.Getenv("SSH_AUTH_SOCK")
	}
	if r.agent == "none" {
		r.agent = ""
	}
}

// routeTrust finds how the host's key is checked. The nearer word wins: the
// host's own variables, its Args, the flags, ssh_config.
func (p *Pool) routeTrust(r *route, args options, all func(string) []string, one func(string) string) {
	r.policy = r.host.HostKeys
	if r.policy == "" {
		r.policy = strictness(args.first("stricthostkeychecking"))
	}
	if r.policy == "" {
		r.policy = p.opts.HostKeys
	}
	if r.policy == "" {
		r.policy = strictness(one("stricthostkeychecking"))
	}
	if r.policy == "" {
		r.policy = Ask
	}
	r.knownHosts = p.opts.KnownHosts
	if v := args["userknownhostsfile"]; v != nil {
		r.knownHosts = files(v, r)
	}
	if len(r.knownHosts) == 0 {
		user := files(all("userknownhostsfile"), r)
		if len(user) == 0 {
			user = []string{expandHome("~/.ssh/known_hosts"), expandHome("~/.ssh/known_hosts2")}
		}
		global := files(all("globalknownhostsfile"), r)
		if len(global) == 0 {
			global = []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
		}
		r.knownHosts = append(user, global...)
	}
}

// files splits options that hold several file names.
func files(values []string, r *route) []string {
	var out []string
	for _, v := range values {
		names, err := splitWords(v)
		if err != nil {
			names = []string{v}
		}
		for _, n := range names {
			if n != "none" {
				out = append(out, expand(n, r.host.Address, r))
			}
		}
		break // the first line of an option counts
	}
	return out
}

// parseJump reads [USER@]HOST[:PORT] and ssh://[USER@]HOST[:PORT], comma-separated.
func parseJump(s string) ([]Host, error) {
	var hops []Host
	for _, item := range strings.Split(s, ",") {
		h := Host{Name: item}
		rest := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(item), "ssh://"), "/")
		if i := strings.LastIndexByte(rest, '@'); i >= 0 {
			h.User, rest = rest[:i], rest[i+1:]
		}
		h.Address = strings.Trim(rest, "[]")
		if a, port, err := net.SplitHostPort(rest); err == nil {
			h.Address = a
			if err := number(&h.Port, port, 0); err != nil {
				return nil, fmt.Errorf("%q: %w", item, err)
			}
		}
		if h.Address == "" {
			return nil, fmt.Errorf("%q names no host", item)
		}
		hops = append(hops, h)
	}
	return hops, nil
}

// viaKey names a chain of jump hosts.
func viaKey(via []Host) string {
	var names []string
	for _, h := range via {
		names = append(names, h.User+"@"+net.JoinHostPort(h.Address, strconv.Itoa(h.Port)))
	}
	return strings.Join(names, ",")
}

// expand replaces ~/ and the percent tokens of ssh_config(5) that make sense here.
func expand(s, alias string, r *route) string {
	if !strings.Contains(s, "%") {
		return expandHome(s)
	}
	home, _ := os.UserHomeDir()
	address := r.address
	if address == "" {
		address = alias
	}
	return expandHome(strings.NewReplacer("%%", "%", "%h", address, "%n", alias, "%p", strconv.Itoa(r.port),
		"%r", r.user, "%u", me(), "%d", home).Replace(s))
}

func strictness(s string) Policy {
	switch strings.ToLower(s) {
	case "yes", "true":
		return Strict
	case "ask":
		return Ask
	case "accept-new":
		return AcceptNew
	case "no", "off", "false":
		return Off
	}
	return ""
}

func yes(s string) bool {
	s = strings.ToLower(s)
	return s == "yes" || s == "true"
}

// number sets *n, where it is 0, from text or else to a default.
func number(n *int, text string, otherwise int) (err error) {
	if *n != 0 {
		return nil
	}
	if text == "" {
		*n = otherwise
		return nil
	}
	if *n, err = strconv.Atoi(text); err != nil || *n < 0 || *n > 65535 {
		return fmt.Errorf("%q is no number from 0 to 65535", text)
	}
	return nil
}

func me() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return filepath.Base(os.Getenv("HOME"))
}
