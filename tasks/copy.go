package tasks

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// PutArgs are what copy and template share.
type PutArgs struct {
	Dest string `arg:"dest,required" doc:"Where to; a directory, or a name that ends with a slash, gets the file under its own name"`
	Owners
	Mode     Mode   `arg:"mode,preserve" doc:"Octal in quotes (\"0644\"), symbolic (u=rw,go=r), or preserve: as src has it; a new file without it gets what the umask leaves"`
	Backup   bool   `arg:"backup" doc:"Keep the old file beside the new one"`
	Force    bool   `arg:"force" default:"true" doc:"Without it a file that is there stays as it is"`
	Follow   bool   `arg:"follow" doc:"Write through a link at dest instead of replacing it"`
	Validate string `arg:"validate" doc:"A command that must succeed before the file is put in place; %s stands for the new file"`
}

// Copy puts files on the host.
type Copy struct {
	Src     string `arg:"src" doc:"A file or directory on the controller (on the host with remote_src); with a slash at the end, what is in the directory"`
	Content any    `arg:"content" doc:"The text of the file, instead of src; a dict or list is written as JSON"`
	PutArgs
	DirMode   Mode   `arg:"directory_mode" doc:"Mode of directories that are made"`
	RemoteSrc bool   `arg:"remote_src" doc:"src lies on the host"`
	Checksum  string `arg:"checksum" doc:"SHA-1 that the file must have"`
}

var putReturns = []Return{
	{"dest", "the file on the host"}, {"src", "the file on the controller"}, {"checksum", "SHA-1 of the new file"}, {"size", "bytes"},
	{"mode", "as octal digits"}, {"owner", "user name"}, {"group", "group name"}, {"uid", "user number"}, {"gid", "group number"},
	{"state", "file"}, {"backup_file", "the old file, with backup"},
}

// Doc implements Module.
func (*Copy) Doc() Doc {
	return Doc{
		Summary: "Put a file or a directory on the host",
		Text: `Replaces the file in one step, with its owner and mode, only if it differs; on a
bind mount it is written in place. src is looked for in files/ of the role, then
beside the playbook; a vaulted one is decrypted. Large files and binary ones are
sent only if their checksum differs. In directories links are followed, and nothing
is removed on the host.`,
		Examples: `- copy:
    src: etcd.conf
    dest: /etc/etcd/
    owner: root
    group: etcd
    mode: "0640"

- copy:
    content: "{{ settings | to_nice_json }}"
    dest: /etc/app.json
    validate: jq . %s
`,
		Returns: putReturns,
	}
}

// Validate implements Validator.
func (c *Copy) Validate() error {
	switch {
	case c.Src == "" && c.Content == nil:
		return &ArgError{Arg: "src", Msg: "src or content is required"}
	case c.Src != "" && c.Content != nil:
		return &ArgError{Arg: "content", Msg: "src and content exclude each other"}
	case c.RemoteSrc && c.Content != nil:
		return &ArgError{Arg: "remote_src", Msg: "remote_src means nothing with content"}
	case c.Mode == Preserve && c.Content != nil:
		return &ArgError{Arg: "mode", Msg: "mode: preserve means nothing with content: there is no source file"}
	}
	return c.PutArgs.check()
}

func (p *PutArgs) check() error {
	if p.Validate != "" && !strings.Contains(p.Validate, "%s") {
		return &ArgError{Arg: "validate", Msg: "validate must contain %s, which stands for the new file"}
	}
	return nil
}

// Run implements Module.
func (c *Copy) Run(ctx context.Context, t *Target) (Result, error) {
	if c.RemoteSrc {
		return c.onHost(ctx, t)
	}
	if c.Content != nil {
		text, err := contentText(c.Content)
		if err != nil {
			return Result{}, err
		}
		res, err := c.put(ctx, t, newFile{content: []byte(text), shown: ""})
		return res, err
	}
	src, err := t.Files.Find("files", c.Src)
	if err != nil {
		return Result{}, err
	}
	if info, err := os.Stat(src); err == nil && info.IsDir() {
		return c.tree(ctx, t, src)
	}
	f, err := c.readFile(t, src, path.Base(filepath.ToSlash(c.Src)))
	if err != nil {
		return Result{}, err
	}
	return c.put(ctx, t, f)
}

// readFile reads a file of the controller's, with the mode that preserve means.
func (c *Copy) readFile(t *Target, name, base string) (newFile, error) {
	content, err := t.Files.Read(name)
	if err != nil {
		return newFile{}, err
	}
	f := newFile{content: content, name: base, shown: name}
	if c.Mode == Preserve {
		f.mode, err = modeOnController(name)
	}
	return f, err
}

// modeOnController is what preserve means.
func modeOnController(name string) (Mode, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	return Mode(fmt.Sprintf("%04o", info.Mode().Perm())), nil
}

func (c *Copy) put(ctx context.Context, t *Target, f newFile) (Result, error) {
	if sum := hexSHA1(f.content); c.Checksum != "" && !strings.EqualFold(strings.TrimPrefix(c.Checksum, "sha1:"), sum) {
		return Result{}, Failf("the checksum of %s is %s, not %s", cmp.Or(c.Src, "content"), sum, c.Checksum)
	}
	return c.PutArgs.put(ctx, t, f, c.DirMode)
}

// contentText is what the argument content means.
func contentText(v any) (string, error) {
	switch v.(type) {
	case *value.Dict, []any:
		return pythonJSON(v), nil
	}
	return decodeString(v)
}

// A newFile is what a file is to hold.
type newFile struct {
	content []byte
	name    string // its own name, for a dest that is a directory; "" if it has none
	shown   string // where it comes from, for the diff's header
	mode    Mode   // what preserve means
}

