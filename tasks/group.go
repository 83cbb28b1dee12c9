package tasks

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// Group makes and removes groups.
type Group struct {
	Name      string `arg:"name,required" doc:"The group's name"`
	GID       *int   `arg:"gid" doc:"Its number; without it the host chooses"`
	State     string `arg:"state" default:"present" choices:"present,absent" doc:"Whether it is to be there"`
	System    bool   `arg:"system" doc:"A new group gets a number from the range for system groups"`
	NonUnique bool   `arg:"non_unique" doc:"The gid may be another group's too"`
}

// Doc implements Module.
func (*Group) Doc() Doc {
	return Doc{
		Summary: "Make or remove a group",
		Text: `Works with shadow-utils and with busybox. A group with another number than gid
gets the new one; files keep the old number.`,
		Examples: `- group:
    name: etcd
    system: true
`,
		Returns: []Return{{"gid", "the group's number"}, {"name", "its name"}, {"state", "present or absent"}, {"system", "as given"}},
	}
}

// Validate implements Validator.
func (g *Group) Validate() error {
	if g.NonUnique && g.GID == nil {
		return &ArgError{Arg: "non_unique", Msg: "non_unique means nothing without a gid"}
	}
	return accountName("name", g.Name)
}

// Run implements Module.
func (g *Group) Run(ctx context.Context, t *Target) (Result, error) {
	s := script.New()
	if g.State == "absent" {
		s.Call("ensure_no_group", g.Name)
	} else {
		s.Call("ensure_group", g.Name, number(g.GID), flag(g.System), flag(g.NonUnique))
		s.Call("tell_group", g.Name)
	}
	res, err := t.Script(ctx, s)
	res.Set("name", g.Name)
	res.Set("state", g.State)
	res.Set("system", g.System)
	toInts(res.Data, "gid")
	return res, err
}

// accounts are named as useradd allows it, a little more freely: with capitals,
// dots, and the dollar sign at the end of Samba's machine accounts.
var account = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,30}\$?$`)

func accountName(arg, name string) error {
	if !account.MatchString(name) {
		return &ArgError{Arg: arg, Msg: fmt.Sprintf("%s: %q is no name for an account", arg, name)}
	}
	return nil
}

// number is an optional number as a word for the shell.
func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// flag is 1 or 0, for the shell.
func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// toInts turns values that a script told, which are text, into numbers.
func toInts(d *value.Dict, keys ...string) {
	for _, k := range keys {
		if v, ok := d.Get(k); ok {
			if n, err := strconv.Atoi(value.Str(v)); err == nil {
				d.Set(k, n)
			}
		}
	}
}
