package tasks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// A Gate is a question to a daemon that is asked until the answer is yes.
type Gate struct {
	URL     string   `arg:"url" doc:"An HTTP or HTTPS URL as the host would ask for it"`
	Status  int      `arg:"status" default:"200" doc:"The status that url must answer"`
	Port    int      `arg:"port" doc:"A TCP port that must accept connections"`
	Address string   `arg:"address" default:"127.0.0.1" doc:"The host's address for port"`
	Command []string `arg:"command" doc:"A command that must end with exit code 0, as a list of words"`
	TLSFiles
	Insecure bool          `arg:"insecure" doc:"Don't check the certificate of url"`
	Timeout  time.Duration `arg:"timeout" doc:"How long to ask"`
}

const (
	aliveTimeout = 60 * time.Second
	readyTimeout = 90 * time.Second
	// gateTry is the time of a single question.
	gateTry = 5 * time.Second
)

func (g Gate) given() bool { return g.URL != "" || g.Port != 0 || len(g.Command) > 0 }

func (g Gate) validate(arg string) error {
	kinds := 0
	for _, given := range []bool{g.URL != "", g.Port != 0, len(g.Command) > 0} {
		if given {
			kinds++
		}
	}
	if kinds > 1 || kinds == 0 && (g.Timeout != 0 || g.Status != 0) {
		return &ArgError{Arg: arg, Msg: arg + ": needs one of url, port and command"}
	}
	if g.URL != "" {
		u, err := url.Parse(g.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			return &ArgError{Arg: arg + ".url", Msg: fmt.Sprintf("%s.url: %q is no http or https URL", arg, g.URL)}
		}
	}
	if g.Port < 0 || g.Port > 65535 {
		return &ArgError{Arg: arg + ".port", Msg: fmt.Sprintf("%s.port: %d is no port", arg, g.Port)}
	}
	return g.TLSFiles.validate(arg)
}

// String is what is asked.
func (g Gate) String() string {
	switch {
	case g.URL != "":
		return g.URL
	case g.Port != 0:
		return g.address()
	}
	return strings.Join(g.Command, " ")
}

func (g Gate) address() string {
	host := g.Address
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(g.Port))
}

// port is where the daemon must listen for the gate to pass, or "".
func (g Gate) port() string {
	if g.Port != 0 {
		return strconv.Itoa(g.Port)
	}
	u, err := url.Parse(g.URL)
	switch {
	case g.URL == "" || err != nil:
		return ""
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// A question is a gate at one host, with all that asking needs.
type question struct {
	gate Gate
	conn Conn
	tls  *tls.Config
}

func (g Gate) at(conn Conn, files Files) (*question, error) {
	q := &question{gate: g, conn: conn}
	if g.URL == "" {
		return q, nil
	}
	var err error
	if q.tls, err = g.TLSFiles.config(files); err != nil {
		return nil, err
	}
	if g.Insecure {
		if q.tls == nil {
			q.tls = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		q.tls.InsecureSkipVerify = true
	}
	return q, nil
}

// ask asks once. The error says why the answer is no.
func (q *question) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, gateTry)
	defer cancel()
	switch {
	case q.gate.URL != "":
		return q.get(ctx)
	case q.gate.Port != 0:
		conn, err := q.conn.DialContext(ctx, "tcp", q.gate.address())
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return q.run(ctx)
}

// request asks the gate's URL. The body must be closed.
func (q *question) request(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, q.gate.URL, nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DialContext: q.conn.DialContext, TLSClientConfig: q.tls, DisableKeepAlives: true}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // the URL is named by whoever reports it
		}
		return nil, err
	}
	return resp, nil
}

func (q *question) get(ctx context.Context) error {
	resp, err := q.request(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	want := q.gate.Status
	if want == 0 {
		want = http.StatusOK
	}
	if resp.StatusCode == want {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // only to say more
	line, _, _ := bytes.Cut(bytes.TrimSpace(body), []byte("\n"))
	if len(line) == 0 {
		return fmt.Errorf("answered %s, not %d", resp.Status, want)
	}
	return fmt.Errorf("answered %s, not %d: %s", resp.Status, want, line)
}

func (q *question) run(ctx context.Context) error {
	s := script.New().Call(q.gate.Command[0], q.gate.Command[1:]...)
	out, err := q.conn.Exec(ctx, Command{Script: s.Render(false, false)})
	if err != nil {
		return err
	}
	if out.Code == 0 {
		return nil
	}
	said := strings.TrimSpace(string(out.Stderr))
	if said == "" {
		said = strings.TrimSpace(string(out.Stdout))
	}
	line, _, _ := strings.Cut(said, "\n")
	return fmt.Errorf("ended with exit code %d: %s", out.Code, line)
}
