package tasks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// URI asks a web server from the host.
type URI struct {
	URL             string            `arg:"url,required" doc:"An http or https URL, as the host sees it"`
	Method          string            `arg:"method" default:"GET" doc:"In capitals: GET, POST, PUT, DELETE, PATCH, HEAD …"`
	Body            any               `arg:"body" doc:"What is sent: a text, or for json and the forms a dict or list"`
	BodyFormat      string            `arg:"body_format" default:"raw" choices:"raw,json,form-urlencoded,form-multipart" doc:"How body is written; sets the Content-Type too, unless headers do"`
	Src             string            `arg:"src" doc:"A file whose contents are sent instead of body; on the controller, or with remote_src on the host"`
	RemoteSrc       bool              `arg:"remote_src" doc:"src lies on the host"`
	Headers         map[string]string `arg:"headers" doc:"Further headers"`
	StatusCode      []int             `arg:"status_code" split:"," default:"200" doc:"Status codes that mean success"`
	ReturnContent   bool              `arg:"return_content" doc:"Give the body of the answer as content also where it is good; json is given in any case"`
	FollowRedirects string            `arg:"follow_redirects" default:"safe" choices:"all,yes,no,none,safe,urllib2" doc:"Where to follow: safe and urllib2 for GET and HEAD, all and yes always, none and no never"`
	Timeout         time.Duration     `arg:"timeout" default:"30" doc:"For the whole exchange"`
	User            string            `arg:"url_username" alias:"user" doc:"For Basic authentication, sent with the first request"`
	Password        string            `arg:"url_password,secret" alias:"password" doc:"For Basic authentication"`
	ForceBasicAuth  bool              `arg:"force_basic_auth" doc:"Accepted for Ansible's sake: it is so in any case"`
	ValidateCerts   bool              `arg:"validate_certs" default:"true" doc:"Whether the server must prove who it is"`
	CAPath          string            `arg:"ca_path" doc:"PEM file on the host with the authorities to trust; otherwise the controller's and the host's own"`
	ClientCert      string            `arg:"client_cert" doc:"PEM file on the host with the client certificate, and the key unless client_key is given"`
	ClientKey       string            `arg:"client_key" doc:"PEM file on the host with the client certificate's key"`
	Agent           string            `arg:"http_agent" default:"etcdplay" doc:"The User-Agent header"`
	UnixSocket      string            `arg:"unix_socket" doc:"A socket on the host to connect to, whatever host the URL names"`
	UseProxy        bool              `arg:"use_proxy" default:"true" doc:"Accepted for Ansible's sake: proxies are never used"`
	Force           bool              `arg:"force" doc:"Ask caches not to answer"`
	Creates         string            `arg:"creates" doc:"A path on the host: there is nothing to do if it exists"`
	Removes         string            `arg:"removes" doc:"A path on the host: there is nothing to do unless it exists"`
	Dest            string            `arg:"dest" doc:"A file or directory on the host that takes the body of the answer"`
	Owners
	Mode Mode `arg:"mode" doc:"Of dest, octal in quotes (\"0644\") or symbolic (u=rw,go=r)"`

	limit int // how many bytes of the answer are read; 64 MiB when 0
}

// Doc implements Module.
func (*URI) Doc() Doc {
	return Doc{
		Summary: "Ask a web server from the host",
		Text: `The request goes through the connection to the host and out from there: the host
needs no curl, resolves the name, and may be the only one that reaches the server.
Where the host's sshd forbids forwarding that fails at once.

Nothing is changed but dest. For downloads use get_url or fetch: at most 64 MiB are
read here.`,
		Examples: `- uri:
    url: http://127.0.0.1:2379/health
    return_content: true
  register: health
  until: health.status == 200 and health.json.health == "true"
  retries: 10
  delay: 2

- uri:
    url: https://api.example.com/hosts
    method: POST
    body_format: json
    body: {name: "{{ inventory_hostname }}"}
    status_code: [201, 409]
    url_username: admin
    url_password: "{{ api_password }}"
`,
		Returns: []Return{
			{"status", "the status code; -1 when there was no answer"}, {"url", "the URL that answered, after redirections"},
			{"redirected", "whether there were any"}, {"content", "the body, with return_content or when the task fails"},
			{"json", "the body, decoded, if it is JSON"}, {"cookies", "the cookies that were set, by name"}, {"cookies_string", "the same as one text"},
			{"content_type and so on", "each header of the answer, in small letters with _ for -"}, {"elapsed", "seconds"}, {"path", "dest"},
		},
		Check: "Asks nothing: the task is skipped.",
	}
}

