package tasks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// EtcdMember are the arguments that say how to ask the etcd member of a host.
type EtcdMember struct {
	Endpoint string `arg:"endpoint,required" doc:"This host's client URL, like https://192.168.161.3:2379"`
	Name     string `arg:"name" doc:"The name of this host's member; by default the inventory's name of the host"`
	PeerURL  string `arg:"peer_url" doc:"This host's peer URL: what the cluster knows its member by, also before it has said its name"`
	User     string `arg:"user" doc:"User name, where authentication is on"`
	Password string `arg:"password,secret" doc:"The user's password"`
	TLSFiles
	Moving bool `arg:"moving" doc:"The member may still speak http where the endpoint says https, or already https: it is being moved to TLS"`
}

func (m *EtcdMember) validate(arg string) error {
	if _, _, err := etcd.ParseURL(m.Endpoint); err != nil {
		return &ArgError{Arg: arg + ".endpoint", Msg: arg + ".endpoint: " + err.Error()}
	}
	if m.Name != "" && !safeName.MatchString(m.Name) {
		return &ArgError{Arg: arg + ".name", Msg: fmt.Sprintf("%s.name: %q can't be the name of a member", arg, m.Name), Hint: "use letters, digits and -_.@+"}
	}
	return m.TLSFiles.validate(arg)
}

// named is the name of a host's member.
func (m *EtcdMember) named(host Peer) string {
	if m.Name != "" {
		return m.Name
	}
	return host.Name
}

// A seat is a host of the play with how to ask its member.
type seat struct {
	Peer
	member *EtcdMember
}

// seatsOf are the hosts that gathered a T and can be reached, with how T says that
// their members are asked.
func seatsOf[T any](t *Target, member func(T) *EtcdMember) (all []seat) {
	for _, p := range t.Peers {
		if g, ok := p.Gathered.(T); ok && p.Conn != nil {
			all = append(all, seat{p, member(g)})
		}
	}
	return all
}

// openEtcd makes a client of the members of some hosts, through the connections
// to them. What differs from host to host is the endpoint alone: the first
// one's certificates and user serve for all.
func openEtcd(ctx context.Context, t *Target, seats []seat) (*etcd.Cluster, error) {
	endpoints, options, err := waysToEtcd(t, seats)
	if err != nil {
		return nil, err
	}
	c, err := etcd.Open(ctx, endpoints, options)
	if err != nil {
		return nil, Failf("%w", err)
	}
	return c, nil
}

// waysToEtcd is what openEtcd opens.
func waysToEtcd(t *Target, seats []seat) (endpoints []etcd.Endpoint, o etcd.Options, err error) {
	if len(seats) == 0 {
		return nil, o, Failf("there is no host to ask")
	}
	first := seats[0].member
	o.Username, o.Password = first.User, first.Password
	if o.TLS, err = first.TLSFiles.config(t.Files); err != nil {
		// what check mode foresees may be made by then; until it is there, no member answers
		missing := errors.Is(err, fs.ErrNotExist)
		if missing && !t.Check {
			err = Failf("%w", err).WithHint("site.yml makes the certificates of a new cluster; those of one that runs are in the folder that etcd_pki must name")
		}
		if !missing || !t.Check {
			return nil, o, err
		}
	}
	for _, s := range seats {
		at := &whereabouts{host: s.Peer, member: s.member, target: t}
		w := etcdWay{dial: at.DialContext, either: s.member.Moving}
		w.config = func() (*tls.Config, error) { return first.TLSFiles.config(t.Files) }
		if _, w.secure, err = etcd.ParseURL(s.member.Endpoint); err != nil {
			return nil, o, Failf("%w", err)
		}
		endpoints = append(endpoints, etcd.Endpoint{Name: s.member.named(s.Peer), URL: s.member.Endpoint, Dial: w.DialContext, DialsTLS: true})
	}
	return endpoints, o, nil
}
