package tasks

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// EtcdAuth says who may do what in an etcd cluster.
type EtcdAuth struct {
	Etcd     EtcdMember `arg:"etcd,required" doc:"How to ask this host's member"`
	Enabled  bool       `arg:"enabled" default:"true" doc:"Whether clients must say who they are"`
	RootPass string     `arg:"root_password,secret" doc:"The password of the user root. Without one root can only come with a certificate"`
	Roles    []EtcdRole `arg:"roles" doc:"Roles, which get exactly these permissions"`
	Users    []EtcdUser `arg:"users" doc:"Users, who get exactly these roles"`
}

// EtcdRole is a role with all its permissions.
type EtcdRole struct {
	Name        string           `arg:"name,required" doc:"What it is called"`
	Permissions []EtcdPermission `arg:"permissions" doc:"What it may do"`
}

// EtcdPermission is one permission of a role.
type EtcdPermission struct {
	Key    string  `arg:"key" doc:"One key"`
	Prefix *string `arg:"prefix" doc:"All keys that begin with this; empty: all keys"`
	Kind   string  `arg:"kind" default:"readwrite" choices:"read,write,readwrite" doc:"What may be done with them"`
}

// EtcdUser is a user with all its roles.
type EtcdUser struct {
	Name     string   `arg:"name,required" doc:"What it is called; with a certificate, the certificate's common name"`
	Password string   `arg:"password,secret" doc:"Its password. Without one it can only come with a certificate"`
	Roles    []string `arg:"roles" doc:"Its roles"`
}

// Doc implements Module.
func (*EtcdAuth) Doc() Doc {
	return Doc{
		Summary: "Say who may do what in an etcd cluster",
		Text: `Brings roles and users to what is given, then enables authentication. Roles and
users that are not named stay as they are; nothing is removed but permissions of
named roles and roles of named users. The user root is made, with the role root.

Where members ask for client certificates, etcd takes the common name of a
client's certificate for its user name, unless the client logs in with a password.
So the certificate that this task itself uses (cert) gets a user of its common
name, with the role root and no password: who holds its key could do everything
before, and can afterwards; and no password is needed to operate the cluster, also
when there is no quorum. Any other certificate of the authority is the user of its
common name, which may do nothing until there is such a user.

A password that differs is changed; that it does can only be told once
authentication is enabled.`,
		Examples: `- etcd_auth:
    etcd: "{{ member_api }}"
    root_password: "{{ etcd_root_password }}"
    roles:
      - {name: app, permissions: [{prefix: /app/, kind: readwrite}]}
    users:
      - {name: app, password: "{{ app_password }}", roles: [app]}
`,
		Returns: []Return{{"enabled", "whether clients must say who they are"}, {"users", "the names of all users"}},
		Check:   "Whether passwords differ, before authentication is enabled.",
	}
}

// Order implements Orderer.
func (*EtcdAuth) Order() Order { return Once }

// Gather implements Gatherer.
func (a *EtcdAuth) Gather(context.Context, *Target) (any, error) { return a, nil }

// Validate implements Validator.
func (a *EtcdAuth) Validate() error {
	errs := []error{a.Etcd.validate("etcd")}
	for i, r := range a.Roles {
		if r.Name == etcd.RootRole {
			errs = append(errs, &ArgError{Arg: "roles", Msg: "roles: the role root may do everything, and can't be given less"})
		}
		for k, p := range r.Permissions {
			if (p.Key == "") == (p.Prefix == nil) {
				errs = append(errs, &ArgError{Arg: "roles", Msg: fmt.Sprintf("roles[%d].permissions[%d]: give either key or prefix", i, k)})
			}
		}
	}
	for _, u := range a.Users {
		if u.Name == etcd.RootUser {
			errs = append(errs, &ArgError{Arg: "users", Msg: "users: root is made by itself; its password is root_password"})
		}
	}
	return errors.Join(errs...)
}

// Run implements Module.
func (a *EtcdAuth) Run(ctx context.Context, t *Target) (Result, error) {
	cluster, err := openEtcd(ctx, t, seatsOf(t, func(args *EtcdAuth) *EtcdMember { return &args.Etcd }))
	if err != nil {
		return Result{}, err
	}
	defer cluster.Close()
	now, err := cluster.ReadAuth(ctx)
	if err != nil {
		if no := serving(cluster.Look(ctx)); no != nil {
			return Result{}, no
		}
		return Result{}, Failf("%w", err).WithHint("where authentication is enabled this takes the role root: with TLS a certificate of that user, else etcd_root_password")
	}
	me, err := a.commonName(t)
	if err != nil {
		return Result{}, err
	}
	if me == "" && a.Enabled && a.Etcd.User != etcd.RootUser {
		return Result{}, Failf("authentication would lock this machine out: it has neither a client certificate nor root's password").
			WithHint("set etcd_root_password, best in a vault")
	}
	if me != "" && slices.ContainsFunc(a.Users, func(u EtcdUser) bool { return u.Name == me }) {
		return Result{}, Failf("user %s is this machine's own, by its certificate: give the user another name", me)
	}
	job := &authorising{t: t, cluster: cluster, now: now, want: a, me: me}
	err = job.run(ctx)
	res := t.Result()
	if err != nil {
		return res, Failf("%w", err)
	}
	res.Set("enabled", a.Enabled)
	res.Set("users", texts(job.users()))
	return res, nil
}

// commonName is whom etcd takes our certificate for; "" without one.
func (a *EtcdAuth) commonName(t *Target) (string, error) {
	if _, secure, err := etcd.ParseURL(a.Etcd.Endpoint); err != nil || !secure || a.Etcd.Cert == "" {
		return "", nil
	}
	path, err := t.Files.Find("files", a.Etcd.Cert)
	if err != nil {
		return "", Failf("%w", err)
	}
	text, err := t.Files.Read(path)
	if err != nil {
		return "", Failf("%w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", Failf("%s holds no certificate in PEM", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", Failf("%s: %w", path, err)
	}
	return cert.Subject.CommonName, nil
}
