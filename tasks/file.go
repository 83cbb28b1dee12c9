package tasks

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// File brings a path on the host to a state.
type File struct {
	Path string `arg:"path,required" alias:"dest,name" doc:"The path on the host"`
	FileAttrs
	State   string `arg:"state" choices:"absent,directory,file,hard,link,touch" doc:"What it is to be; without it what it is already, or a directory with recurse"`
	Src     string `arg:"src" doc:"What a link leads to"`
	Recurse bool   `arg:"recurse" doc:"The attributes also for all that is in a directory"`
	Force   bool   `arg:"force" doc:"A link may replace a file or an empty directory, and lead nowhere"`
	Follow  bool   `arg:"follow" default:"true" doc:"Attributes are those of what a link leads to"`
	Access  string `arg:"access_time" doc:"With touch: preserve, now, or YYYYMMDDhhmm.SS"`
	Modify  string `arg:"modification_time" doc:"With touch: preserve, now, or YYYYMMDDhhmm.SS"`
}

// Doc implements Module.
func (*File) Doc() Doc {
	return Doc{
		Summary: "Make directories and links, remove things, set attributes",
		Text: `file only sets attributes and fails if there is no file; directory makes it with the
parents that it lacks; link and hard make links to src; touch makes an empty file, or
gives a file the time of now, which is a change each time (unless both times are
preserve); absent removes, a directory with all that is in it.

/ and the folders that a host can't live without (/etc, /usr, /var, ...) are never
removed.`,
		Examples: `- file:
    path: /etc/app
    state: directory
    owner: app
    mode: "0750"

- file:
    src: /opt/app-1.2
    path: /opt/app
    state: link

- file:
    path: /tmp/junk
    state: absent
`,
		Returns: []Return{{"path", "the path (dest for links)"}, {"state", "what it is now"}, {"mode", "as octal digits"},
			{"owner", "user name"}, {"group", "group name"}, {"uid", "user number"}, {"gid", "group number"}, {"size", "bytes"}},
	}
}

// Validate implements Validator.
func (m *File) Validate() error {
	links := m.State == "link" || m.State == "hard"
	switch {
	case m.Recurse && m.State != "directory" && m.State != "":
		return &ArgError{Arg: "recurse", Msg: "recurse means nothing but with state: directory"}
	case m.State == "hard" && m.Src == "":
		return &ArgError{Arg: "src", Msg: "src is required for a link"}
	case m.Src != "" && !links:
		return &ArgError{Arg: "src", Msg: "src means nothing but with state: link or hard; to copy a file use the copy task"}
	}
	for arg, t := range map[string]string{"access_time": m.Access, "modification_time": m.Modify} {
		if t != "" && t != "now" && t != "preserve" && !touchTime(t) {
			return &ArgError{Arg: arg, Msg: fmt.Sprintf("%s: %q is none of preserve, now, YYYYMMDDhhmm.SS", arg, t)}
		}
	}
	return nil
}

func touchTime(s string) bool {
	digits, seconds, ok := strings.Cut(s, ".")
	return ok && len(digits) == 12 && len(seconds) == 2 && strings.Trim(digits+seconds, "0123456789") == ""
}

// Run implements Module.
func (m *File) Run(ctx context.Context, t *Target) (Result, error) {
	state := m.State
	if state == "" && m.Recurse {
		state = "directory"
	}
	s := script.New().Call("tell_file", "was_", m.Path)
	s.Call("file_state", m.Path, state, m.Src, m.Owner, m.Group, string(m.Mode))
	s.Call("tell_file", "", m.Path)
	res, err := t.Script(ctx, script.New().
		Set("FILE_RECURSE", flag(m.Recurse)).Set("FILE_FORCE", flag(m.Force)).Set("FILE_FOLLOW", flag(m.Follow)).
		Set("FILE_ATIME", m.Access).Set("FILE_MTIME", m.Modify).
		Text(s.Body()))
	toInts(res.Data, "uid", "gid", "size")
	if t.Diff && res.Changed {
		res.Diffs = append(res.Diffs, m.diff(&res, state))
	}
	for _, k := range res.Data.Keys() {
		if strings.HasPrefix(k.(string), "was_") {
			res.Data.Delete(k)
		}
	}
	if p, ok := res.Data.Get("path"); ok && state != "directory" && state != "absent" && state != "" && state != "file" {
		res.Data.Delete("path")
		res.Set("dest", p)
	}
	return res, err
}

// diff shows the state before and after as Ansible does, JSON of what differs.
func (m *File) diff(res *Result, state string) Diff {
	get := func(key string) string {
		v, _ := res.Data.Get(key)
		if v == nil {
			return ""
		}
		return value.Str(v)
	}
	before, after := map[string]string{}, map[string]string{}
	differ := func(key, want string) {
		if was := get("was_" + key); want != "" && want != was {
			if was != "" {
				before[key] = was
			}
			after[key] = want
		}
	}
	is := state
	if is == "" || is == "touch" {
		is = cmp.Or(get("was_state"), "absent")
		if state == "touch" && is == "absent" {
			is = "touch"
		}
	}
	differ("state", is)
	if state != "absent" && get("was_state") != "absent" {
		differ("owner", m.Owner)
		differ("group", m.Group)
		if octalMode.MatchString(string(m.Mode)) {
			differ("mode", string(octal4(m.Mode)))
		} else {
			differ("mode", string(m.Mode))
		}
		differ("src", m.Src)
	}
	before["path"], after["path"] = get("path"), get("path")
	return Diff{Before: stateJSON(before), After: stateJSON(after)}
}

// octal4 writes octal digits with at least four of them.
func octal4(m Mode) Mode {
	digits := strings.TrimLeft(string(m), "0")
	for len(digits) < 4 {
		digits = "0" + digits
	}
	return Mode(digits)
}

func stateJSON(m map[string]string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	if err := enc.Encode(m); err != nil {
		return ""
	}
	return b.String()
}
