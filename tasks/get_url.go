package tasks

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// GetURL downloads a file to the host.
type GetURL struct {
	URL            string            `arg:"url,required" doc:"An http, https or ftp URL, as the host sees it"`
	Dest           string            `arg:"dest,required" doc:"The file, or a directory in which it keeps its name"`
	Checksum       string            `arg:"checksum" doc:"ALGORITHM:HEX or ALGORITHM:URL of a file with checksums; md5, sha1, sha224, sha256, sha384 or sha512. A file that has it is not downloaded again, one that has not always is"`
	Force          bool              `arg:"force" doc:"Download also if the file is there; it is replaced only if it differs"`
	Backup         bool              `arg:"backup" doc:"Keep the old file beside the new one"`
	Headers        map[string]string `arg:"headers" doc:"Further headers"`
	Timeout        time.Duration     `arg:"timeout" default:"10" doc:"How long the server may be silent"`
	User           string            `arg:"url_username" alias:"username" doc:"For Basic authentication"`
	Password       string            `arg:"url_password,secret" alias:"password" doc:"For Basic authentication"`
	ForceBasicAuth bool              `arg:"force_basic_auth" doc:"Accepted for Ansible's sake: it is so in any case"`
	ValidateCerts  bool              `arg:"validate_certs" default:"true" doc:"Whether the server must prove who it is"`
	ClientCert     string            `arg:"client_cert" doc:"PEM file on the host with the client certificate, and the key unless client_key is given"`
	ClientKey      string            `arg:"client_key" doc:"PEM file on the host with the client certificate's key"`
	Agent          string            `arg:"http_agent" default:"etcdplay" doc:"The User-Agent header"`
	UseProxy       bool              `arg:"use_proxy" default:"true" doc:"Whether http_proxy and its like, given by environment, count"`
	TmpDest        string            `arg:"tmp_dest" doc:"A directory on the host for the download until it is whole; /tmp without it"`
	Decompress     bool              `arg:"decompress" default:"true" doc:"Accepted for Ansible's sake: servers are not asked to compress"`
	Owners
	Mode Mode `arg:"mode" doc:"Octal in quotes (\"0644\") or symbolic (u=rw,go=r); a new file without it gets what the umask leaves"`
}

// Doc implements Module.
func (*GetURL) Doc() Doc {
	return Doc{
		Summary: "Download a file to the host",
		Text: `The host's curl or GNU wget downloads; where it has neither, the controller does so
through the connection to the host, at most 256 MiB. Neither URL, headers nor
passwords can be seen in the host's list of processes.

Without checksum and force a file that is there is left alone; in a directory as
dest it is downloaded each time, as in Ansible, and replaced if it differs.

For several mirrors, archives, large files and hosts without a way out there is
fetch.`,
		Examples: `- get_url:
    url: https://example.com/app-1.2.tar.gz
    dest: /opt/
    checksum: sha256:https://example.com/SHA256SUMS
    mode: "0644"
`,
		Returns: []Return{
			{"url", "as given"}, {"dest", "the file"}, {"checksum_dest", "the SHA-1 before, if it was there"}, {"checksum_src", "the SHA-1 of the download"},
			{"status_code", "of the answer; 304 when nothing was downloaded"}, {"elapsed", "seconds"},
			{"mode", "as octal digits"}, {"owner", "user name"}, {"group", "group name"}, {"uid", "user number"}, {"gid", "group number"},
			{"size", "bytes"}, {"state", "file"}, {"backup_file", "the old file, with backup"},
		},
		Check: "Downloads only what it must compare, to a temporary file. Whether the server answers is seen when it runs.",
	}
}

