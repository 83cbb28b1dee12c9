package jinja

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/value"
)

// command runs a shell command on the machine that runs the template and
// returns what it printed.
func (c *call) command(line string) (string, error) {
	ctx, cancel := context.WithTimeout(c.st.ctx, c.st.limits.Command)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // children too
	cmd.WaitDelay = time.Second                                                          // for children that left the group
	if len(c.st.env.Dirs) > 0 {
		cmd.Dir = c.st.env.Dirs[0]
	}
	var out, stderr bounded
	out.limit, stderr.limit, stderr.drop = c.st.limits.Output, 4096, true
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	switch {
	case c.st.ctx.Err() != nil:
		return "", context.Cause(c.st.ctx)
	case ctx.Err() != nil:
		return "", fmt.Errorf("the command %s did not end within %s", brief(line), c.st.limits.Command)
	case out.over:
		return "", &limitError{fmt.Sprintf("the command %s printed more than %d MiB", brief(line), out.limit>>20)}
	case err != nil && !errors.Is(err, errOver):
		msg := fmt.Sprintf("the command %s failed: %v", brief(line), err)
		if s := strings.TrimSpace(stderr.buf.String()); s != "" {
			msg += ": " + s
		}
		return "", fmt.Errorf("%s", msg)
	case !utf8.Valid(out.buf.Bytes()):
		return "", fmt.Errorf("the command %s printed what is not UTF-8 text", brief(line))
	}
	return out.buf.String(), c.st.charge(out.buf.Len())
}

// bounded keeps the first bytes of what is written to it and refuses the
// rest, so that whoever writes on ends. (It does not embed the Buffer, whose
// ReadFrom would go around the bound.)
type bounded struct {
	buf   bytes.Buffer
	limit int
	over  bool
	drop  bool // the rest is only dropped
}

var errOver = errors.New("too much output")

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.limit - b.buf.Len(); len(p) > room {
		b.over = true
		b.buf.Write(p[:max(room, 0)])
		if b.drop {
			return len(p), nil
		}
		return 0, errOver
	}
	return b.buf.Write(p)
}

func lookupPipe(c *call) (any, error) {
	return c.collect(func(word string) (any, error) {
		s, err := c.command(word)
		return strings.TrimRightFunc(s, unicode.IsSpace), err
	})
}

func lookupLines(c *call) (any, error) {
	var out []string
	for _, word := range c.words() {
		s, err := c.command(word)
		if err != nil {
			return nil, err
		}
		out = append(out, splitLines(s, false)...)
	}
	return c.strings(out)
}

func lookupURL(c *call) (any, error) {
	timeout := time.Duration(c.float(5, 10) * float64(time.Second))
	if timeout <= 0 || timeout > c.st.limits.Command {
		timeout = c.st.limits.Command
	}
	client := &http.Client{Timeout: timeout}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if !c.bool(6, true) {
		transport.Proxy = nil
	}
	if !c.bool(1, true) {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // asked for by validate_certs=false
	}
	client.Transport = transport
	defer transport.CloseIdleConnections()
	headers := &value.Dict{}
	if c.given(4) {
		d, ok, err := c.st.mapping(c.args[4])
		if err != nil {
			return nil, err
		}
		if !ok {
			c.bad(4, "a dictionary")
		}
		headers = d
	}
	lines := c.bool(0, true)
	var out []string
	for _, word := range c.words() {
		body, err := c.fetch(client, word, headers)
		if err != nil {
			return nil, err
		}
		if lines {
			out = append(out, splitLines(body, false)...)
		} else {
			out = append(out, body)
		}
	}
	return c.strings(out)
}

func (c *call) fetch(client *http.Client, url string, headers *value.Dict) (string, error) {
	req, err := http.NewRequestWithContext(c.st.ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	for k, v := range headers.All() {
		req.Header.Set(value.Str(k), value.Str(v))
	}
	if c.given(2) {
		req.SetBasicAuth(c.text(2, ""), c.text(3, ""))
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return "", fmt.Errorf("%s answers %s", url, resp.Status)
	}
	limit := c.st.limits.Output
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	switch {
	case err != nil:
		return "", err
	case len(body) > limit:
		return "", &limitError{fmt.Sprintf("%s sends more than %d MiB", url, limit>>20)}
	case !utf8.Valid(body):
		return "", fmt.Errorf("%s sends what is not UTF-8 text", url)
	}
	return string(body), c.st.charge(len(body))
}
