package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/authpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// RootRole is the role that may do everything, and RootUser the user that must
// have it before authentication can be enabled.
const (
	RootRole = "root"
	RootUser = "root"
)

// Auth is who may do what in a cluster.
type Auth struct {
	Enabled bool
	Roles   map[string][]Permission
	Users   map[string][]string // their roles, sorted
}

// A Permission lets a role read or write keys.
type Permission struct {
	Key, End string // from Key up to End; an empty End means the one key, "\x00" all from Key on
	Kind     string // read, write or readwrite
}

// String is "readwrite on /app/".
func (p Permission) String() string {
	switch {
	case p.Key == "\x00" && p.End == "\x00":
		return p.Kind + " on all keys"
	case p.End == "":
		return fmt.Sprintf("%s on the key %q", p.Kind, p.Key)
	case p.End == clientv3.GetPrefixRangeEnd(p.Key):
		return fmt.Sprintf("%s on the prefix %q", p.Kind, p.Key)
	}
	return fmt.Sprintf("%s from %q to %q", p.Kind, p.Key, p.End)
}

// OnPrefix is a permission on all keys that begin with a text.
func OnPrefix(prefix, kind string) Permission {
	if prefix == "" {
		return Permission{"\x00", "\x00", kind}
	}
	return Permission{prefix, clientv3.GetPrefixRangeEnd(prefix), kind}
}

// ReadAuth reads all users and roles. Where authentication is enabled that takes
// the role root.
func (c *Cluster) ReadAuth(ctx context.Context) (*Auth, error) {
	auth := &Auth{Roles: map[string][]Permission{}, Users: map[string][]string{}}
	err := c.askAny(ctx, func(ctx context.Context, a *api) error {
		status, err := a.AuthStatus(ctx)
		if err != nil {
			return err
		}
		auth.Enabled = status.Enabled
		roles, err := a.RoleList(ctx)
		if err != nil {
			return err
		}
		for _, name := range roles.Roles {
			r, err := a.RoleGet(ctx, name)
			if err != nil {
				return err
			}
			auth.Roles[name] = []Permission{}
			for _, p := range r.Perm {
				auth.Roles[name] = append(auth.Roles[name], Permission{string(p.Key), string(p.RangeEnd), strings.ToLower(authpb.Permission_Type(p.PermType).String())})
			}
		}
		users, err := a.UserList(ctx)
		if err != nil {
			return err
		}
		for _, name := range users.Users {
			u, err := a.UserGet(ctx, name)
			if err != nil {
				return err
			}
			auth.Users[name] = slices.Sorted(slices.Values(u.Roles))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read users and roles: %w", err)
	}
	return auth, nil
}

// AddRole adds a role without permissions.
func (c *Cluster) AddRole(ctx context.Context, role string) error {
	return c.askAny(ctx, func(ctx context.Context, a *api) error { _, err := a.RoleAdd(ctx, role); return err })
}

// Grant lets a role do something.
func (c *Cluster) Grant(ctx context.Context, role string, p Permission) error {
	kind, ok := authpb.Permission_Type_value[strings.ToUpper(p.Kind)]
	if !ok {
		return fmt.Errorf("%q is no kind of permission", p.Kind)
	}
	return c.askAny(ctx, func(ctx context.Context, a *api) error {
		_, err := a.RoleGrantPermission(ctx, role, p.Key, p.End, clientv3.PermissionType(kind))
		return err
	})
}

// Revoke takes a permission from a role.
func (c *Cluster) Revoke(ctx context.Context, role string, p Permission) error {
	return c.askAny(ctx, func(ctx context.Context, a *api) error {
		_, err := a.RoleRevokePermission(ctx, role, p.Key, p.End)
		return err
	})
}

// AddUser adds a user. Without a password it can only come with a certificate
// whose common name is its name.
func (c *Cluster) AddUser(ctx context.Context, user, password string) error {
	return c.askAny(ctx, func(ctx context.Context, a *api) error {
		_, err := a.UserAddWithOptions(ctx, user, password, &clientv3.UserAddOptions{NoPassword: password == ""})
		return err
	})
}

// SetPassword changes a user's password.
func (c *Cluster) SetPassword(ctx context.Context, user, password string) error {
	return c.askAny(ctx, func(ctx context.Context, a *api) error {
		_, err := a.UserChangePassword(ctx, user, password)
		return err
	})
}

// GiveRole gives a user a role, TakeRole takes it.
func (c *Cluster) GiveRole(ctx context.Context, user, role string) error {
	return c.askAny(ctx, func(ctx context.Context, a *api) error { _, err := a.UserGrantRole(ctx, user, role); return err })
}

// TakeRole takes a role from a user.
func (c *Cluster) TakeRole(ctx context.Context, user, role string) error {
	return c.askAny(ctx, func(ctx context.Context, a *api) error { _, err := a.UserRevokeRole(ctx, user, role); return err })
}

// SetAuth enables or disables authentication.
func (c *Cluster) SetAuth(ctx context.Context, on bool) error {
	return c.askAny(ctx, func(ctx context.Context, a *api) (err error) {
		if on {
			_, err = a.AuthEnable(ctx)
		} else {
			_, err = a.AuthDisable(ctx)
		}
		return err
	})
}

// Accepts reports whether a password is a user's. It is only known where
// authentication is enabled.
func (c *Cluster) Accepts(ctx context.Context, user, password string) bool {
	return nil == c.askAny(ctx, func(ctx context.Context, a *api) error {
		_, err := a.Authenticate(ctx, user, password)
		return err
	})
}

// askAny sends a request through the first endpoint that can be reached.
func (c *Cluster) askAny(ctx context.Context, f func(context.Context, *api) error) error {
	var errs []error
	for _, m := range c.members {
		if _, err := m.open(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.Name, plain(err)))
			continue
		}
		err := c.call(ctx, m, f)
		if err == nil {
			return nil
		}
		if isRefusal(err) {
			return plain(err)
		}
		errs = append(errs, fmt.Errorf("%s: %w", m.Name, plain(err)))
	}
	return errors.Join(errs...)
}
