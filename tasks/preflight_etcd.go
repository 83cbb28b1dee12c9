package tasks

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"path"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// otherwise finds out that the member here speaks http where https is wanted, or
// the other way round: members would be restarted one by one, and those of one
// kind don't understand the others.
func (p *Preflight) otherwise(own *survey) []finding {
	if p.Etcd == nil || p.Switching || own.daemon == nil {
		return nil
	}
	wanted, _, _ := strings.Cut(p.Etcd.Endpoint, "://")
	running, recorded := own.schemes()
	for _, now := range []string{running, recorded} {
		if now != "" && now != wanted {
			hint := "-e etcd_tls=true leaves it as it is; no playbook takes TLS away from a running cluster"
			if wanted == "https" {
				hint = "tls-enable.yml moves a running cluster to TLS; -e etcd_tls=false leaves it as it is"
			}
			return []finding{{fmt.Sprintf("the member on this host speaks %s, and is to speak %s", now, wanted), hint}}
		}
	}
	return nil
}

// schemes are what an etcd member speaks to its clients, http or https: the one
// that runs here, and the one that is started next. "" is unknown.
func (s *survey) schemes() (running, recorded string) {
	in := func(words []string) string {
		urls := flagIn(words, "advertise-client-urls")
		if scheme, _, ok := strings.Cut(urls, "://"); ok {
			return scheme
		}
		return ""
	}
	for _, o := range s.owners {
		running = cmp.Or(running, in(o.args))
	}
	return running, in(s.recordWords())
}

// startedAs is the command line of the daemon that runs here, or that is recorded: of
// that, the program and its flags.
func (s *survey) startedAs() []any {
	words := []any{}
	if len(s.owners) > 0 {
		for _, w := range s.owners[0].args {
			words = append(words, w)
		}
		return words
	}
	if s.daemon == nil {
		return words
	}
	programs := recordedPrograms(s.record(), s.task.Daemon.Command)
	if len(programs) == 0 {
		return words
	}
	words = append(words, programs[0])
	for _, w := range s.recordWords() {
		if strings.HasPrefix(w, "--") {
			words = append(words, w)
		}
	}
	return words
}

// lookBehind looks at the data directory that a stopped etcd member is recorded with,
// when it is to have another one.
func (s *survey) lookBehind(ctx context.Context, t *Target) error {
	if s.task.Etcd == nil || s.daemon == nil || len(s.owners) > 0 {
		return nil
	}
	dir := flagIn(s.recordWords(), "data-dir")
	if !path.IsAbs(dir) || slices.ContainsFunc(s.task.Data, func(d string) bool { return path.Clean(d) == path.Clean(dir) }) {
		return nil
	}
	_, facts, err := t.Query(ctx, script.New().Call("preflight_dir", "recorded", path.Clean(dir)))
	if err == nil {
		s.facts["dir.recorded"] = facts["dir.recorded"]
	}
	return err
}

// movedHere reports whether a directory with these names in it holds the data of the
// member here, which somebody moved: where it is recorded to have them nothing is.
func (s *survey) movedHere(names []string) bool {
	told, looked := s.facts["dir.recorded"]
	kind, left, _ := strings.Cut(told, "\n")
	gone := kind == "missing" || kind == "directory" && !slices.ContainsFunc(strings.Split(left, "\n"), countsAsData)
	return looked && gone && slices.Contains(names, "member")
}

// bothPorts finds out that the member here is to get another client and another peer
// port at once: it could be found by neither.
func (p *Preflight) bothPorts(own *survey) []finding {
	if p.Etcd == nil || len(own.owners) == 0 {
		return nil
	}
	port := func(url string) string {
		addr, _, err := etcd.ParseURL(url)
		if err != nil {
			return ""
		}
		_, port, _ := net.SplitHostPort(addr)
		return port
	}
	args := own.owners[0].args
	client, peer := port(flagIn(args, "advertise-client-urls")), port(flagIn(args, "initial-advertise-peer-urls"))
	if client == "" || peer == "" || client == port(p.Etcd.Endpoint) || peer == port(p.Etcd.PeerURL) {
		return nil
	}
	return []finding{{
		fmt.Sprintf("the member on this host has the client port %s and the peer port %s, and can't get others for both at once", client, peer),
		"change etcd_client_port, run reconfigure.yml, then change etcd_peer_port and run it again",
	}}
}

// outsider finds out that the others run a cluster which this host, where etcd
// never ran, is no member of: started as for a new cluster it would not join it.
func (p *Preflight) outsider(ctx context.Context, t *Target, own *survey) ([]finding, error) {
	if p.Etcd == nil || p.Joining || own.recorded() {
		return nil, nil
	}
	var running []seat
	for _, other := range t.Peers {
		if s, ok := other.Gathered.(*survey); ok && other.Name != t.Host.Name && other.Conn != nil && s.task.Etcd != nil && len(s.owners) > 0 {
			running = append(running, seat{other, s.task.Etcd})
		}
	}
	if len(running) == 0 {
		return nil, nil
	}
	cluster, err := openEtcd(ctx, t, running)
	if err != nil {
		return nil, err
	}
	defer cluster.Close()
	state := cluster.Observe(ctx)
	if len(state.Members) == 0 {
		return nil, nil // it is not formed yet; launch will look again
	}
	m, known := state.MemberAt(p.Etcd.PeerURL)
	switch {
	case !known:
		return []finding{{
			fmt.Sprintf("this host is new, and the cluster that runs on %s has no member at %s", running[0].Name, p.Etcd.PeerURL),
			"scale-out.yml adds the hosts of the group that are no members yet",
		}}, nil
	case !m.Started() || m.Learner:
		return []finding{{
			fmt.Sprintf("member %s at %s was added to the cluster, but has not joined it yet", m.ID, p.Etcd.PeerURL),
			"scale-out.yml finishes that",
		}}, nil
	}
	return nil, nil
}