// inScript is up to how many bytes a text goes into the script itself.
const inScript = 256 << 10

// put brings one file to the host.
func (p *PutArgs) put(ctx context.Context, t *Target, f newFile, dirMode Mode) (Result, error) {
	mode := p.Mode
	if mode == Preserve {
		mode = f.mode
	}
	attrs := []string{p.Owner, p.Group, string(mode)}
	begin := func() *script.Script {
		s := script.New()
		if p.Backup {
			s.Set("FILE_BACKUP", "1")
		}
		return s.Set("FILE_VALIDATE", p.Validate)
	}
	place := []string{p.Dest, f.name, flag(p.Follow), string(dirMode)}
	s := begin().Call("copy_place", place...)
	var res Result
	var err error
	if len(f.content) <= inScript && bytes.IndexByte(f.content, 0) < 0 {
		s.Call("copy_text", append(append([]string{string(f.content)}, attrs...), flag(p.Force))...)
		res, err = t.Script(ctx, s)
	} else {
		sum := sha256.Sum256(f.content)
		s.Call("copy_compare", append(append([]string{hex.EncodeToString(sum[:])}, attrs...), flag(p.Force))...)
		res, err = t.Script(ctx, s)
		if upload, ok := res.Data.Get("upload"); ok && err == nil {
			tmp := value.Str(upload)
			if err = t.Conn.Put(ctx, bytes.NewReader(f.content), tmp, 0o600); err != nil {
				t.Script(ctx, begin().Call("copy_forget", tmp)) // why it failed is told, and matters more
				res.Data.Delete("upload")
				return res, err
			}
			res, err = t.Script(ctx, begin().Call("copy_place", place...).Call("copy_uploaded", append([]string{tmp}, attrs...)...))
		}
	}
	for i := range res.Diffs {
		res.Diffs[i].AfterHeader = cmp.Or(f.shown, res.Diffs[i].AfterHeader)
	}
	toInts(res.Data, "uid", "gid", "size")
	res.Data.Delete("path")
	res.Data.Delete("upload")
	if f.shown != "" {
		res.Set("src", f.shown)
	}
	res.Set("checksum", hexSHA1(f.content))
	return res, err
}

func hexSHA1(b []byte) string {
	sum := sha1.Sum(b)
	return hex.EncodeToString(sum[:])
}

// tree copies a directory of the controller's, file by file.
func (c *Copy) tree(ctx context.Context, t *Target, src string) (Result, error) {
	top := strings.TrimSuffix(c.Dest, "/")
	if !strings.HasSuffix(c.Src, "/") {
		top = path.Join(top, filepath.Base(src))
	}
	dirs := script.New()
	var files []string
	err := walkFollowing(src, func(name string, isDir bool) error {
		rel, err := filepath.Rel(src, name)
		if err != nil {
			return err
		}
		if isDir {
			dirs.Call("ensure_dir", path.Join(top, filepath.ToSlash(rel)), c.Owner, c.Group, string(c.DirMode))
		} else {
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	res, err := t.Script(ctx, dirs)
	if err != nil {
		return res, err
	}
	one := c.PutArgs
	for _, rel := range files {
		f, err := c.readFile(t, filepath.Join(src, rel), "")
		if err != nil {
			return res, err
		}
		one.Dest = path.Join(top, filepath.ToSlash(rel))
		did, err := one.put(ctx, t, f, c.DirMode)
		res.Changed, res.Changes = res.Changed || did.Changed, did.Changes
		res.Diffs = append(res.Diffs, did.Diffs...)
		res.Warnings = append(res.Warnings, did.Warnings...)
		if err != nil {
			return res, err
		}
	}
	res.Data = value.NewDict("dest", top, "src", src)
	return res, nil
}

// walkFollowing visits a directory and all in it, in order, following links; a
// link that leads back up is an error.
func walkFollowing(dir string, visit func(name string, isDir bool) error) error {
	return walkFrom(dir, nil, visit)
}

func walkFrom(name string, above []fs.FileInfo, visit func(string, bool) error) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if err := visit(name, info.IsDir()); err != nil || !info.IsDir() {
		return err
	}
	for _, a := range above {
		if os.SameFile(a, info) {
			return fmt.Errorf("%s is a link to a folder that it lies in", name)
		}
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := walkFrom(filepath.Join(name, e.Name()), append(above, info), visit); err != nil {
			return err
		}
	}
	return nil
}

// onHost copies what lies on the host already.
func (c *Copy) onHost(ctx context.Context, t *Target) (Result, error) {
	_, facts, err := t.Query(ctx, script.New().Call("tell_stat", c.Src, "1", ""))
	if err != nil {
		return Result{}, err
	}
	if facts["exists"] != "yes" && !t.Check {
		return Result{}, Failf("there is no %s on the host", c.Src)
	}
	s := script.New().Set("FILE_VALIDATE", c.PutArgs.Validate)
	if c.Backup {
		s.Set("FILE_BACKUP", "1")
	}
	if isDirectory(facts["stat"]) {
		s.Call("copy_tree", c.Src, c.Dest, c.Owner, c.Group, string(c.Mode), string(c.DirMode), flag(c.Force))
	} else {
		s.Call("copy_place", c.Dest, path.Base(c.Src), flag(c.Follow), string(c.DirMode))
		s.Call("copy_remote", c.Src, c.Owner, c.Group, string(c.Mode), flag(c.Force))
	}
	res, err := t.Script(ctx, s)
	toInts(res.Data, "uid", "gid", "size")
	res.Data.Delete("path")
	res.Set("src", c.Src)
	return res, err
}
