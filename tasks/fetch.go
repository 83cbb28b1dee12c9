package tasks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Fetch downloads a file on or for the host, checks it, and may extract it.
type Fetch struct {
	URL      []string          `arg:"url,required" alias:"urls,mirrors" doc:"Where the file is; of several, the first that works. {arch} stands for the host's architecture here and in dest, checksum, extract and creates: amd64, arm64, ppc64le or s390x"`
	Dest     string            `arg:"dest" alias:"path" doc:"The file to keep, or a directory ending in /; not needed with extract"`
	Checksum string            `arg:"checksum" doc:"sha256:HEX, or sha256:NAME where NAME (SHA256SUMS) is a file of checksums beside each url, or a URL"`
	Extract  string            `arg:"extract" doc:"A directory to extract the archive to (.tar.gz, .tar.xz, .tar.bz2, .tar.zst, .tar, .zip); made if it lacks"`
	Strip    int               `arg:"strip" alias:"strip_components" doc:"How many leading folders of the archive to leave out"`
	Owner    string            `arg:"owner" doc:"Of the file, and of what is extracted; by default the user of the connection or become_user"`
	Group    string            `arg:"group" doc:"As owner"`
	Mode     Mode              `arg:"mode" doc:"Of the file, or of the files extracted; by default what the umask leaves, or the archive says"`
	Creates  string            `arg:"creates" doc:"A path on the host: there is nothing to do if it exists"`
	Via      string            `arg:"via" default:"auto" choices:"host,controller,auto" doc:"Who downloads: the host itself, the controller for it, or the controller when the host has no curl or wget or reaches no mirror"`
	ArchMap  map[string]string `arg:"arch_map" doc:"Further words for {arch}, by what uname -m says: {armv7l: arm}"`
	Timeout  time.Duration     `arg:"timeout" default:"15m" doc:"For each download; one that stands still for a minute is given up sooner"`
}

// Doc implements Module.
func (*Fetch) Doc() Doc {
	return Doc{
		Summary: "Download a file on or for the host, check it, and extract it",
		Text: `Downloads once: a file that is there with the right checksum is left alone, without
a checksum any file is. An archive that was extracted is noted beside the tree
(.etcdplay-fetch-NAME: its checksum, and the files with size and time), so it
need not be kept; a tree of which a file lacks or was changed is extracted anew.
Files that are not in the archive stay.

The mirrors are tried in turn; the failure names each with its own reason. A
download that was cut off is gone on with, where a checksum can tell whether that
came out right. A file with the wrong checksum is never kept.

sha256:HEX trusts nobody but whoever wrote the playbook. sha256:SHA256SUMS trusts
the mirror: it proves that the file came whole, not that it is genuine. Without
checksum the task warns.

Proxies: the host's curl or wget obeys http_proxy, https_proxy and no_proxy as
given by environment; the controller obeys its own. Downloads by the controller
are kept in its cache and go to each host over the connection: that is for hosts
without a way out. A file:// URL is read on whichever side downloads.

(Ansible's fetch, which copies from the host, is ansible.builtin.fetch here.)`,
		Examples: `- fetch:
    url:
      - https://github.com/etcd-io/etcd/releases/download/v3.6.16/etcd-v3.6.16-linux-{arch}.tar.gz
      - https://mirror.example.com/etcd/v3.6.16/etcd-v3.6.16-linux-{arch}.tar.gz
    checksum: sha256:SHA256SUMS
    extract: /opt/etcd-v3.6.16
    strip: 1

- fetch:
    url: https://example.com/nats-server-{arch}
    checksum: sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    dest: /usr/local/bin/nats-server
    mode: "0755"
`,
		Returns: []Return{
			{"dest", "the file, if one is kept"},
			{"extract", "the directory, if one was asked for"},
			{"checksum", "the SHA-256, if known"},
			{"url", "the mirror that was used, if the file was downloaded"},
			{"arch", "the host's word for {arch}"},
		},
		Check: "Whether a mirror answers. Whether a host can extract what it does not have yet.",
	}
}

var (
	hexSum = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)
	// machines are the words for {arch} that releases use, by uname -m.
	machines = map[string]string{"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
)

