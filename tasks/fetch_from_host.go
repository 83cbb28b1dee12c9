package tasks

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// FetchFromHost is Ansible's fetch: it copies a file from the host. Here it is
// only known as ansible.builtin.fetch, since fetch is another task.
type FetchFromHost struct {
	Src              string `arg:"src,required" doc:"The file on the host"`
	Dest             string `arg:"dest,required" doc:"Where to on the controller: a directory, below which the file goes as HOST/SRC; with flat the file, or with a slash at the end the directory it goes to. Relative to the current directory"`
	Flat             bool   `arg:"flat" doc:"Leave HOST and the path of src out"`
	FailOnMissing    bool   `arg:"fail_on_missing" default:"true" doc:"Whether a file that is not there is a failure"`
	ValidateChecksum bool   `arg:"validate_checksum" default:"true" doc:"Accepted for Ansible's sake: what arrives is always compared with the file on the host"`
}

// Doc implements Module.
func (*FetchFromHost) Doc() Doc {
	return Doc{
		Summary: "Copy a file from the host to the controller",
		Text: `Ansible's fetch, written as ansible.builtin.fetch: the short name fetch is this
program's own task for downloads. The file arrives whole or not at all, and is
replaced only if it differs. With flat make sure that two hosts don't write the same
file.`,
		Examples: `- ansible.builtin.fetch:
    src: /etc/etcd/etcd.conf
    dest: collected/          # collected/peer1/etc/etcd/etcd.conf
`,
		Returns: []Return{
			{"dest", "the file on the controller"}, {"file", "src"}, {"checksum", "SHA-1 of the file"}, {"remote_checksum", "the same"},
		},
	}
}

// Validate implements Validator.
func (f *FetchFromHost) Validate() error {
	if strings.HasSuffix(f.Src, "/") {
		return &ArgError{Arg: "src", Msg: "src: must be a file", Hint: "archive a directory first"}
	}
	return absolute("src", f.Src)
}

// Run implements Module.
func (f *FetchFromHost) Run(ctx context.Context, t *Target) (Result, error) {
	res := t.Result()
	_, facts, err := t.Query(ctx, script.New().Call("fetch_look", f.Src))
	if err != nil {
		return res, err
	}
	if facts["what"] != "file" {
		return f.noFile(res, facts["what"])
	}
	dest, err := f.dest(t.Host.Name, facts["path"])
	if err != nil {
		return res, Failf("dest: %w", err)
	}
	res.Set("file", f.Src)
	res.Set("dest", dest)
	res.Set("checksum", facts["sha1"])
	res.Set("remote_checksum", facts["sha1"])
	old, err := fileSHA1(dest)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return res, Failf("%w", err)
	}
	if old == facts["sha1"] {
		return res, nil
	}
	err = nil
	if t.Would("copy %s to %s on the controller", facts["path"], dest) {
		err = receive(ctx, t.Conn, facts["path"], dest, facts["sha1"])
	}
	did := t.Result()
	res.Changed, res.Changes = did.Changed, did.Changes
	return res, err
}

func (f *FetchFromHost) noFile(res Result, what string) (Result, error) {
	msg := "the remote file does not exist, not transferring, ignored"
	if what != "" {
		msg = "the remote file is " + what + ", not transferring, ignored"
	}
	if !f.FailOnMissing {
		res.Msg = msg
		return res, nil
	}
	if what == "" {
		return res, Failf("there is no file %s on the host", f.Src).WithHint("fail_on_missing: false lets that pass")
	}
	return res, Failf("%s on the host is %s, not a file", f.Src, what)
}

// dest is the file on the controller.
func (f *FetchFromHost) dest(host, src string) (string, error) {
	to := f.Dest
	switch {
	case !f.Flat:
		to = filepath.Join(to, filepath.FromSlash(strings.ReplaceAll(host, "/", "_")), filepath.FromSlash(path.Clean("/"+src)))
	case strings.HasSuffix(f.Dest, "/"):
		to = filepath.Join(to, filepath.Base(src))
	}
	if rest, ok := strings.CutPrefix(to, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		to = filepath.Join(home, rest)
	}
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		return "", errors.New(to + " is a directory; a slash at its end puts the file in it")
	}
	return filepath.Abs(to)
}

func fileSHA1(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha1.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// receive copies a file of the host's to a new file beside dest, compares it,
// and puts it in place.
func receive(ctx context.Context, conn Conn, src, dest, sum string) error {
	if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
		return Failf("%w", err)
	}
	// with the mode that this user's new files have, not that of a temporary one
	tmp, err := os.OpenFile(filepath.Join(filepath.Dir(dest), "."+filepath.Base(dest)+"."+rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return Failf("%w", err)
	}
	defer os.Remove(tmp.Name())
	h := sha1.New()
	err = conn.Get(ctx, src, io.MultiWriter(tmp, h))
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return Failf("%s changed while it was copied: its SHA-1 was %s and is %s", src, sum, got).WithHint("run again")
	}
	if err := os.Rename(tmp.Name(), dest); err != nil {
		return Failf("%w", err)
	}
	return nil
}
