package tasks

import (
	"bytes"
	"context"
	"fmt"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Owners are the arguments that say whose a file is.
type Owners struct {
	Owner string `arg:"owner" doc:"User name or number; the user must exist"`
	Group string `arg:"group" doc:"Group name or number; the group must exist"`
}

// FileAttrs are the arguments of the tasks that change files.
type FileAttrs struct {
	Owners
	Mode Mode `arg:"mode" doc:"Octal in quotes (\"0644\") or symbolic (u=rw,go=r); a new file without it gets what the umask leaves"`
}

// A FileEdit says which text file on the host is rewritten, and how. A link is
// followed.
type FileEdit struct {
	Path string
	FileAttrs
	Backup   bool   // keep the old file beside the new one
	Validate string // a command with %s for the new file, or ""
}

// Edit rewrites a text file: change gets its text ("" when it does not exist)
// and returns the new one. The file is replaced in one step, only if nobody
// else changed it in between, and only if its text or attributes differ. A
// file that holds NUL bytes is refused.
//
// One round trip when nothing changes, else two.
func (t *Target) Edit(ctx context.Context, e FileEdit, change func(old string, exists bool) (string, error)) (Result, error) {
	old, facts, err := t.readFile(ctx, e.Path)
	if err != nil {
		return t.Result(), err
	}
	if bytes.IndexByte(old, 0) >= 0 {
		return t.Result(), Failf("%s is not a text file: it holds NUL bytes", facts["path"])
	}
	exists := facts["exists"] == "yes"
	text, err := change(string(old), exists)
	if err != nil {
		return t.Result(), fmt.Errorf("%s: %w", facts["path"], err)
	}
	if !exists && text == "" {
		return t.Result(), nil
	}
	same := exists && text == string(old)
	if same && e.Owner == "" && e.Group == "" && e.Mode == "" {
		return t.Result(), nil
	}
	s := script.New()
	switch {
	case same:
		s.Call("ensure_attrs", facts["path"], e.Owner, e.Group, string(e.Mode))
	default:
		if exists {
			s.Set("FILE_EXPECT", string(old))
		}
		if e.Backup {
			s.Set("FILE_BACKUP", "1")
		}
		s.Set("FILE_VALIDATE", e.Validate)
		s.Call("ensure_content", facts["path"], text, e.Owner, e.Group, string(e.Mode))
	}
	return t.Script(ctx, s)
}

// largestRead is the largest file that readFile reads, in bytes.
const largestRead = 4 << 20

// readFile reads a file on the host; of one that does not exist the fact "exists"
// is no.
func (t *Target) readFile(ctx context.Context, path string) (content []byte, facts map[string]string, err error) {
	content, facts, err = t.Query(ctx, script.New().Call("read_file", path))
	if err == nil && len(content) > largestRead {
		err = Failf("%s is too large to be edited (over 4 MiB)", facts["path"])
	}
	return content, facts, err
}
