package tasks_test

import (
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

func etcdAuth() tasks.Module { return &tasks.EtcdAuth{} }

// With certificates: the administrator stays in, everybody else may do what is
// listed and no more, and what is not listed stays as it is.
func TestEtcdAuth(t *testing.T) {
	t.Parallel()
	s := newServed(t, 1, true)
	s.must("put", "/app/key", "value")
	s.must("put", "/other", "value")
	s.must("user", "add", "stranger:secret")
	role := func(permissions ...any) []any { return []any{value.NewDict("name", "app", "permissions", permissions)} }
	reads, writes := value.NewDict("prefix", "/app/", "kind", "read"), value.NewDict("key", "/app/key", "kind", "write")
	users := func(password string) []any {
		return []any{
			value.NewDict("name", "app", "roles", []any{"app"}),
			value.NewDict("name", "person", "password", password, "roles", []any{"app"}),
		}
	}
	may := func(want bool, args ...string) {
		t.Helper()
		out, err := s.ctl("app", "", args...)
		if denied := strings.Contains(out, "permission denied"); (err == nil) != want || !want && !denied {
			t.Errorf("app: etcdctl %s: %s", strings.Join(args, " "), out)
		}
	}

	s.settles([]string{
		"add the user root", "give root the role root", "add the user admin", "give admin the role root",
		"add the role app", `grant the role app: read on the prefix "/app/"`,
		"add the user app", "give app the role app", "add the user person", "give person the role app",
		"enable authentication",
	}, etcdAuth, "root_password", "rootpass", "roles", role(reads), "users", users("first"))
	may(true, "get", "/app/key")
	may(false, "put", "/app/key", "x")
	may(false, "get", "/other")
	s.must("get", "/other")
	if list := s.must("user", "list"); !strings.Contains(list, "stranger") {
		t.Errorf("a user that is not listed is gone: %s", list)
	}

	s.settles([]string{
		`take from the role app: read on the prefix "/app/"`, `grant the role app: write on the key "/app/key"`, "change the password of person",
	}, etcdAuth, "root_password", "rootpass", "roles", role(writes), "users", users("second"))
	may(true, "put", "/app/key", "x")
	may(false, "get", "/app/key")

	s.settles([]string{"disable authentication"}, etcdAuth, "enabled", false, "root_password", "rootpass", "roles", role(writes), "users", users("second"))
	may(true, "get", "/other")
}

func TestEtcdAuthRefuses(t *testing.T) {
	t.Parallel()
	open := newServed(t, 1, false)
	open.refuses("authentication would lock this machine out", "set etcd_root_password", etcdAuth)
	open.refuses("root is made by itself", "", etcdAuth, "users", []any{value.NewDict("name", "root")})
	open.refuses("can't be given less", "", etcdAuth, "roles", []any{value.NewDict("name", "root")})
	both := value.NewDict("key", "a", "prefix", "b")
	open.refuses("give either key or prefix", "", etcdAuth, "roles", []any{value.NewDict("name", "app", "permissions", []any{both})})

	secure := newServed(t, 1, true)
	secure.refuses("user admin is this machine's own, by its certificate", "", etcdAuth, "users", []any{value.NewDict("name", "admin")})
}
