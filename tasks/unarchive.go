package tasks

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Unarchive unpacks an archive on the host.
type Unarchive struct {
	Src       string   `arg:"src,required" doc:"The archive, on the controller; with remote_src on the host, or a URL that the host downloads"`
	Dest      string   `arg:"dest,required" doc:"The directory on the host, which must exist"`
	RemoteSrc bool     `arg:"remote_src" doc:"src is on the host already, or a URL"`
	Creates   string   `arg:"creates" doc:"A path on the host: there is nothing to do if it exists"`
	ListFiles bool     `arg:"list_files" doc:"Tell the names of all entries as files"`
	Exclude   []string `arg:"exclude" doc:"Entries to leave out, or patterns of them"`
	Include   []string `arg:"include" doc:"Entries to unpack, and no others"`
	KeepNewer bool     `arg:"keep_newer" doc:"Leave files alone that are newer than those in the archive"`
	ExtraOpts []string `arg:"extra_opts" doc:"Further options for tar, or for unzip"`
	Owners
	Mode          Mode `arg:"mode" doc:"Of all files and directories, octal in quotes (\"0644\") or symbolic (u=rwX,go=rX); without it as in the archive"`
	ValidateCerts bool `arg:"validate_certs" default:"true" doc:"For a URL: whether the server must prove who it is"`
	Decrypt       bool `arg:"decrypt" default:"true" doc:"Accepted for Ansible's sake: a vaulted archive is always decrypted"`
	Copy          bool `arg:"copy" default:"true" doc:"Old name for the contrary of remote_src"`
}

// Doc implements Module.
func (*Unarchive) Doc() Doc {
	return Doc{
		Summary: "Unpack an archive on the host",
		Text: `Takes tar archives, also compressed with gzip, bzip2, xz or zstd, and zip; the kind is
seen from the contents. The host's tar, and gzip and so on or unzip, must be there.

The archive is unpacked aside and compared with what is there: only what differs in
contents, kind, owner or mode is replaced, each file in one step. Directories that
exist keep their mode, and what is not in the archive stays. Run by root, files
belong to whom they belong in the archive, unless owner says otherwise.

For archives from the net, with checksums and mirrors, there is fetch, which does not
need the archive again to see whether its tree is whole.`,
		Examples: `- unarchive:
    src: app-1.2.tar.gz
    dest: /opt
    owner: app
    group: app
    creates: /opt/app-1.2
`,
		Returns: []Return{
			{"dest", "the directory"}, {"src", "the archive"}, {"files", "the entries, with list_files"},
			{"mode", "of dest, as octal digits"}, {"owner", "of dest"}, {"group", "of dest"}, {"uid", "of dest"}, {"gid", "of dest"}, {"size", "of dest"}, {"state", "directory"},
		},
		Check: "Unpacks to a temporary directory to compare. A URL is downloaded for that.",
	}
}

// Validate implements Validator.
func (u *Unarchive) Validate() error {
	for _, o := range u.ExtraOpts {
		if !strings.HasPrefix(o, "-") {
			return &ArgError{Arg: "extra_opts", Msg: fmt.Sprintf("extra_opts: %q is no option", o), Hint: "an option and its value are one word, like --transform=…"}
		}
	}
	for arg, list := range map[string][]string{"exclude": u.Exclude, "include": u.Include} {
		for _, p := range list {
			if p == "" || strings.ContainsAny(p, "\r\n") || strings.HasPrefix(p, "-") {
				return &ArgError{Arg: arg, Msg: fmt.Sprintf("%s: %q is no name of an entry", arg, p)}
			}
		}
	}
	if u.remote() && !strings.Contains(u.Src, "://") {
		if err := absolute("src", u.Src); err != nil {
			return err
		}
	}
	if !u.remote() && strings.Contains(u.Src, "://") {
		return &ArgError{Arg: "src", Msg: "src: a URL wants remote_src: true", Hint: "or use fetch, which checks what it downloads"}
	}
	if u.Creates != "" {
		if err := absolute("creates", u.Creates); err != nil {
			return err
		}
	}
	return absolute("dest", u.Dest)
}

func (u *Unarchive) remote() bool { return u.RemoteSrc || !u.Copy }

