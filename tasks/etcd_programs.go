package tasks

import (
	"context"
	"errors"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// EtcdPrograms brings programs of etcd that are on the host already to where its
// releases are unpacked.
type EtcdPrograms struct {
	Files   []string `arg:"files,required" doc:"The programs on the host, etcd first"`
	Version string   `arg:"version,required" doc:"The version that they must be of: 3.6.16"`
	Dest    string   `arg:"dest,required" doc:"The folder that gets them; made if it is missing"`
}

// Doc implements Module.
func (*EtcdPrograms) Doc() Doc {
	return Doc{
		Summary: "Use programs of etcd that are on the host already",
		Text: `Copies them into a folder like that of a release, so that nothing need be downloaded,
and whatever becomes of the first ones, by an upgrade of their package say, is nothing to
the member. A folder that has etcd is left alone. A host that lacks the first ones, or
where they are of another version by now, is told so (taken), and nothing is copied.`,
		Examples: `- etcd_programs:
    files: [/usr/local/bin/etcd, /usr/local/bin/etcdctl, /usr/local/bin/etcdutl]
    version: 3.6.16
    dest: /opt/etcd/etcd-v3.6.16-linux-amd64
  register: programs
`,
		Returns: []Return{{"taken", "whether dest has them; otherwise get the release"}},
	}
}

// Validate implements Validator.
func (e *EtcdPrograms) Validate() error {
	errs := []error{absolute("dest", e.Dest)}
	if len(e.Files) == 0 {
		errs = append(errs, &ArgError{Arg: "files", Msg: "files: the list is empty"})
	}
	for _, f := range e.Files {
		errs = append(errs, absolute("files", f))
	}
	return errors.Join(errs...)
}

// Run implements Module.
func (e *EtcdPrograms) Run(ctx context.Context, t *Target) (Result, error) {
	res, err := t.Script(ctx, script.New().Call("adopt_programs", append([]string{e.Dest, e.Version}, e.Files...)...))
	res.Set("taken", datum(res, "taken") == "yes")
	return res, err
}
