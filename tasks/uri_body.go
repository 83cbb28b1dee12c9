package tasks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"mime/multipart"
	"net"
	"net/textproto"
	"net/url"
	"path"

	"github.com/etcdplay/etcdplay/internal/value"
)

// payload is what is sent, and its type; nil for nothing.
func (m *URI) payload(ctx context.Context, t *Target) ([]byte, string, error) {
	if m.Src == "" {
		return m.body(t.Files)
	}
	if m.RemoteSrc {
		b, err := readHost(ctx, t.Conn, m.Src)
		return b, "", err
	}
	name, err := t.Files.Find("files", m.Src)
	if err != nil {
		return nil, "", err
	}
	b, err := t.Files.Read(name)
	return b, "", err
}

// body writes the argument body in its format. Without files nothing is read
// from the controller.
func (m *URI) body(files Files) ([]byte, string, error) {
	if m.Body == nil {
		return nil, "", nil
	}
	text, isText := m.Body.(string)
	switch m.BodyFormat {
	case "json":
		if isText {
			return []byte(text), "application/json", nil
		}
		return []byte(value.JSON(m.Body, value.JSONStyle{})), "application/json", nil
	case "form-urlencoded":
		if isText {
			return []byte(text), "application/x-www-form-urlencoded", nil
		}
		form, err := formValues(m.Body)
		return []byte(form), "application/x-www-form-urlencoded", err
	case "form-multipart":
		return m.multipart(files)
	}
	switch m.Body.(type) {
	case *value.Dict, []any:
		return nil, "", &ArgError{Arg: "body", Msg: "body: must be a text with body_format: raw, not " + describe(m.Body), Hint: "did you mean body_format: json?"}
	}
	return []byte(value.Str(m.Body)), "", nil
}

// formValues writes a dict, whose values may be lists, or a list of pairs.
func formValues(v any) (string, error) {
	var out []byte
	add := func(key, val any) {
		vals, ok := val.([]any)
		if !ok {
			vals = []any{val}
		}
		for _, one := range vals {
			if len(out) > 0 {
				out = append(out, '&')
			}
			out = append(out, url.QueryEscape(value.Str(key))+"="+url.QueryEscape(value.Str(one))...)
		}
	}
	switch v := v.(type) {
	case *value.Dict:
		for k, e := range v.All() {
			add(k, e)
		}
		return string(out), nil
	case []any:
		for _, e := range v {
			pair, ok := e.([]any)
			if !ok || len(pair) != 2 {
				return "", &ArgError{Arg: "body", Msg: "body: a list for form-urlencoded must hold pairs"}
			}
			add(pair[0], pair[1])
		}
		return string(out), nil
	}
	return "", &ArgError{Arg: "body", Msg: "body: form-urlencoded wants a dict, not " + describe(v)}
}

// multipart writes a dict of texts, and of files: {filename, content, mime_type},
// which without content are the controller's.
func (m *URI) multipart(files Files) ([]byte, string, error) {
	fields, ok := m.Body.(*value.Dict)
	if !ok {
		return nil, "", &ArgError{Arg: "body", Msg: "body: form-multipart wants a dict, not " + describe(m.Body)}
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, v := range fields.All() {
		name := value.Str(k)
		part, ok := v.(*value.Dict)
		if !ok {
			if err := w.WriteField(name, value.Str(v)); err != nil {
				return nil, "", err
			}
			continue
		}
		content, err := partContent(files, part)
		if err != nil {
			return nil, "", err
		}
		kind, _ := part.Get("mime_type")
		h := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name=%q`, name)
		if file, ok := part.Get("filename"); ok {
			disposition += fmt.Sprintf(`; filename=%q`, path.Base(value.Str(file)))
		}
		h.Set("Content-Disposition", disposition)
		h.Set("Content-Type", or(textOf(kind), "application/octet-stream"))
		pw, err := w.CreatePart(h)
		if err != nil {
			return nil, "", err
		}
		if _, err := pw.Write(content); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return b.Bytes(), w.FormDataContentType(), nil
}

func textOf(v any) string {
	if v == nil {
		return ""
	}
	return value.Str(v)
}

func partContent(files Files, part *value.Dict) ([]byte, error) {
	if content, ok := part.Get("content"); ok && content != nil {
		return []byte(value.Str(content)), nil
	}
	file, ok := part.Get("filename")
	if !ok {
		return nil, &ArgError{Arg: "body", Msg: "body: a part of form-multipart wants content or filename"}
	}
	if files == nil {
		return nil, nil
	}
	name, err := files.Find("files", value.Str(file))
	if err != nil {
		return nil, err
	}
	return files.Read(name)
}

// tlsConfig reads the certificates, which lie on the host.
func (m *URI) tlsConfig(ctx context.Context, conn Conn) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !m.ValidateCerts}
	if m.CAPath != "" {
		pem, err := readHost(ctx, conn, m.CAPath)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, Failf("ca_path: %s holds no certificate in PEM", m.CAPath)
		}
	}
	if m.ClientCert != "" {
		cert, err := readHost(ctx, conn, m.ClientCert)
		if err != nil {
			return nil, err
		}
		key := cert
		if m.ClientKey != "" {
			if key, err = readHost(ctx, conn, m.ClientKey); err != nil {
				return nil, err
			}
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, Failf("client_cert %s: %w", m.ClientCert, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// readHost reads a small file of the host's.
func readHost(ctx context.Context, conn Conn, name string) ([]byte, error) {
	var b bytes.Buffer
	err := conn.Get(ctx, name, &limited{&b, 64 << 20})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Failf("there is no file %s on the host", name)
	}
	return b.Bytes(), err
}

// hostRoots are the controller's authorities and those that the host trusts,
// or nil if it has no list of them.
func hostRoots(ctx context.Context, t *Target) *x509.CertPool {
	for _, name := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"} {
		pem, err := readHost(ctx, t.Conn, name)
		if err != nil {
			continue
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM(pem)
		return pool
	}
	return nil
}

func unixDialer(conn Conn, path string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return conn.DialContext(ctx, "unix", path) }
}