// Validate implements Validator.
func (f *Fetch) Validate() error {
	if len(f.URL) == 0 {
		return &ArgError{Arg: "url", Msg: "url: the list is empty"}
	}
	for _, raw := range f.URL {
		u, err := url.Parse(strings.ReplaceAll(raw, "{arch}", "amd64"))
		if err != nil || !slices.Contains([]string{"http", "https", "ftp", "file"}, u.Scheme) || strings.ContainsAny(raw, " \t\r\n") {
			return &ArgError{Arg: "url", Msg: fmt.Sprintf("url: %q is no http, https, ftp or file URL", raw)}
		}
		if strings.HasSuffix(u.Path, "/") || u.Path == "" {
			return &ArgError{Arg: "url", Msg: fmt.Sprintf("url: %q names no file", raw)}
		}
	}
	if f.Dest == "" && f.Extract == "" {
		return &ArgError{Arg: "dest", Msg: "dest: missing", Hint: "say where the file goes, or with extract where its contents go"}
	}
	for _, p := range []struct{ arg, path string }{{"dest", f.Dest}, {"extract", f.Extract}, {"creates", f.Creates}} {
		if p.path != "" {
			if err := absolute(p.arg, p.path); err != nil {
				return err
			}
		}
	}
	if path.Clean(f.Extract) == "/" {
		return &ArgError{Arg: "extract", Msg: "extract: must be a directory below /"}
	}
	if f.Strip < 0 {
		return &ArgError{Arg: "strip", Msg: "strip: must not be negative"}
	}
	if f.Strip > 0 && f.Extract == "" {
		return &ArgError{Arg: "strip", Msg: "strip: has no meaning without extract"}
	}
	for machine, word := range f.ArchMap {
		if strings.ContainsAny(machine+word, " \t\r\n=*?[") {
			return &ArgError{Arg: "arch_map", Msg: fmt.Sprintf("arch_map: %q: %q must be single words", machine, word)}
		}
	}
	_, err := f.checksum()
	return err
}

// checksum is the argument without its sha256: in front: hex digits in lower
// case, the name of a file, or a URL.
func (f *Fetch) checksum() (string, error) {
	if f.Checksum == "" {
		return "", nil
	}
	kind, sum, ok := strings.Cut(f.Checksum, ":")
	switch {
	case hexSum.MatchString(f.Checksum):
		return strings.ToLower(f.Checksum), nil
	case !ok || kind != "sha256" || sum == "":
		return "", &ArgError{Arg: "checksum", Msg: fmt.Sprintf("checksum: %q is neither sha256:HEX nor sha256:NAME of a file of checksums", f.Checksum)}
	case hexSum.MatchString(sum):
		return strings.ToLower(sum), nil
	case strings.Trim(strings.ToLower(sum), "0123456789abcdef") == "":
		return "", &ArgError{Arg: "checksum", Msg: fmt.Sprintf("checksum: a SHA-256 has 64 hexadecimal digits, not %d", len(sum))}
	case strings.ContainsAny(sum, " \t\r\n"):
		return "", errors.New("checksum: must not hold white space")
	}
	return sum, nil
}

// Run implements Module. The host does all it can in one round trip; where it
// needs the controller it is asked again with what that brought.
func (f *Fetch) Run(ctx context.Context, t *Target) (Result, error) {
	var sum, from, why string
	for {
		res, err := t.Script(ctx, f.script(t.Check, sum, from))
		need := datum(res, "need")
		if err == nil && from != "" && f.Checksum == "" {
			res.Warnings = append(res.Warnings, fmt.Sprintf("%s was not checked: give its checksum", f.URL[0]))
		}
		if err != nil || need == "" {
			return res, err
		}
		b := &bringer{fetch: f, t: t, name: datum(res, "name"), arch: datum(res, "arch")}
		if w := datum(res, "why"); w != "" {
			why = w
		}
		switch {
		case need == "sum" && sum == "":
			sum, err = b.sum(ctx)
		case need == "file" && from == "":
			from = datum(res, "part")
			sum, err = b.bring(ctx, sum, from, datum(res, "free"))
		default:
			err = Failf("the host asks for the %s of %s again", need, b.name)
		}
		if err != nil {
			for _, k := range []string{"need", "name", "part", "free", "why"} {
				res.Data.Delete(k)
			}
			return res, both(err, why)
		}
	}
}

// both adds to the controller's failure the reasons why the host had failed.
func both(err error, why string) error {
	var f *Failure
	if why == "" || !errors.As(err, &f) {
		return err
	}
	f.Msg += ", nor from the host itself"
	f.Hint = strings.TrimSpace("from the host:\n" + why + "\nfrom the controller:\n" + f.Hint)
	return f
}

func datum(r Result, key string) string {
	v, _ := r.Data.Get(key)
	s, _ := v.(string)
	return s
}

// script is the host's part. sum and from are what the controller has brought.
func (f *Fetch) script(check bool, sum, from string) *script.Script {
	checksum, _ := f.checksum() // Validate has seen to it
	arches := maps.Clone(machines)
	maps.Copy(arches, f.ArchMap)
	var pairs []string
	for _, m := range slices.Sorted(maps.Keys(arches)) {
		pairs = append(pairs, m+"="+arches[m])
	}
	s := script.New()
	for _, v := range []struct{ name, value string }{
		{"URLS", strings.Join(f.URL, "\n")}, {"DEST", f.Dest}, {"CHECKSUM", checksum}, {"EXTRACT", f.Extract},
		{"STRIP", strconv.Itoa(f.Strip)}, {"CREATES", f.Creates}, {"OWNER", f.Owner}, {"GROUP", f.Group}, {"MODE", string(f.Mode)},
		{"ARCHES", strings.Join(pairs, " ")}, {"SECONDS", strconv.Itoa(max(1, int(f.Timeout.Seconds())))},
		{"VIA", f.Via}, {"FROM", from}, {"SUM", sum},
	} {
		s.Set("FETCH_"+v.name, v.value)
	}
	return s.Call("fetch")
}
