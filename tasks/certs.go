package tasks

import (
	"context"
	"fmt"
	"net/netip"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/pki"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// Certs gives each host of the play a certificate of one authority.
type Certs struct {
	PKI         string   `arg:"pki,required" doc:"The folder on the controller with the authority and the certificates of people; absolute"`
	Dir         string   `arg:"dir,required" doc:"The folder on the host; the files in use are DIR/current/ca.crt, member.crt and member.key"`
	Owner       string   `arg:"owner" doc:"Whose the private key on the host is; by default who makes it"`
	Group       string   `arg:"group" doc:"The group of the private key"`
	Mode        Mode     `arg:"mode" default:"0600" doc:"The mode of the private key"`
	Name        string   `arg:"name" doc:"The common name; by default the inventory's name of the host"`
	Names       []string `arg:"names,required" doc:"The DNS names and IP addresses that the certificate is for"`
	Keys        string   `arg:"keys" default:"auto" choices:"auto,host,controller,given" doc:"Where private keys come from; see above"`
	Days        int      `arg:"days" default:"365" doc:"How long new certificates last"`
	RenewBefore int      `arg:"renew_before" default:"30" doc:"Renew what ends within this many days"`
	Renew       bool     `arg:"renew" doc:"Issue all certificates anew now"`
	Clients     []string `arg:"clients" doc:"For whom to keep PKI/NAME.crt and PKI/NAME.key: people, programs, this program itself"`
	Rotate      string   `arg:"rotate" choices:"introduce,promote,retire,finish" doc:"A step to another authority; see above"`
	Serving     []string `arg:"serving" doc:"HOST:PORT where, seen from the host, a server must present the certificate afterwards"`
}

// Doc implements Module.
func (*Certs) Doc() Doc {
	return Doc{
		Summary: "Give each host a certificate, and keep it valid",
		Text: `Makes an authority on the controller when there is none (PKI/ca.crt and PKI/ca.key,
ECDSA P-256, 10 years) and gives each host a certificate of it, for servers that are
clients of each other too. PKI/ca.key is needed only when something is issued: it
can be kept elsewhere meanwhile.

On the host, DIR/current is a link to a folder with ca.crt, member.crt and
member.key. A new certificate gets a new folder and the link is switched in one
step; the folder before stays, older ones of ours go. A server that reads its
files at each handshake, as etcd does, needs no restart for a new certificate, but
one for another ca.crt: see ca_digest.

A certificate is issued when there is none, when it ends within renew_before, when
its names or its authority are others than wanted, when the key is not the one that it
was made for, or by renew. Else nothing changes.

keys says where private keys come from:
- host: made on the host, by openssl or ssh-keygen; they never leave it. A host with
  neither is a failure.
- auto: as host; a host with neither gets one that the controller makes, sends over
  SSH and does not keep.
- controller: made on the controller and kept there, PKI/members/NAME.crt and .key.
- given: your own authority issues them. PKI/ca.crt, PKI/members/NAME.crt and .key, and
  PKI/CLIENT.crt and .key must be there; ca.key need not. They are checked on all
  hosts before any is touched: authority, key, names, use, end.

Secret keys in PKI are encrypted where a vault password is given. Those of clients
are not (0600), so that etcdctl and the like can use them.

rotate changes the authority without an interruption, one step a task, each followed
by what the servers need for it: introduce (make another, trust both; restart), promote
(the new one signs, all certificates are issued anew), retire (trust only the new
one; restart), finish. The old one is kept in PKI/old. PKI/new shows that a rotation is
under way; repeated steps change nothing, so one that was interrupted is begun again.`,
		Examples: `- certs:
    pki: "{{ inventory_dir }}/pki"
    dir: /etc/etcd/pki
    owner: etcd
    names: ["{{ inventory_hostname }}", "{{ ansible_host }}", localhost, 127.0.0.1, "::1"]
    clients: [admin]
`,
		Returns: []Return{
			{"ca", "the path of the authorities' certificates on the host"},
			{"cert", "the path of the certificate on the host"},
			{"key", "the path of its private key on the host"},
			{"ca_digest", "the SHA-256 of ca.crt on the host, whatever order the authorities came in: servers must be restarted when it changes"},
			{"ends", "when the certificate ends, like 2027-11-26T12:00:00Z; empty where check mode can't know"},
			{"fingerprint", "the certificate's SHA-256; empty where check mode can't know"},
		},
	}
}

// safeName is a name that can be a file's.
var safeName = regexp.MustCompile(`^[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*$`)

// dnsName is what a certificate may be for, a wildcard among it.
var dnsName = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\.?$`)

// Validate implements Validator.
func (c *Certs) Validate() error {
	if !filepath.IsAbs(c.PKI) {
		return &ArgError{Arg: "pki", Msg: fmt.Sprintf("pki: %q is no absolute path", c.PKI), Hint: `write "{{ inventory_dir }}/pki"`}
	}
	if err := absolute("dir", c.Dir); err != nil {
		return err
	}
	if c.Days < 1 || c.Days > 10*365 {
		return &ArgError{Arg: "days", Msg: fmt.Sprintf("days: %d: 1 to %d are possible", c.Days, 10*365)}
	}
	if c.RenewBefore < 0 || c.RenewBefore >= c.Days {
		return &ArgError{Arg: "renew_before", Msg: fmt.Sprintf("renew_before: %d days, of certificates that last %d", c.RenewBefore, c.Days), Hint: "each run would issue them anew"}
	}
	for _, n := range c.Names {
		if _, err := netip.ParseAddr(n); err != nil && !dnsName.MatchString(n) {
			return &ArgError{Arg: "names", Msg: fmt.Sprintf("names: %q is neither a DNS name nor an IP address", n)}
		}
	}
	if len(c.Names) == 0 {
		return &ArgError{Arg: "names", Msg: "names: the list is empty", Hint: "no client would accept such a certificate"}
	}
	for _, n := range c.Clients {
		if !safeName.MatchString(n) || slices.Contains([]string{"ca", "members", "old", "new"}, n) {
			return &ArgError{Arg: "clients", Msg: fmt.Sprintf("clients: %q can't be the name of a file in pki", n)}
		}
	}
	if c.Name != "" && !safeName.MatchString(c.Name) {
		return &ArgError{Arg: "name", Msg: fmt.Sprintf("name: %q can't be the name of a file", c.Name)}
	}
	if c.Keys == "given" && (c.Rotate != "" || c.Renew) {
		return &ArgError{Arg: "keys", Msg: "keys: given certificates are issued by your own authority", Hint: "put new ones into pki/members, and run again"}
	}
	return nil
}

// certHost is what is known of one host before anything changes.
type certHost struct {
	have    certFiles
	dir     string   // Dir, as the host knows it
	tools   []string // what can make a key there
	attrs   Result   // what is to be done to the key's attributes
	plan    certPlan
	problem error // why nothing may be touched anywhere

	// what Prepare made
	new     string // the folder with the new key
	request string
}

// certFiles are the three files that a server reads.
type certFiles struct {
	ca, cert       string // PEM
	keySum, madeOf string // checksums: of the key, and of the key that the certificate was made for
}

// Gather implements Gatherer: it looks, and decides.
func (c *Certs) Gather(ctx context.Context, t *Target) (any, error) {
	asking := *t.Fresh()
	asking.Check = true
	res, err := asking.Script(ctx, script.New().Call("certs_look", path.Clean(c.Dir), c.Owner, c.Group, string(c.Mode)))
	if err != nil {
		return nil, err
	}
	h := &certHost{
		have: certFiles{ca: datum(res, "ca"), cert: datum(res, "cert"), keySum: datum(res, "key_sum"), madeOf: datum(res, "made_sum")},
		dir:  datum(res, "dir"), tools: strings.Fields(datum(res, "tools")), attrs: res,
	}
	h.plan, h.problem = c.planFor(t, h, time.Now())
	return h, nil
}

// Prepare implements Preparer: the first host makes what is needed on the
// controller, and each makes its new private key.
func (c *Certs) Prepare(ctx context.Context, t *Target) (any, Result, error) {
	h := t.Host.Gathered.(*certHost)
	if err := c.refusal(t); err != nil {
		return h, Result{}, err
	}
	if firstOf(t) {
		if err := c.prepareController(ctx, t); err != nil {
			return h, t.Result(), err
		}
	}
	if !h.plan.put() {
		return h, t.Result(), nil
	}
	tools := ""
	if h.plan.makesKey {
		tools = strings.Join(h.tools, " ")
	}
	res, err := t.Script(ctx, script.New().Call("certs_begin", path.Clean(c.Dir), tools))
	h.new, h.request = datum(res, "new"), datum(res, "request")
	return h, res, err
}

// refusal is why this host must not begin: what is wrong with its own
// certificates or with another's, or a host that does not take part in what all
// must do.
func (c *Certs) refusal(t *Target) error {
	for _, e := range t.Everyone {
		i := slices.IndexFunc(t.Peers, func(p Peer) bool { return p.Name == e.Name })
		if c.Rotate != "" && (i < 0 || t.Peers[i].Outside) {
			return Failf("the authority can't be changed without %s", e.Name).
				WithHint("all hosts must take part: those that did not would no longer be understood; leave --limit out")
		}
	}
	if own := t.Host.Gathered.(*certHost).problem; own != nil {
		return own
	}
	for _, p := range t.Peers {
		if h, ok := p.Gathered.(*certHost); ok && h.problem != nil && !p.Outside {
			return Failf("not begun, because of %s: nothing was touched", p.Name)
		}
	}
	return nil
}

// firstOf reports whether this host is the one that acts for all.
func firstOf(t *Target) bool {
	for _, p := range t.Peers {
		if !p.Outside {
			return p.Name == t.Host.Name
		}
	}
	return true
}

// commonName is the member's name.
func (c *Certs) commonName(t *Target) string {
	if c.Name != "" {
		return c.Name
	}
	return t.Host.Name
}

// wantedNames are the names of the member's certificate.
func (c *Certs) wantedNames() []string { return pki.Canonical(c.Names) }
