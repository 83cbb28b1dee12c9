package tasks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// EtcdAdopt writes an inventory for an etcd cluster that somebody else set up.
type EtcdAdopt struct {
	Dest    string      `arg:"dest" doc:"The inventory to write, on the controller; one that is there is never overwritten. Without it the inventory is shown"`
	Group   string      `arg:"group" default:"etcd" doc:"The group that the hosts belong to"`
	Address string      `arg:"address" doc:"The address that etcd_address has by default; otherwise that of the connection"`
	Login   *value.Dict `arg:"login" doc:"This host's variables that say how to log in, to be kept. Passwords are left out"`

	User     string `arg:"user" doc:"Who asks the members, where authentication is on and their certificates are no users"`
	Password string `arg:"password,secret" doc:"The user's password"`
}

// Doc implements Module.
func (*EtcdAdopt) Doc() Doc {
	return Doc{
		Summary: "Write an inventory for an etcd cluster that runs already",
		Text: `Reads how the member on each host was started (its flags, the ETCD_ variables of its
environment, its configuration file), by whom, and asks it for the member list, with
its own certificates where it has some: they are read over SSH and kept in memory.
Hosts are only read.

The inventory has the variables with which site.yml sees the cluster as it is. What
it would still change, and what can't be carried over, stands at its head. Hosts
without etcd are left out of it, and told; members on other hosts are told, too.
Certificates stay where they are (etcd_files), and programs are copied from where they
are (etcd_programs). Of a cluster with TLS the authorities that its members trust are
written into pki/ca.crt beside the inventory.

Refused are hosts whose members belong to several clusters, members that make their own
certificates (auto-tls), and such that speak TLS with clients or with peers alone.`,
		Examples: `- etcd_adopt:
    dest: /root/adopted.yml
    login: {ansible_host: "{{ ansible_host }}"}
`,
		Returns: []Return{
			{"inventory", "its text"},
			{"missing", "members whose hosts are not in the inventory"},
		},
	}
}

// Order implements Orderer.
func (*EtcdAdopt) Order() Order { return Once }

// Gather implements Gatherer.
func (e *EtcdAdopt) Gather(ctx context.Context, t *Target) (any, error) {
	_, facts, err := t.Query(ctx, script.New().Call("adopt_look"))
	if err != nil {
		return nil, err
	}
	a := &adoptee{host: t.Host.Name, address: e.Address, login: e.Login}
	if a.address == "" {
		a.address = t.Host.Address
	}
	var found []string
	for key, text := range facts {
		if pid, ok := strings.CutPrefix(key, "process."); ok {
			if a.process, err = parseProcess(pid, text); err != nil {
				return nil, err
			}
			found = append(found, pid)
		}
	}
	switch {
	case len(found) > 1:
		slices.Sort(found)
		return nil, Failf("%d etcd processes run on this host (%s)", len(found), strings.Join(found, ", ")).
			WithHint("a host has one member: give each member a host of its own")
	case len(found) == 0:
		if facts["contained"] != "" {
			a.note("but in a container, where site.yml does not look")
		}
		return a, nil
	}
	a.facts = map[string]string{}
	for key, text := range facts {
		if name, ok := strings.CutSuffix(key, "."+found[0]); ok {
			a.facts[name] = text
		}
	}
	return a, a.read(ctx, t)
}