// sumDigits are the lengths of checksums in hexadecimal digits.
var sumDigits = map[string]int{"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}

var anyHex = regexp.MustCompile(`^[0-9A-Fa-f]+$`)

// Validate implements Validator.
func (g *GetURL) Validate() error {
	u, err := url.Parse(g.URL)
	if err != nil || !slices.Contains([]string{"http", "https", "ftp"}, u.Scheme) || u.Host == "" || strings.ContainsFunc(g.URL, func(r rune) bool { return r <= ' ' }) {
		return &ArgError{Arg: "url", Msg: fmt.Sprintf("url: %q is no http, https or ftp URL", g.URL)}
	}
	if g.Checksum != "" {
		algorithm, sum, _ := strings.Cut(g.Checksum, ":")
		n := sumDigits[algorithm]
		switch {
		case n == 0:
			return &ArgError{Arg: "checksum", Msg: fmt.Sprintf("checksum: %q names no algorithm that is known", g.Checksum), Hint: "write ALGORITHM:HEX or ALGORITHM:URL, like sha256:…"}
		case !strings.Contains(sum, "://") && (!anyHex.MatchString(sum) || len(sum) != n):
			return &ArgError{Arg: "checksum", Msg: fmt.Sprintf("checksum: a %s has %d hexadecimal digits", algorithm, n)}
		}
	}
	for arg, val := range map[string]string{"url_username": g.User, "url_password": g.Password, "http_agent": g.Agent, "client_cert": g.ClientCert, "client_key": g.ClientKey} {
		if strings.ContainsAny(val, "\r\n") {
			return &ArgError{Arg: arg, Msg: arg + ": must be one line"}
		}
	}
	for name, val := range g.Headers {
		if strings.ContainsAny(name+val, "\r\n") || strings.Contains(name, ":") {
			return &ArgError{Arg: "headers", Msg: fmt.Sprintf("headers: %q is none", name+": "+val)}
		}
	}
	if g.TmpDest != "" {
		if err := absolute("tmp_dest", g.TmpDest); err != nil {
			return err
		}
	}
	return absolute("dest", g.Dest)
}

// Run implements Module.
func (g *GetURL) Run(ctx context.Context, t *Target) (Result, error) {
	algorithm, sum, _ := strings.Cut(g.Checksum, ":")
	if strings.Contains(sum, "://") {
		var err error
		if sum, err = g.published(ctx, t, sum, sumDigits[algorithm]); err != nil {
			return t.Result(), err
		}
	}
	begin := time.Now()
	s := g.settings(algorithm, sum)
	res, err := t.Script(ctx, s.Call("get_url", g.name()))
	if err == nil && datum(res, "need") != "" {
		res, err = g.bring(ctx, t, algorithm, sum)
	}
	res.Data.Delete("path")
	res.Data.Delete("need")
	toInts(res.Data, "uid", "gid", "size", "status_code")
	res.Set("url", g.URL)
	res.Set("elapsed", int(time.Since(begin).Seconds()))
	return res, err
}

func (g *GetURL) settings(algorithm, sum string) *script.Script {
	s := script.New()
	if g.TmpDest != "" {
		s.Set("TMPDIR", g.TmpDest)
	}
	if g.Backup {
		s.Set("FILE_BACKUP", "1")
	}
	return s.Set("GET_DEST", g.Dest).Set("GET_URL", g.URL).Set("GET_FORCE", flag(g.Force)).
		Set("GET_ALGORITHM", algorithm).Set("GET_SUM", strings.ToLower(sum)).Set("GET_SECONDS", strconv.Itoa(max(1, int(g.Timeout.Seconds())))).
		Set("GET_OWNER", g.Owner).Set("GET_GROUP", g.Group).Set("GET_MODE", string(g.Mode)).
		Set("GET_CURLRC", g.curlrc()).Set("GET_WGETRC", g.wgetrc())
}

// name is that of the file at the URL.
func (g *GetURL) name() string {
	u, err := url.Parse(g.URL)
	if err != nil || u.Path == "" || strings.HasSuffix(u.Path, "/") {
		return "index.html"
	}
	return path.Base(u.Path)
}

// curlrc is a configuration file of curl with what nobody else may see.
func (g *GetURL) curlrc() string {
	var b strings.Builder
	set := func(name, val string) {
		if val != "" {
			b.WriteString(name + ` = "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(val) + "\"\n")
		}
	}
	set("url", g.URL)
	set("user-agent", g.Agent)
	for name, val := range g.Headers {
		set("header", name+": "+val)
	}
	if g.User != "" {
		set("user", g.User+":"+g.Password)
	}
	set("cert", g.ClientCert)
	set("key", g.ClientKey)
	if !g.ValidateCerts {
		b.WriteString("insecure\n")
	}
	if !g.UseProxy {
		set("noproxy", "*")
	}
	return b.String()
}

// wgetrc is the same for GNU wget.
func (g *GetURL) wgetrc() string {
	var b strings.Builder
	set := func(name, val string) {
		if val != "" {
			b.WriteString(name + " = " + val + "\n")
		}
	}
	set("user_agent", g.Agent)
	for name, val := range g.Headers {
		set("header", name+": "+val)
	}
	set("user", g.User)
	set("password", g.Password)
	set("auth_no_challenge", given(g.User != "", "on"))
	set("certificate", g.ClientCert)
	set("private_key", or(g.ClientKey, g.ClientCert))
	set("check_certificate", given(!g.ValidateCerts, "off"))
	set("use_proxy", given(!g.UseProxy, "off"))
	return b.String()
}

// asked is the same request for the controller to make through the connection.
func (g *GetURL) asked(at string) *URI {
	return &URI{
		URL: at, Method: "GET", Headers: g.Headers, User: g.User, Password: g.Password, FollowRedirects: "all", Timeout: time.Hour,
		ValidateCerts: g.ValidateCerts, ClientCert: g.ClientCert, ClientKey: g.ClientKey, Agent: g.Agent, limit: 256 << 20,
	}
}

// published reads the checksum of the file from a list of them.
func (g *GetURL) published(ctx context.Context, t *Target, at string, digits int) (string, error) {
	answer, err := g.asked(at).ask(ctx, t, nil, "")
	if err != nil {
		return "", Failf("the checksum can't be read from %s: %w", at, err)
	}
	if answer.status != 200 {
		return "", Failf("the checksum can't be read: %s answers %d", at, answer.status)
	}
	lines := strings.Split(strings.TrimSpace(string(answer.body)), "\n")
	for _, line := range lines {
		f := strings.Fields(line)
		named := len(f) >= 2 && path.Base(strings.TrimPrefix(f[1], "*")) == g.name()
		if (named || len(lines) == 1 && len(f) == 1) && len(f[0]) == digits && anyHex.MatchString(f[0]) {
			return f[0], nil
		}
	}
	return "", Failf("%s has no checksum of %s", at, g.name())
}

// bring downloads through the connection, for a host without curl and wget.
func (g *GetURL) bring(ctx context.Context, t *Target, algorithm, sum string) (Result, error) {
	if strings.HasPrefix(g.URL, "ftp:") {
		return t.Result(), Failf("the host has neither curl nor wget, and the controller speaks no FTP")
	}
	t.Status("downloading " + g.URL)
	answer, err := g.asked(g.URL).ask(ctx, t, nil, "")
	if err != nil {
		if never(ctx, err) {
			return t.Result(), err
		}
		return t.Result(), Failf("Request failed: %s: %w", g.URL, err)
	}
	if answer.status != 200 {
		return t.Result(), Failf("Request failed: %s answers %d", g.URL, answer.status)
	}
	if got, _ := jinja.Digest(algorithm, answer.body); sum != "" && !strings.EqualFold(got, sum) {
		return t.Result(), Failf("the %s of %s is %s, not %s", algorithm, g.URL, got, sum)
	}
	put := PutArgs{Dest: g.Dest, Owners: g.Owners, Mode: g.Mode, Force: true, Backup: g.Backup}
	res, err := put.put(ctx, t, newFile{content: answer.body, name: g.name(), shown: g.URL}, "")
	res.Set("status_code", answer.status)
	if v, ok := res.Data.Get("checksum"); ok {
		res.Set("checksum_src", value.Str(v))
	}
	return res, err
}