// Run implements Module.
func (u *Unarchive) Run(ctx context.Context, t *Target) (Result, error) {
	res, err := u.run(ctx, t)
	res.Data.Delete("path")
	res.Data.Delete("need")
	res.Data.Delete("upload")
	toInts(res.Data, "uid", "gid", "size")
	if u.ListFiles && err == nil {
		files := []any{}
		for name := range strings.SplitSeq(datum(res, "files"), "\n") {
			if name != "" {
				files = append(files, name)
			}
		}
		res.Set("files", files)
	}
	res.Set("src", u.Src)
	return res, err
}

func (u *Unarchive) run(ctx context.Context, t *Target) (Result, error) {
	switch {
	case !u.remote():
		return u.upload(ctx, t)
	case strings.Contains(u.Src, "://"):
		return u.download(ctx, t)
	}
	return t.Script(ctx, u.begin().Call("full_path", u.Src).Text(`set -- "$ep_full"`).Text(u.call(`"$1"`)))
}

// begin sets what the verbs want to know, and ends the script where creates
// says so.
func (u *Unarchive) begin() *script.Script {
	s := script.New().Set("UNARCHIVE_NAME", path.Base(u.Src)).Set("UNARCHIVE_DEST", u.Dest).
		Set("UNARCHIVE_OWNER", u.Owner).Set("UNARCHIVE_GROUP", u.Group).Set("UNARCHIVE_MODE", string(u.Mode)).
		Set("UNARCHIVE_KEEP_NEWER", flag(u.KeepNewer)).Set("UNARCHIVE_LIST", flag(u.ListFiles)).
		Set("UNARCHIVE_EXCLUDE", lines(u.Exclude)).Set("UNARCHIVE_INCLUDE", lines(u.Include))
	if u.Creates != "" {
		s.Call("unarchive_there", u.Creates)
	}
	return s
}

// call is the verb on a file, which is a word of constant shell text.
func (u *Unarchive) call(file string) string {
	return "unarchive " + file + " " + script.QuoteAll(u.ExtraOpts...)
}

// lines ends each word with a line break.
func lines(words []string) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w + "\n")
	}
	return b.String()
}

// upload brings an archive of the controller's, which takes another round trip
// before, to see whether it is wanted and where it may lie meanwhile.
func (u *Unarchive) upload(ctx context.Context, t *Target) (Result, error) {
	name, err := t.Files.Find("files", u.Src)
	if err != nil {
		return t.Result(), err
	}
	content, err := t.Files.Read(name)
	if err != nil {
		return t.Result(), err
	}
	return u.bring(ctx, t, content)
}

func (u *Unarchive) bring(ctx context.Context, t *Target, content []byte) (Result, error) {
	res, err := t.Script(ctx, u.begin().Text(`fact upload "$(mktemp "${TMPDIR:-/tmp}/.etcdplay-upload.XXXXXX")"`))
	tmp := datum(res, "upload")
	if err != nil || tmp == "" {
		return res, err
	}
	t.Status("uploading " + path.Base(u.Src))
	if err := t.Conn.Put(ctx, bytes.NewReader(content), tmp, 0o600); err != nil {
		return res, err
	}
	s := u.begin().Text("clean_at_exit").Set("unarchive_upload", tmp).
		Text(`scratch; mv -f -- "$unarchive_upload" "$ep_scratch/archive"`).Text(u.call(`"$ep_scratch/archive"`))
	return t.Script(ctx, s)
}

// download lets the host get the archive, or, if it has neither curl nor wget,
// gets it through the connection.
func (u *Unarchive) download(ctx context.Context, t *Target) (Result, error) {
	get := &GetURL{URL: u.Src, Timeout: time.Minute, ValidateCerts: u.ValidateCerts, UseProxy: true, Agent: "etcdplay"}
	s := u.begin().Text(get.settings("", "").Body()).
		Text("scratch\n" + `if get_url_download "$ep_scratch/archive"; then ` + u.call(`"$ep_scratch/archive"`) + "; fi")
	res, err := t.Script(ctx, s)
	if err != nil || datum(res, "need") == "" {
		return res, err
	}
	answer, err := get.asked(u.Src).ask(ctx, t, nil, "")
	if err != nil {
		return res, Failf("%s can't be downloaded: %w", u.Src, err)
	}
	if answer.status != 200 {
		return res, Failf("%s can't be downloaded: the server answers %d", u.Src, answer.status)
	}
	return u.bring(ctx, t, answer.body)
}