// read finds the member's settings.
func (a *adoptee) read(ctx context.Context, t *Target) error {
	var env []string
	for line := range strings.Lines(a.facts["env"]) {
		env = append(env, strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\x01", "\n"))
	}
	var config []byte
	if file := etcdConfigFile(a.process.args, env); file != "" {
		var b bytes.Buffer
		file = absoluteFrom(a.facts["dir"], file)
		if err := t.Conn.Get(ctx, file, &b); err != nil {
			return Failf("can't read etcd's configuration %s: %w", file, err)
		}
		config = append([]byte{}, b.Bytes()...)
	}
	s, odd, err := readEtcdSettings(a.process.args, env, config, strings.Fields(a.facts["flags"]))
	if err != nil {
		return Failf("etcd's settings can't be understood: %w", err)
	}
	for _, what := range odd {
		a.note(what + " can't be carried over")
	}
	a.settings, a.name = s, s["name"]
	if a.name == "" {
		a.name = "default"
	}
	a.access.read(ctx, t.Conn, a.facts["dir"], s)
	return nil
}

// etcdFiles are a member's own certificates.
type etcdFiles struct {
	ca, cert, key []byte
	err           error
}

func (f *etcdFiles) read(ctx context.Context, conn Conn, dir string, s etcdSettings) {
	for name, to := range map[string]*[]byte{"trusted-ca-file": &f.ca, "cert-file": &f.cert, "key-file": &f.key} {
		if s[name] == "" {
			continue
		}
		var b bytes.Buffer
		if err := conn.Get(ctx, absoluteFrom(dir, s[name]), &b); err != nil {
			f.err = err
		}
		*to = b.Bytes()
	}
}

func (f *etcdFiles) config() (*tls.Config, error) {
	if f.err != nil {
		return nil, f.err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(f.ca) > 0 {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AppendCertsFromPEM(f.ca)
	}
	if len(f.cert) > 0 {
		pair, err := tls.X509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// Run implements Module.
func (e *EtcdAdopt) Run(ctx context.Context, t *Target) (Result, error) {
	dest := ""
	if e.Dest != "" {
		var err error
		if dest, err = filepath.Abs(e.Dest); err != nil {
			return Result{}, Failf("%w", err)
		}
		if _, err = os.Lstat(dest); err == nil {
			return Result{}, Failf("%s is there already, and is not overwritten", dest).WithHint("choose another name, or move it away")
		}
	}
	r := adoptReport{group: e.Group, user: e.User, password: e.Password}
	var conns []Conn
	for _, p := range t.Peers {
		a, ok := p.Gathered.(*adoptee)
		switch {
		case !ok:
		case a.process == nil:
			r.warnings = append(r.warnings, p.Name+" runs no etcd "+strings.Join(append(a.notes, "and is left out"), ", "))
		default:
			r.members, conns = append(r.members, a), append(conns, p.Conn)
		}
	}
	for _, p := range t.Everyone {
		if !slices.ContainsFunc(t.Peers, func(q Peer) bool { return q.Name == p.Name }) {
			r.warnings = append(r.warnings, p.Name+" can't be reached, and is left out")
		}
	}
	if len(r.members) == 0 {
		return Result{Warnings: r.warnings}, Failf("etcd runs on none of the hosts").
			WithHint("a running cluster can be adopted: start it first, as it was started before")
	}
	if err := r.refuse(); err != nil {
		return Result{Warnings: r.warnings}, err
	}
	if err := r.ask(ctx, conns); err != nil {
		return Result{Warnings: r.warnings}, err
	}
	if dest != "" {
		if err := r.writeAuthorities(t, filepath.Join(filepath.Dir(dest), "pki", "ca.crt")); err != nil {
			return t.Result(), err
		}
	}
	text := r.inventory()
	if dest != "" && t.Would("write the inventory %s", dest) {
		if err := t.Files.Write(dest, []byte(text), 0o644, false); err != nil {
			return t.Result(), Failf("%w", err)
		}
	}
	res := t.Result()
	res.Warnings = r.warnings
	res.Msg = fmt.Sprintf("%s of cluster %s", count(len(r.members), "member"), r.cluster)
	if dest == "" {
		res.Text = text
	}
	res.Set("inventory", text)
	res.Set("missing", texts(r.missing))
	return res, nil
}

// ask asks the members which cluster they are.
func (r *adoptReport) ask(ctx context.Context, conns []Conn) error {
	var endpoints []etcd.Endpoint
	for i, a := range r.members {
		way := etcdWay{dial: conns[i].DialContext, config: a.access.config, secure: strings.HasPrefix(a.endpoint(), "https:")}
		endpoints = append(endpoints, etcd.Endpoint{Name: a.name, URL: a.endpoint(), Dial: way.DialContext, DialsTLS: true})
	}
	cluster, err := etcd.Open(ctx, endpoints, etcd.Options{Username: r.user, Password: r.password})
	if err != nil {
		return Failf("%w", err)
	}
	defer cluster.Close()
	state := cluster.Look(ctx)
	r.cluster = "unknown"
	hint := ""
	if r.password == "" {
		hint = "; where authentication is on, say -e etcd_root_password=…"
	}
	var ids, where []string
	for i, e := range state.Endpoints {
		a := r.members[i]
		if e.Err != nil {
			r.warnings = append(r.warnings, fmt.Sprintf("%s: its member can't be asked at %s (%v): what its flags say is taken for true%s", a.host, e.URL, e.Err, hint))
			continue
		}
		a.memberOf(e)
		if a.facts["version"] == "" {
			a.facts["version"] = e.Version
		}
		if !slices.Contains(ids, e.Cluster.String()) {
			ids = append(ids, e.Cluster.String())
		}
		where = append(where, fmt.Sprintf("%s is a member of cluster %s", a.host, e.Cluster))
	}
	if len(ids) > 1 {
		f := Failf("these hosts belong to %d clusters", len(ids)).WithHint("adopt each with an inventory of its own hosts")
		f.Stderr = strings.Join(where, "\n")
		return f
	}
	if len(ids) == 1 {
		r.cluster = ids[0]
	}
	if r.password != "" {
		r.warnings = append(r.warnings, "etcd_root_password is secret and is not written here: all playbooks need it, best from a vault")
	}
	for _, m := range state.Members {
		here := slices.ContainsFunc(r.members, func(a *adoptee) bool {
			return a.name == m.Name || slices.ContainsFunc(m.PeerURLs, func(u string) bool { return slices.Contains(a.peerURLs, u) })
		})
		if !here {
			r.missing = append(r.missing, m.Name)
			r.warnings = append(r.warnings, fmt.Sprintf("member %s of the cluster, at %s, is on none of these hosts: add its host, or start it there, and adopt again", m.Name, strings.Join(m.PeerURLs, ", ")))
		}
	}
	return nil
}
