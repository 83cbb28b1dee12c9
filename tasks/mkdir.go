package tasks

import (
	"context"
	"errors"
	"path"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Mkdir makes directories.
type Mkdir struct {
	Paths []string `arg:"path,required" alias:"paths,dest,name" doc:"The directory or directories, absolute; parents are made as needed"`
	Owner string   `arg:"owner" doc:"User name or number; the user must exist"`
	Group string   `arg:"group" doc:"Group name or number; the group must exist"`
	Mode  Mode     `arg:"mode" doc:"Octal in quotes (\"0700\") or symbolic (u=rwx,go=); new directories without it get what the umask leaves"`
}

// Doc implements Module.
func (*Mkdir) Doc() Doc {
	return Doc{
		Summary: "Make directories, with an owner and a mode",
		Text: `Makes each directory with the parents that it lacks, and brings owner, group and
mode of the directory itself to what is given. Parents that exist keep theirs;
parents that are made get the same owner, group and mode, so that a service user
can reach its data. A file in the way is a failure: nothing is ever removed.`,
		Examples: `- mkdir:
    path: /home/etcd/data
    owner: etcd
    group: etcd
    mode: "0700"
`,
	}
}

// Validate implements Validator.
func (m *Mkdir) Validate() error {
	if len(m.Paths) == 0 {
		return errors.New("path: the list is empty")
	}
	return absolute("path", m.Paths...)
}

// Run implements Module.
func (m *Mkdir) Run(ctx context.Context, t *Target) (Result, error) {
	s := script.New()
	for _, p := range m.Paths {
		s.Call("ensure_dir", path.Clean(p), m.Owner, m.Group, string(m.Mode))
	}
	return t.Script(ctx, s)
}
