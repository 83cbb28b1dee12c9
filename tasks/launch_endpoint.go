package tasks

import (
	"net"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// asked is how to ask the host's member now. Where its port or address is to
// change, it still serves at the old one until it is restarted, and a cluster
// that is asked elsewhere would look like one without a quorum.
func (d *daemon) asked(wanted *EtcdMember) *EtcdMember {
	if !d.running() || d.fresh {
		return wanted
	}
	member := *wanted
	if addr := servedAt(d.process.args, member.Endpoint); addr != "" {
		scheme, _, _ := strings.Cut(member.Endpoint, "://")
		member.Endpoint = scheme + "://" + addr
	}
	return &member
}

// servedAt is the HOST:PORT at which a member with these arguments serves its
// clients, or "" where the endpoint reaches it, or nothing is told.
func servedAt(args []string, endpoint string) string {
	wanted, _, err := etcd.ParseURL(endpoint)
	if err != nil {
		return ""
	}
	host, port, _ := net.SplitHostPort(wanted)
	other := ""
	for url := range strings.SplitSeq(flagIn(args, "listen-client-urls")+","+flagIn(args, "advertise-client-urls"), ",") {
		addr, _, err := etcd.ParseURL(url)
		if err != nil {
			continue
		}
		h, p, _ := net.SplitHostPort(addr)
		if ip := net.ParseIP(h); ip != nil && ip.IsUnspecified() {
			h = host
		}
		if h == host && p == port {
			return ""
		}
		if other == "" {
			other = net.JoinHostPort(h, p)
		}
	}
	return other
}
