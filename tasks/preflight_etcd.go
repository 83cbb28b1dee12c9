package tasks

import (
	"cmp"
	"context"
	"fmt"
	"strings"
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
