package tasks

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// User makes, changes and removes users.
type User struct {
	Name           string   `arg:"name,required" alias:"user" doc:"The user's name"`
	UID            *int     `arg:"uid" doc:"The number"`
	Group          string   `arg:"group" doc:"Primary group, by name or number; a named one that is missing is made"`
	Groups         []string `arg:"groups" split:"," doc:"Further groups; they must exist. An empty list takes the user out of all"`
	Append         bool     `arg:"append" doc:"Add to the groups that the user is in, instead of replacing them"`
	Home           string   `arg:"home" doc:"Home directory"`
	CreateHome     bool     `arg:"create_home" alias:"createhome" default:"true" doc:"Make the home directory if it is missing, also of a user who exists"`
	MoveHome       bool     `arg:"move_home" doc:"Move the home directory when home changes"`
	Skeleton       string   `arg:"skeleton" doc:"Where a new home gets its files from; /etc/skel without it"`
	Shell          string   `arg:"shell" doc:"Login shell"`
	Comment        *string  `arg:"comment" doc:"Full name (GECOS)"`
	System         bool     `arg:"system" doc:"A new user gets a number from the range for system accounts"`
	Password       string   `arg:"password,secret" doc:"The hash, as in /etc/shadow: from the password_hash filter, or * for none"`
	UpdatePassword string   `arg:"update_password" default:"always" choices:"always,on_create" doc:"Whether the password of a user who exists is changed"`
	PasswordLock   *bool    `arg:"password_lock" doc:"Lock or unlock the password; keys still work"`
	Expires        *float64 `arg:"expires" doc:"When the account expires, in seconds since 1970; negative: never"`
	NonUnique      bool     `arg:"non_unique" doc:"The uid may be another user's too"`
	State          string   `arg:"state" default:"present" choices:"present,absent" doc:"Whether the user is to be there"`
	Remove         bool     `arg:"remove" doc:"With state absent: the home directory and the mailbox go too"`
	Force          bool     `arg:"force" doc:"With state absent: also if processes of the user run"`
}

// Doc implements Module.
func (*User) Doc() Doc {
	return Doc{
		Summary: "Make, change or remove a user",
		Text: `Takes Ansible's parameters and works with shadow-utils (useradd, usermod) and
with busybox (adduser), which can't change users: there /etc/passwd and its
neighbours are edited, each replaced in one step.

Two things are done where Ansible fails or does what nobody wants: a primary group
that is missing is made, and a new user whose name is already a group's gets that
group as the primary one (Ansible leaves the user in the host's default group).

The password is a hash and never shows up in a process list. A new user has none
and can only be reached with keys or by root. Alpine's sshd, which knows no PAM,
refuses keys too while there is none: give such a user the password "*".`,
		Examples: `- user:
    name: etcd
    group: etcd
    system: true
    shell: /bin/bash

- user:
    name: ops
    groups: [wheel]
    append: true
    password: "{{ ops_password | password_hash('sha512') }}"
    update_password: on_create
`,
		Returns: []Return{
			{"name", "the user's name"}, {"state", "present or absent"}, {"uid", "the number"},
			{"group", "the primary group's number"}, {"home", "home directory"}, {"shell", "login shell"},
			{"comment", "full name"}, {"create_home", "as given"}, {"system", "as given"},
			{"groups", "as given, with commas"}, {"append", "as given"}, {"move_home", "as given"},
		},
	}
}

