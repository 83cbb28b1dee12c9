package tasks

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// An authorising brings users and roles to what is wanted.
type authorising struct {
	t       *Target
	cluster *etcd.Cluster
	now     *etcd.Auth
	want    *EtcdAuth
	me      string // the common name of our own certificate
}

// run makes all users before authentication is enabled, and ourselves first.
func (j *authorising) run(ctx context.Context) error {
	if err := j.user(ctx, EtcdUser{Name: etcd.RootUser, Password: j.want.RootPass, Roles: []string{etcd.RootRole}}); err != nil {
		return err
	}
	if j.me != "" && j.me != etcd.RootUser {
		if err := j.user(ctx, EtcdUser{Name: j.me, Roles: []string{etcd.RootRole}}); err != nil {
			return err
		}
	}
	for _, r := range j.want.Roles {
		if err := j.role(ctx, r); err != nil {
			return err
		}
	}
	for _, u := range j.want.Users {
		if err := j.user(ctx, u); err != nil {
			return err
		}
	}
	if j.want.Enabled == j.now.Enabled {
		return nil
	}
	what := "enable authentication"
	if !j.want.Enabled {
		what = "disable authentication"
	}
	return j.do(ctx, what, func() error { return j.cluster.SetAuth(ctx, j.want.Enabled) })
}

func (j *authorising) do(ctx context.Context, change string, f func() error) error {
	if err := nextStep(ctx, j.t, change); err != nil {
		return err
	}
	if !j.t.Would("%s", change) {
		return nil
	}
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", change, err)
	}
	return nil
}

func (j *authorising) role(ctx context.Context, r EtcdRole) error {
	has, known := j.now.Roles[r.Name]
	if !known {
		if err := j.do(ctx, "add the role "+r.Name, func() error { return j.cluster.AddRole(ctx, r.Name) }); err != nil {
			return err
		}
	}
	var want []etcd.Permission
	for _, p := range r.Permissions {
		if p.Prefix != nil {
			want = append(want, etcd.OnPrefix(*p.Prefix, p.Kind))
		} else {
			want = append(want, etcd.Permission{Key: p.Key, Kind: p.Kind})
		}
	}
	for _, p := range has {
		if slices.ContainsFunc(want, func(w etcd.Permission) bool { return w.Key == p.Key && w.End == p.End }) {
			continue // granting it replaces the kind
		}
		if err := j.do(ctx, fmt.Sprintf("take from the role %s: %s", r.Name, p), func() error { return j.cluster.Revoke(ctx, r.Name, p) }); err != nil {
			return err
		}
	}
	for _, p := range want {
		if slices.Contains(has, p) {
			continue
		}
		if err := j.do(ctx, fmt.Sprintf("grant the role %s: %s", r.Name, p), func() error { return j.cluster.Grant(ctx, r.Name, p) }); err != nil {
			return err
		}
	}
	return nil
}

func (j *authorising) user(ctx context.Context, u EtcdUser) error {
	has, known := j.now.Users[u.Name]
	switch {
	case !known:
		if err := j.do(ctx, "add the user "+u.Name, func() error { return j.cluster.AddUser(ctx, u.Name, u.Password) }); err != nil {
			return err
		}
	case u.Password != "" && j.now.Enabled && !j.cluster.Accepts(ctx, u.Name, u.Password):
		if err := j.do(ctx, "change the password of "+u.Name, func() error { return j.cluster.SetPassword(ctx, u.Name, u.Password) }); err != nil {
			return err
		}
	}
	for _, role := range u.Roles {
		if !slices.Contains(has, role) {
			if err := j.do(ctx, fmt.Sprintf("give %s the role %s", u.Name, role), func() error { return j.give(ctx, u.Name, role) }); err != nil {
				return err
			}
		}
	}
	for _, role := range has {
		if !slices.Contains(u.Roles, role) {
			if err := j.do(ctx, fmt.Sprintf("take the role %s from %s", role, u.Name), func() error { return j.cluster.TakeRole(ctx, u.Name, role) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// give gives a user a role; root is a role that nobody need have added.
func (j *authorising) give(ctx context.Context, user, role string) error {
	if _, known := j.now.Roles[role]; role == etcd.RootRole && !known {
		if err := j.cluster.AddRole(ctx, role); err != nil {
			return err
		}
		j.now.Roles[role] = nil
	}
	return j.cluster.GiveRole(ctx, user, role)
}

func (j *authorising) users() []string {
	all := map[string]bool{etcd.RootUser: true}
	for name := range j.now.Users {
		all[name] = true
	}
	for _, u := range j.want.Users {
		all[u.Name] = true
	}
	if j.me != "" {
		all[j.me] = true
	}
	return slices.Sorted(maps.Keys(all))
}
