package tasks

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A bringer downloads on the controller what a host can't, into the cache that
// all hosts and runs share.
type bringer struct {
	fetch      *Fetch
	t          *Target
	name, arch string
}

// fill puts the host's architecture in.
func (b *bringer) fill(s string) string { return strings.ReplaceAll(s, "{arch}", b.arch) }

// reasons collects why each mirror was of no use.
type reasons []string

func (r *reasons) add(url string, err error) {
	var wrapped interface{ Unwrap() error }
	if errors.As(err, &wrapped) && strings.Contains(err.Error(), url) {
		if inner := wrapped.Unwrap(); inner != nil {
			err = inner
		}
	}
	*r = append(*r, url+": "+err.Error())
}

func (r reasons) failure(format string, args ...any) error {
	return Failf(format, args...).WithHint("%s", strings.Join(r, "\n"))
}

// sum finds the published checksum.
func (b *bringer) sum(ctx context.Context) (string, error) {
	spec, err := b.fetch.checksum()
	if err != nil || spec == "" || hexSum.MatchString(spec) {
		return spec, err
	}
	spec = b.fill(spec)
	var why reasons
	for _, mirror := range b.fetch.URL {
		at := spec
		if !strings.Contains(spec, "://") {
			base, _, _ := strings.Cut(b.fill(mirror), "?")
			at = base[:strings.LastIndexByte(base, '/')+1] + spec
		}
		b.t.Status("the controller reads " + at)
		sum, err := b.published(ctx, at)
		if err == nil {
			return sum, nil
		}
		if err := context.Cause(ctx); err != nil {
			return "", err
		}
		why.add(at, err)
	}
	return "", why.failure("no mirror tells the checksum of %s to the controller", b.name)
}

func (b *bringer) published(ctx context.Context, at string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	body, _, err := open(ctx, at, nil)
	if err != nil {
		return "", err
	}
	defer body.Close()
	return publishedSum(io.LimitReader(body, 4<<20), b.name)
}