// Validate implements Validator.
func (u *User) Validate() error {
	if err := accountName("name", u.Name); err != nil {
		return err
	}
	if u.Group != "" && !numeric.MatchString(u.Group) {
		if err := accountName("group", u.Group); err != nil {
			return err
		}
	}
	for _, g := range u.groups() {
		if !numeric.MatchString(g) {
			if err := accountName("groups", g); err != nil {
				return err
			}
		}
	}
	for arg, text := range map[string]string{"home": u.Home, "shell": u.Shell, "comment": deref(u.Comment), "password": u.Password} {
		if strings.ContainsAny(text, ":\n\r") {
			return &ArgError{Arg: arg, Msg: arg + " must hold no colon and no line break: it is a field of /etc/passwd"}
		}
	}
	switch {
	case u.NonUnique && u.UID == nil:
		return &ArgError{Arg: "non_unique", Msg: "non_unique means nothing without a uid"}
	case u.UID != nil && *u.UID < 0:
		return &ArgError{Arg: "uid", Msg: "uid must not be negative"}
	case u.Home != "" && !strings.HasPrefix(u.Home, "/"):
		return &ArgError{Arg: "home", Msg: fmt.Sprintf("home: %q is no absolute path", u.Home)}
	case u.Append && u.Groups == nil:
		return &ArgError{Arg: "append", Msg: "append means nothing without groups"}
	}
	return nil
}

var (
	numeric = regexp.MustCompile(`^[0-9]+$`)
	// hashes are what crypt(5) makes; * and ! stand for no password at all.
	hash = regexp.MustCompile(`^!{0,2}(\*+|\$[^:]{10,}|[./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19})?$`)
)

// groups are the further groups without empty names: `groups: ""` is a list of
// none.
func (u *User) groups() []string {
	var out []string
	for _, g := range u.Groups {
		if g = strings.TrimSpace(g); g != "" {
			out = append(out, g)
		}
	}
	return out
}

// Run implements Module.
func (u *User) Run(ctx context.Context, t *Target) (Result, error) {
	s := script.New()
	if u.State == "absent" {
		s.Call("ensure_no_user", u.Name, flag(u.Remove), flag(u.Force))
	} else {
		u.settings(s)
		s.Call("ensure_user", u.Name)
	}
	res, err := t.Script(ctx, s)
	if u.Password != "" && !hash.MatchString(u.Password) {
		res.Warnings = append(res.Warnings, "the password of user "+u.Name+" is no hash, so nobody can log in with it: use the password_hash filter")
	}
	u.tell(&res)
	return res, err
}

func (u *User) settings(s *script.Script) {
	lock := ""
	if u.PasswordLock != nil {
		lock = flag(*u.PasswordLock)
	}
	days := ""
	if u.Expires != nil && *u.Expires >= 0 {
		days = strconv.FormatFloat(math.Floor(*u.Expires/86400), 'f', 0, 64)
	}
	s.Set("USER_UID", number(u.UID)).
		Set("USER_GROUP", u.Group).
		Set("USER_GROUPS_SET", flag(u.Groups != nil)).
		Set("USER_GROUPS", strings.Join(u.groups(), ",")).
		Set("USER_APPEND", flag(u.Append)).
		Set("USER_HOME", u.Home).
		Set("USER_CREATE_HOME", flag(u.CreateHome)).
		Set("USER_MOVE_HOME", flag(u.MoveHome)).
		Set("USER_SKELETON", u.Skeleton).
		Set("USER_SHELL", u.Shell).
		Set("USER_COMMENT_SET", flag(u.Comment != nil)).
		Set("USER_COMMENT", deref(u.Comment)).
		Set("USER_SYSTEM", flag(u.System)).
		Set("USER_NON_UNIQUE", flag(u.NonUnique)).
		Set("USER_PASSWORD", u.Password).
		Set("USER_UPDATE_PASSWORD", u.UpdatePassword).
		Set("USER_EXPIRES_SET", flag(u.Expires != nil)).
		Set("USER_EXPIRES", days).
		Set("USER_LOCK", lock)
}

func (u *User) tell(res *Result) {
	res.Set("name", u.Name)
	res.Set("state", u.State)
	if u.State == "absent" {
		res.Set("remove", u.Remove)
		res.Set("force", u.Force)
		return
	}
	toInts(res.Data, "uid", "group")
	res.Set("append", u.Append)
	res.Set("move_home", u.MoveHome)
	res.Set("create_home", u.CreateHome)
	res.Set("system", u.System)
	if u.Groups != nil {
		res.Set("groups", strings.Join(u.groups(), ","))
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// or is s, or else another text.
func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
