package tasks

import (
	"cmp"
	"maps"
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// An adoptee is a host with the etcd member that runs there.
type adoptee struct {
	host, address string
	login         *value.Dict
	process       *process
	facts         map[string]string // of this process, without its number
	settings      etcdSettings
	name          string
	access        etcdFiles
	peerURLs      []string // what the cluster knows it by; nil when it could not be asked

	vars  *value.Dict
	notes []string // what adopting changes or can't carry over
}

func (a *adoptee) note(text string) { a.notes = append(a.notes, text) }

// asVariable are the flags that have a variable of their own.
var asVariable = map[string]string{
	"heartbeat-interval": "etcd_heartbeat_interval", "election-timeout": "etcd_election_timeout",
	"auto-compaction-mode": "etcd_auto_compaction_mode", "auto-compaction-retention": "etcd_auto_compaction_retention",
	"snapshot-count": "etcd_snapshot_count", "listen-metrics-urls": "etcd_metrics_urls", "log-level": "etcd_log_level",
	"quota-backend-bytes": "etcd_quota_backend_bytes",
}

// atFirst are flags of a first start: they would change nothing any more.
// Those of discovery may hold passwords.
var atFirst = regexp.MustCompile(`^(initial-cluster|initial-cluster-state|config-file|version|discovery.*)$`)

// noLike are flags that can't be carried over, with what to say of it.
var noLike = map[string]string{
	"force-new-cluster": "it was started with force-new-cluster; site.yml starts it without",
}

// releaseProgram is where a release's program lies in our folder of releases.
var releaseProgram = regexp.MustCompile(`^(/.+)/etcd-v[0-9.]+[^/]*-linux-[a-z0-9]+/etcd$`)

// inHomes are folders that the sandbox hides from members: releases are better
// kept elsewhere.
var inHomes = regexp.MustCompile(`^/(home|root)(/|$)`)

// work finds the variables that make site.yml see the member as it is.
func (a *adoptee) work() {
	s := maps.Clone(a.settings)
	a.vars = value.NewDict()
	if a.name != a.host {
		a.vars.Set("etcd_name", a.name)
	}
	s.take("name", "")
	secure := a.addresses(s)
	a.vars.Set("etcd_tls", secure)
	a.certificates(s, secure)
	if v := a.facts["version"]; v != "" {
		a.vars.Set("etcd_version", v)
	} else {
		a.note("its version can't be told; site.yml takes it from the program's path, unless etcd_version is set")
	}
	a.place(s)
	_, founded := s["initial-cluster"]
	switch token := s.take("initial-cluster-token", map[bool]string{true: "etcd-cluster"}[founded]); {
	case token == "":
		a.note("its cluster's token does not show any more; site.yml uses it only for the names of backups (etcd_cluster_token)")
	case !daemonName.MatchString(token):
		a.note("its cluster's token is no good as a file name; site.yml uses its own for the names of backups")
	default:
		a.vars.Set("etcd_cluster_token", token)
	}
	a.programs()
	maps.DeleteFunc(s, func(name, _ string) bool { return atFirst.MatchString(name) })
	for _, name := range slices.Sorted(maps.Keys(noLike)) {
		if v := s.take(name, "false"); v != "false" {
			a.note(noLike[name])
		}
	}
	for _, name := range autoTLS { // refused unless they are off
		s.take(name, "")
	}
	for _, flag := range slices.Sorted(maps.Keys(asVariable)) {
		if v := s.take(flag, ""); v != "" {
			a.vars.Set(asVariable[flag], flagScalar(v))
		} else if flag == "quota-backend-bytes" {
			a.vars.Set(asVariable[flag], nil) // etcd's own, not ours
		}
	}
	extra, _ := a.vars.Get("etcd_extra_args")
	all, _ := extra.(*value.Dict)
	if all == nil {
		all = value.NewDict()
	}
	for _, flag := range slices.Sorted(maps.Keys(s)) {
		all.Set(flag, flagScalar(s[flag]))
	}
	if s["log-outputs"] != "" && strings.Contains(s["log-outputs"], "/") {
		a.note("it writes log files itself (log-outputs); site.yml's unit lets it write to its data alone: set etcd_log instead, or etcd_sandbox: false")
	}
	a.vars.Delete("etcd_extra_args")
	if all.Len() > 0 {
		a.vars.Set("etcd_extra_args", all)
	}
}

// addresses are where the member is found, and where it listens. It reports whether
// it speaks TLS.
func (a *adoptee) addresses(s etcdSettings) (secure bool) {
	clients := s.take("advertise-client-urls", "http://localhost:2379")
	listens := s.take("listen-client-urls", "http://localhost:2379")
	peers := s.take("initial-advertise-peer-urls", "http://localhost:2380")
	peerListens := s.take("listen-peer-urls", "http://localhost:2380")
	if len(a.peerURLs) > 0 {
		peers = strings.Join(a.peerURLs, ",")
	}
	client, peer := oneURL(clients, "2379"), oneURL(peers, "2380")
	secure = client.scheme == "https"
	a.port("etcd_client_port", client.port, "2379")
	a.port("etcd_peer_port", peer.port, "2380")
	address := a.address
	if peer.address() && !peer.loopback() {
		address = peer.host
	} else {
		a.note("the cluster knows it as " + peer.String() + "; site.yml will tell the cluster its address " + address + " instead (etcd_address)")
	}
	if address != a.address {
		a.vars.Set("etcd_address", address)
	}
	extra := value.NewDict()
	if own := (etcdURL{client.scheme, address, client.port}); client.loopback() {
		a.note("it tells clients to find it at " + clients + "; site.yml lets it tell " + own.String())
	} else if !same(clients, own) {
		extra.Set("advertise-client-urls", clients)
	}
	listen := listening(address, etcdURLs(listens), etcdURLs(peerListens), client.port, peer.port)
	if listen != address {
		a.vars.Set("etcd_listen_address", listen)
	}
	if at := (etcdURL{client.scheme, listen, client.port}); !same(listens, at) && reaches(etcdURLs(listens), listen, client.port) {
		extra.Set("listen-client-urls", listens)
	} else if !same(listens, at) {
		a.note("it listens to clients at " + listens + "; site.yml lets it listen at " + at.String())
	}
	if at := (etcdURL{peer.scheme, listen, peer.port}); !same(peerListens, at) && reaches(etcdURLs(peerListens), listen, peer.port) {
		extra.Set("listen-peer-urls", peerListens)
	} else if !same(peerListens, at) {
		a.note("it listens to its peers at " + peerListens + "; site.yml lets it listen at " + at.String())
	}
	a.vars.Set("etcd_extra_args", extra)
	return secure
}

func (a *adoptee) port(name, port, usual string) {
	if n, err := strconv.Atoi(port); err == nil && port != usual {
		a.vars.Set(name, n)
	}
}

// oneURL is the URL of a list that others than the host itself can use.
func oneURL(list, port string) etcdURL {
	all := etcdURLs(list)
	slices.SortStableFunc(all, func(x, y etcdURL) int {
		rank := func(u etcdURL) int {
			switch {
			case u.loopback():
				return 2
			case !u.address():
				return 1
			}
			return 0
		}
		return rank(x) - rank(y)
	})
	if len(all) == 0 {
		return etcdURL{"http", "localhost", port}
	}
	return all[0]
}

// listening is the one address at which the member listens to both clients and
// peers.
func listening(address string, clients, peers []etcdURL, clientPort, peerPort string) string {
	if len(clients) == 1 && len(peers) == 1 && clients[0].wild() && peers[0].wild() && clients[0].host == peers[0].host {
		return clients[0].host
	}
	candidates := []string{address}
	for _, u := range append(slices.Clone(clients), peers...) {
		if u.address() && !u.wild() && !u.loopback() {
			candidates = append(candidates, u.host)
		}
	}
	for _, c := range candidates {
		if reaches(clients, c, clientPort) && reaches(peers, c, peerPort) {
			return c
		}
	}
	return address
}

// reaches reports whether one of the URLs is listened on at an address.
func reaches(urls []etcdURL, address, port string) bool {
	return slices.ContainsFunc(urls, func(u etcdURL) bool { return u.port == port && (u.host == address || u.wild()) })
}

func same(list string, u etcdURL) bool {
	all := etcdURLs(list)
	return len(all) == 1 && all[0] == u
}

// place says as whom, where and under what the member runs.
func (a *adoptee) place(s etcdSettings) {
	f := a.facts
	ours := strings.Contains(f["record"], configMark)
	pid, _, _ := strings.Cut(f["pid_file"], "\n")
	nohup := pid == a.process.pid
	user, group, _ := strings.Cut(f["who"], ":")
	home := f["home"]
	if ours || nohup {
		home = f["dir"]
	}
	a.vars.Set("etcd_data_dir", absoluteFrom(f["dir"], s.take("data-dir", a.name+".etcd")))
	if wal := s["wal-dir"]; wal != "" {
		s["wal-dir"] = absoluteFrom(f["dir"], wal)
	}
	a.vars.Set("etcd_user", user)
	a.vars.Set("etcd_group", group)
	a.vars.Set("etcd_home", home)
	if user == "root" {
		a.note("it runs as root; site.yml leaves that so, and lets root log in from every host to every other, unless --skip-tags keygen says not to")
	}
	if m := releaseProgram.FindStringSubmatch(a.process.exe); m != nil && m[1] != "/opt/etcd" && !inHomes.MatchString(m[1]) {
		a.vars.Set("etcd_install_dir", m[1])
	}
	if nohup {
		a.vars.Set("etcd_manager", "nohup")
	}
	if log := f["log"]; log != "" && !(nohup && log == path.Join(home, "etcd.log")) {
		a.vars.Set("etcd_log", log)
	}
	if ours && !strings.Contains(f["record"], "\nProtectSystem=") {
		a.vars.Set("etcd_sandbox", false)
	}
	switch props := properties(f["props"]); {
	case ours || nohup:
	case f["unit"] == "":
		a.note("it was started by hand; site.yml puts it under systemd, where there is one")
	case f["unit"] == "etcd.service":
		a.note("the unit " + props["FragmentPath"] + " runs it; site.yml puts its own in its place, /etc/systemd/system/etcd.service")
	default:
		a.note("the unit " + f["unit"] + " runs it; site.yml stops and disables that, and runs it by etcd.service")
	}
	if drops := properties(f["props"])["DropInPaths"]; drops != "" && f["unit"] == "etcd.service" && !ours {
		a.note(drops + " would add to site.yml's unit: look through it and take it away first")
	}
}

// memberOf finds the adoptee in the member list.
func (a *adoptee) memberOf(e etcd.EndpointState) {
	for _, m := range e.Members {
		if e.Err == nil && m.ID == e.Member {
			a.peerURLs = m.PeerURLs
			if m.Name != "" {
				a.name = m.Name
			}
		}
	}
}

// endpoint is where the host itself can ask its member.
func (a *adoptee) endpoint() string {
	all := etcdURLs(cmp.Or(a.settings["listen-client-urls"], "http://localhost:2379"))
	if len(all) == 0 {
		return "http://127.0.0.1:2379"
	}
	u := all[0]
	if u.wild() || u.host == "localhost" {
		u.host = map[bool]string{true: "::1", false: "127.0.0.1"}[net.ParseIP(u.host) != nil && strings.Contains(u.host, ":")]
	}
	return u.String()
}

// flagScalar is a flag's value as an inventory has it.
func flagScalar(text string) any {
	if text == "true" || text == "false" {
		return text == "true"
	}
	if n, err := strconv.Atoi(text); err == nil && strconv.Itoa(n) == text {
		return n
	}
	return text
}