// publishedSum reads a file of checksums: lines "HEX  name" or "HEX *name", as
// sha256sum writes them, "SHA256 (name) = HEX" as BSD does, or HEX alone.
func publishedSum(r io.Reader, name string) (string, error) {
	lines := bufio.NewScanner(r)
	for first := true; lines.Scan(); first = false {
		f := strings.Fields(lines.Text())
		sum := ""
		switch {
		case len(f) == 4 && f[0] == "SHA256" && f[1] == "("+name+")":
			sum = f[3]
		case len(f) == 2 && path.Base(strings.TrimPrefix(f[1], "*")) == name, len(f) == 1 && first:
			sum = f[0]
		}
		if hexSum.MatchString(sum) {
			return strings.ToLower(sum), nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	return "", fmt.Errorf("it does not name %s", name)
}

// bring downloads the file, unless the cache has it, and puts it at a path on
// the host. It returns its SHA-256.
func (b *bringer) bring(ctx context.Context, sum, to, freeKiB string) (string, error) {
	var err error
	if sum == "" {
		if sum, err = b.sum(ctx); err != nil {
			return "", err
		}
	}
	cache, err := b.t.Files.Cache()
	if err != nil {
		return "", Failf("no cache for downloads on the controller: %w", err)
	}
	local := filepath.Join(cache, b.key(sum)+"-"+b.name)
	unlock, err := lockFile(ctx, local+".lock")
	if err != nil {
		return "", Failf("the download cache: %w", err)
	}
	err = b.download(ctx, local, sum)
	unlock()
	if err != nil {
		return "", err
	}
	got, size, err := sumFile(local)
	if err != nil {
		return "", Failf("the download cache: %w", err)
	}
	if free, err := strconv.ParseInt(freeKiB, 10, 64); err == nil && size/1024 >= free {
		return "", Failf("no room for %s on the host: it has %s MB, and %s has %s MB free", b.name, megabytes(size), path.Dir(to), megabytes(free<<10)).
			WithHint("make room, or choose another place")
	}
	f, err := os.Open(local)
	if err != nil {
		return "", Failf("the download cache: %w", err)
	}
	defer f.Close()
	b.t.Status(fmt.Sprintf("sending %s, %s MB", b.name, megabytes(size)))
	if err := b.t.Conn.Put(ctx, f, to, 0o600); err != nil {
		return "", err
	}
	return got, nil
}

// key tells downloads apart: by their contents where those are known.
func (b *bringer) key(sum string) string {
	if sum == "" {
		h := sha256.Sum256([]byte(b.fill(strings.Join(b.fetch.URL, "\n"))))
		return "unchecked-" + hex.EncodeToString(h[:8])
	}
	return sum[:16]
}

// download brings the cached file up to date. Without a checksum that is what
// the server says of its time.
func (b *bringer) download(ctx context.Context, local, sum string) error {
	if got, _, err := sumFile(local); err == nil && got == sum {
		return nil
	}
	var why reasons
	for _, mirror := range b.fetch.URL {
		from := b.fill(mirror)
		err := b.from(ctx, from, local, sum)
		if err == nil {
			return nil
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		why.add(from, err)
	}
	return why.failure("no mirror could be used for %s from the controller", b.name)
}

// from downloads from one mirror; what is there already of a file whose
// checksum is known is gone on with.
func (b *bringer) from(ctx context.Context, from, local, sum string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, b.fetch.Timeout, fmt.Errorf("not done within %s", b.fetch.Timeout))
	defer cancel()
	part := local + ".part"
	for {
		resumed, err := b.grow(ctx, from, local, part, sum != "")
		switch {
		case errors.Is(err, errNotModified):
			return nil
		case err != nil:
			return errors.Join(err, dropEmpty(part))
		}
		got, _, err := sumFile(part)
		if err != nil {
			return err
		}
		if sum == "" || got == sum {
			return os.Rename(part, local)
		}
		if err := os.Remove(part); err != nil {
			return err
		}
		if !resumed {
			return fmt.Errorf("wrong checksum: expected %s, got %s", sum, got)
		}
	}
}

var errNotModified = errors.New("not modified")

// grow downloads what lacks of part. resumed: a part of it was there before.
func (b *bringer) grow(ctx context.Context, from, local, part string, mayResume bool) (resumed bool, err error) {
	header := http.Header{}
	flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	var have int64
	if info, err := os.Stat(part); err == nil && mayResume && info.Size() > 0 {
		have = info.Size()
		header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	if info, err := os.Stat(local); err == nil && !mayResume {
		header.Set("If-Modified-Since", info.ModTime().UTC().Format(http.TimeFormat))
	}
	body, resp, err := open(ctx, from, header)
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusRequestedRangeNotSatisfiable {
		have = 0
		body, resp, err = open(ctx, from, nil)
	}
	if err != nil {
		return false, err
	}
	defer body.Close()
	total := int64(-1)
	if resp != nil {
		total = resp.ContentLength
		if resumed = resp.StatusCode == http.StatusPartialContent && have > 0; resumed {
			flags = os.O_WRONLY | os.O_APPEND
			total += have
		} else {
			have = 0
		}
	}
	f, err := os.OpenFile(part, flags, 0o600)
	if err != nil {
		return resumed, err
	}
	_, err = io.Copy(f, &metered{r: body, done: have, total: total, host: host(from), say: b.t.Status})
	if err == nil && resp != nil {
		if at, terr := http.ParseTime(resp.Header.Get("Last-Modified")); terr == nil {
			err = os.Chtimes(part, at, at)
		}
	}
	if err = errors.Join(err, f.Close()); err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	return resumed, err
}

func dropEmpty(part string) error {
	info, err := os.Stat(part)
	if err != nil || info.Size() > 0 {
		return nil
	}
	return os.Remove(part)
}

// A statusError is an answer other than the file.
type statusError struct {
	code   int
	status string
}

func (e *statusError) Error() string { return "answered " + e.status }

// open asks for a URL. The response is nil for file URLs.
func open(ctx context.Context, from string, header http.Header) (io.ReadCloser, *http.Response, error) {
	u, err := url.Parse(from)
	if err != nil {
		return nil, nil, err
	}
	if u.Scheme == "file" {
		f, err := os.Open(u.Path)
		return f, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, nil, err
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Accept-Encoding", "identity")
	client := &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		DisableKeepAlives:     true,
	}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		return resp.Body, resp, nil
	case http.StatusNotModified:
		return nil, nil, errors.Join(errNotModified, resp.Body.Close())
	}
	return nil, nil, errors.Join(&statusError{resp.StatusCode, resp.Status}, resp.Body.Close())
}

// metered tells how far a download is.
type metered struct {
	r           io.Reader
	done, total int64
	host        string
	say         func(string)
	said        time.Time
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.done += int64(n)
	if time.Since(m.said) > 500*time.Millisecond {
		m.said = time.Now()
		of := ""
		if m.total > 0 {
			of = " of " + megabytes(m.total)
		}
		m.say(fmt.Sprintf("the controller has %s%s MB from %s", megabytes(m.done), of, m.host))
	}
	return n, err
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }

func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Host
}

// sumFile is the SHA-256 of a file, and its size.
func sumFile(name string) (sum string, size int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
