package tasks

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Keygen lets a user log in from every host of the play to every other,
// without being asked anything.
type Keygen struct {
	User string `arg:"user" alias:"name" doc:"Whose keys; by default the user of the connection or become_user"`
	Type string `arg:"type" default:"ed25519" choices:"ed25519,ecdsa,rsa" doc:"What kind of key is made where there is none"`
	Bits int    `arg:"bits" doc:"Its size, for ecdsa and rsa"`
	Port int    `arg:"port" default:"22" doc:"The port of this host's SSH server, as its peers reach it"`
}

// Doc implements Module.
func (*Keygen) Doc() Doc {
	return Doc{
		Summary: "Let a user log in from every host of the play to every other",
		Text: `Gives the user a key pair on each host (~/.ssh/id_TYPE, without a passphrase; one
that is there is used and never replaced), authorises each host's key on every
host, and makes each host's keys known on every host, by its name and its address.
Then ` + "`ssh USER@peer3`" + ` from peer1 asks nothing, also with StrictHostKeyChecking=yes.
Private keys never leave their host. Public keys and host keys come over the
connections of the run, whose host keys were checked.

Only lines that end in etcdplay:… are ours: a peer's line is replaced when its
key has changed. All others stay, as do lines of peers that left the inventory.

An sshd without PAM refuses the keys of users whose password is locked ("!"), as
new users have it: such a user gets "*" instead, which is no password either.

Hosts with dropbearkey and without ssh-keygen get ~/.ssh/id_dropbear. A host with
neither has no SSH client: there is no logging in from it, only to it.`,
		Examples: `- keygen:
    user: etcd

- keygen:
    user: deploy
    port: "{{ ansible_port | default(22) }}"
`,
		Returns: []Return{
			{"public_key", "the user's public key on this host"},
			{"private_key", "the path of the private one"},
		},
	}
}

// Validate implements Validator.
func (k *Keygen) Validate() error {
	if k.Port < 1 || k.Port > 65535 {
		return &ArgError{Arg: "port", Msg: fmt.Sprintf("port: %d is no port", k.Port)}
	}
	sizes := map[string][]int{"ecdsa": {256, 384, 521}}
	switch {
	case k.Bits == 0:
	case k.Type == "ed25519":
		return &ArgError{Arg: "bits", Msg: "bits: ed25519 keys have one size"}
	case k.Type == "ecdsa" && !slices.Contains(sizes["ecdsa"], k.Bits):
		return &ArgError{Arg: "bits", Msg: fmt.Sprintf("bits: ecdsa keys have 256, 384 or 521 bits, not %d", k.Bits)}
	case k.Type == "rsa" && (k.Bits < 2048 || k.Bits > 16384):
		return &ArgError{Arg: "bits", Msg: fmt.Sprintf("bits: rsa keys should have 2048 to 16384 bits, not %d", k.Bits)}
	}
	return nil
}

// keyHost is what the peers must know of a host.
type keyHost struct {
	user      string
	port      int
	publicKey string // "TYPE KEY", or "" where check mode can't know it
	keyless   bool   // it has no SSH client, and needs no key
	hostKeys  []string
	foreseen  Result // what Prepare would do
}

// Gather implements Gatherer: it asks what Prepare would do.
func (k *Keygen) Gather(ctx context.Context, t *Target) (any, error) {
	asking := *t
	asking.Check = true
	res, err := asking.Script(ctx, k.pair(t))
	if err != nil {
		return nil, err
	}
	return k.host(t, res), nil
}

// Prepare implements Preparer: it makes the key pair where it lacks.
func (k *Keygen) Prepare(ctx context.Context, t *Target) (any, Result, error) {
	h, ok := t.Host.Gathered.(*keyHost)
	if ok && (t.Check || !h.foreseen.Changed) {
		return h, h.foreseen, nil
	}
	res, err := t.Script(ctx, k.pair(t))
	if err != nil {
		return nil, res, err
	}
	return k.host(t, res), res, nil
}

func (k *Keygen) pair(t *Target) *script.Script {
	bits := ""
	if k.Bits > 0 {
		bits = strconv.Itoa(k.Bits)
	}
	return script.New().Call("keygen_pair", k.User, k.Type, bits, mark(k.User, t.Host.Name))
}

func (k *Keygen) host(t *Target, res Result) *keyHost {
	h := &keyHost{user: k.User, port: k.Port, keyless: datum(res, "no_client") == "yes", foreseen: res}
	if f := strings.Fields(datum(res, "public_key")); len(f) >= 2 {
		h.publicKey = f[0] + " " + f[1]
	}
	for line := range strings.Lines(datum(res, "host_keys")) {
		if f := strings.Fields(line); len(f) == 2 && !slices.Contains(h.hostKeys, line) {
			h.hostKeys = append(h.hostKeys, f[0]+" "+f[1])
		}
	}
	return h
}

// unsafeMark is what would end a word in a file of keys, or read as something else.
var unsafeMark = regexp.MustCompile(`[^A-Za-z0-9_.:@+-]`)

// mark names a user's key on a host, in one word.
func mark(user, host string) string {
	if user != "" {
		host = user + "@" + host
	}
	return unsafeMark.ReplaceAllString(host, "_")
}

// Run implements Module.
func (k *Keygen) Run(ctx context.Context, t *Target) (Result, error) {
	var keys, hosts, warnings []string
	for _, p := range t.Peers {
		h, ok := p.Gathered.(*keyHost)
		if !ok {
			continue
		}
		switch {
		case h.publicKey != "":
			keys = append(keys, mark(h.user, p.Name)+" "+h.publicKey)
		case h.keyless:
		case t.Check && !p.Outside:
			keys = append(keys, mark(h.user, p.Name)+" new -")
		default:
			warnings = append(warnings, fmt.Sprintf("%s has no key yet to be authorised: --limit leaves it out", p.Name))
		}
		if len(h.hostKeys) == 0 {
			warnings = append(warnings, fmt.Sprintf("the host keys of %s could not be read: ssh to it will ask", p.Name))
		}
		for _, key := range h.hostKeys {
			hosts = append(hosts, mark("", p.Name)+" "+knownNames(p, h.port)+" "+key)
		}
	}
	for _, p := range t.Everyone {
		if !slices.ContainsFunc(t.Peers, func(q Peer) bool { return q.Name == p.Name }) {
			warnings = append(warnings, fmt.Sprintf("%s did not take part: its keys were not exchanged", p.Name))
		}
	}
	s := script.New().
		Set("KEYGEN_KEYS", strings.Join(keys, "\n")).
		Set("KEYGEN_HOSTS", strings.Join(hosts, "\n")).
		Call("keygen_exchange", k.User)
	res, err := t.Script(ctx, s)
	if me, ok := t.Host.Gathered.(*keyHost); ok {
		res.Set("public_key", me.publicKey)
		res.Set("private_key", datum(me.foreseen, "private_key"))
	}
	res.Warnings = append(res.Warnings, warnings...)
	return res, err
}

// knownNames is the first field of a known_hosts line: see sshd(8). A name that
// would be a pattern there is left out.
func knownNames(p Peer, port int) string {
	var names []string
	for _, name := range []string{p.Name, p.Address} {
		if name == "" || strings.ContainsAny(name, " \t,*?![]|#") {
			continue
		}
		if a, err := netip.ParseAddr(name); err == nil {
			name = a.Unmap().String()
		}
		name = strings.ToLower(name)
		if port != 22 {
			name = "[" + name + "]:" + strconv.Itoa(port)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