// Validate implements Validator.
func (m *URI) Validate() error {
	u, err := url.Parse(m.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return &ArgError{Arg: "url", Msg: fmt.Sprintf("url: %q is no http or https URL", m.URL)}
	case m.Method == "" || strings.ToUpper(m.Method) != m.Method || strings.ContainsAny(m.Method, " \t\r\n"):
		return &ArgError{Arg: "method", Msg: fmt.Sprintf("method: %q is none", m.Method), Hint: "write it in capitals: GET, POST, PUT, DELETE …"}
	case m.Src != "" && m.Body != nil:
		return &ArgError{Arg: "src", Msg: "src and body exclude each other"}
	case m.RemoteSrc && m.Src == "":
		return &ArgError{Arg: "remote_src", Msg: "remote_src means nothing without src"}
	case m.ClientKey != "" && m.ClientCert == "":
		return &ArgError{Arg: "client_key", Msg: "client_key means nothing without client_cert"}
	}
	if _, _, err := m.body(nil); err != nil && m.Src == "" && m.BodyFormat != "form-multipart" {
		return err
	}
	for arg, p := range map[string]string{"dest": m.Dest, "creates": m.Creates, "removes": m.Removes, "ca_path": m.CAPath, "client_cert": m.ClientCert, "client_key": m.ClientKey, "unix_socket": m.UnixSocket} {
		if p != "" {
			if err := absolute(arg, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// Run implements Module.
func (m *URI) Run(ctx context.Context, t *Target) (Result, error) {
	res := t.Result()
	if t.Check {
		res.Skipped, res.Msg = true, "uri asks nothing in check mode"
		return res, nil
	}
	if why, err := m.needless(ctx, t); err != nil || why != "" {
		res.Skipped, res.Msg = why != "", why
		return res, err
	}
	body, contentType, err := m.payload(ctx, t)
	if err != nil {
		return res, err
	}
	begin := time.Now()
	answer, err := m.ask(ctx, t, body, contentType)
	elapsed := int(time.Since(begin).Seconds())
	if err != nil {
		res.Set("status", -1)
		res.Set("url", m.URL)
		res.Set("elapsed", elapsed)
		if never(ctx, err) {
			return res, err
		}
		return res, Failf("Status code was -1 and not %s: Request failed: %w", value.Str(ints(m.StatusCode)), err)
	}
	if m.Dest != "" && slices.Contains(m.StatusCode, answer.status) {
		if res, err = m.save(ctx, t, answer); err != nil {
			return res, err
		}
	}
	m.tell(&res, answer)
	res.Set("elapsed", elapsed)
	if !slices.Contains(m.StatusCode, answer.status) {
		res.Set("content", string(answer.body))
		return res, Failf("Status code was %d and not %s: HTTP Error %d: %s", answer.status, value.Str(ints(m.StatusCode)), answer.status, http.StatusText(answer.status)).
			WithHint("%s", excerpt(answer.body))
	}
	return res, nil
}

func ints(list []int) []any {
	out := make([]any, len(list))
	for i, n := range list {
		out[i] = n
	}
	return out
}

// needless says why there is nothing to do, if so.
func (m *URI) needless(ctx context.Context, t *Target) (string, error) {
	if m.Creates == "" && m.Removes == "" {
		return "", nil
	}
	_, facts, err := t.Query(ctx, script.New().Call("tell_there", m.Creates, m.Removes))
	switch {
	case err != nil:
		return "", err
	case m.Creates != "" && facts["first"] == "yes":
		return m.Creates + " exists", nil
	case m.Removes != "" && facts["second"] == "no":
		return m.Removes + " does not exist", nil
	}
	return "", nil
}

// An httpAnswer is what a server said.
type httpAnswer struct {
	status     int
	header     http.Header
	body       []byte
	url        string
	redirected bool
	cookies    []*http.Cookie
}

// ask sends the request, a second time with the host's own authorities where
// the controller does not know that of the server.
func (m *URI) ask(ctx context.Context, t *Target, body []byte, contentType string) (httpAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, m.Timeout)
	defer cancel()
	config, err := m.tlsConfig(ctx, t.Conn)
	if err != nil {
		return httpAnswer{}, err
	}
	answer, err := m.send(ctx, t.Conn, config, body, contentType)
	if _, unknown := errors.AsType[*tls.CertificateVerificationError](err); unknown && m.CAPath == "" {
		if roots := hostRoots(ctx, t); roots != nil {
			config.RootCAs = roots
			answer, err = m.send(ctx, t.Conn, config, body, contentType)
		}
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return answer, err
}

func (m *URI) send(ctx context.Context, conn Conn, config *tls.Config, body []byte, contentType string) (httpAnswer, error) {
	transport := &http.Transport{DialContext: conn.DialContext, TLSClientConfig: config}
	if m.UnixSocket != "" {
		transport.DialContext = unixDialer(conn, m.UnixSocket)
	}
	defer transport.CloseIdleConnections()
	jar, err := cookiejar.New(nil)
	if err != nil {
		return httpAnswer{}, err
	}
	client := &http.Client{Transport: transport, Jar: jar, CheckRedirect: m.redirect}
	req, err := m.request(ctx, body, contentType)
	if err != nil {
		return httpAnswer{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return httpAnswer{}, err
	}
	defer resp.Body.Close()
	limit := max(m.limit, 64<<20)
	got, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err != nil {
		return httpAnswer{}, err
	}
	if len(got) > limit {
		return httpAnswer{}, fmt.Errorf("the answer has more than %d MiB: use fetch", limit>>20)
	}
	return httpAnswer{
		status: resp.StatusCode, header: resp.Header, body: got, url: resp.Request.URL.String(),
		redirected: resp.Request != req, cookies: resp.Cookies(),
	}, nil
}

func (m *URI) request(ctx context.Context, body []byte, contentType string) (*http.Request, error) {
	var r io.Reader
	if body != nil {
		r = strings.NewReader(string(body))
	}
	req, err := http.NewRequestWithContext(ctx, m.Method, m.URL, r)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", m.Agent)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if m.Force {
		req.Header.Set("Cache-Control", "no-cache")
	}
	for name, val := range m.Headers {
		if strings.EqualFold(name, "host") {
			req.Host = val
		}
		req.Header.Set(name, val)
	}
	if m.User != "" {
		req.SetBasicAuth(m.User, m.Password)
	}
	return req, nil
}

func (m *URI) redirect(req *http.Request, via []*http.Request) error {
	switch {
	case m.FollowRedirects == "no" || m.FollowRedirects == "none",
		(m.FollowRedirects == "safe" || m.FollowRedirects == "urllib2") && via[0].Method != http.MethodGet && via[0].Method != http.MethodHead:
		return http.ErrUseLastResponse
	case len(via) >= 10:
		return errors.New("more than 10 redirections")
	}
	return nil
}

// save puts the body of the answer into dest.
func (m *URI) save(ctx context.Context, t *Target, a httpAnswer) (Result, error) {
	name := ""
	if u, err := url.Parse(a.url); err == nil {
		name = u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	}
	put := PutArgs{Dest: m.Dest, Owners: m.Owners, Mode: m.Mode, Force: true}
	res, err := put.put(ctx, t, newFile{content: a.body, name: or(name, "index.html"), shown: a.url}, "")
	if dest := datum(res, "dest"); dest != "" {
		res.Set("path", dest)
	}
	return res, err
}

func (m *URI) tell(res *Result, a httpAnswer) {
	for name, values := range a.header {
		res.Set(strings.ReplaceAll(strings.ToLower(name), "-", "_"), strings.Join(values, ", "))
	}
	res.Set("status", a.status)
	res.Set("url", a.url)
	res.Set("redirected", a.redirected)
	res.Msg = fmt.Sprintf("%s (%d bytes)", or(http.StatusText(a.status), "unknown"), len(a.body))
	cookies := value.NewDict()
	var texts []string
	for _, c := range a.cookies {
		cookies.Set(c.Name, c.Value)
		texts = append(texts, c.Name+"="+c.Value)
	}
	res.Set("cookies", cookies)
	res.Set("cookies_string", strings.Join(texts, "; "))
	if m.ReturnContent {
		res.Set("content", string(a.body))
	}
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	if kind = strings.TrimSpace(kind); strings.HasSuffix(kind, "/json") || strings.HasSuffix(kind, "+json") {
		if v, err := value.DecodeJSON(a.body); err == nil {
			res.Set("json", v)
		}
	}
}
