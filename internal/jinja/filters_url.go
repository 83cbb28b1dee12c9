package jinja

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// urlFilters take apart and encode addresses of the web.
func urlFilters() map[string]function {
	return map[string]function{
		"urlencode": {fn: filterURLEncode},
		"urldecode": {fn: func(c *call) (any, error) {
			s, err := url.QueryUnescape(lenientPercent(c.input()))
			if err != nil {
				return nil, err
			}
			return c.str(s)
		}},
		"urlsplit": {sig: "query", fn: filterURLSplit},
	}
}

// lenientPercent makes a % that begins no escape stand for itself.
func lenientPercent(s string) string {
	var b strings.Builder
	hex := func(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		if s[i] == '%' && !(i+2 < len(s) && hex(s[i+1]) && hex(s[i+2])) {
			b.WriteString("25")
		}
	}
	return b.String()
}

// quoteURL escapes all but letters, digits, _.-~ and the characters in keep.
func quoteURL(s, keep string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("_.-~", c) >= 0 || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func filterURLEncode(c *call) (any, error) {
	pair := func(k, v any) (string, error) {
		ks, err := c.st.str(k)
		if err != nil {
			return "", err
		}
		vs, err := c.st.str(v)
		q := func(s string) string { return strings.ReplaceAll(quoteURL(s, " "), " ", "+") }
		return q(ks) + "=" + q(vs), err
	}
	var parts []string
	if d, ok, err := c.st.mapping(c.in); err != nil {
		return nil, err
	} else if ok {
		for k, v := range d.All() {
			p, err := pair(k, v)
			if err != nil {
				return nil, err
			}
			parts = append(parts, p)
		}
		return c.join(parts, "&")
	}
	l, ok := sequence(c.in)
	if !ok {
		return c.str(quoteURL(c.input(), "/"))
	}
	for _, e := range l {
		kv, ok := sequence(e)
		if !ok || len(kv) != 2 {
			return nil, fmt.Errorf("urlencode needs pairs of key and value, not %s %s", article(e), brief(e))
		}
		p, err := pair(kv[0], kv[1])
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return c.join(parts, "&")
}

func filterURLSplit(c *call) (any, error) {
	s := strings.TrimLeftFunc(c.textInput(), func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	d := value.NewDict("fragment", "", "hostname", nil, "netloc", "", "password", nil, "path", "", "port", nil,
		"query", "", "scheme", "", "username", nil)
	s, frag, _ := strings.Cut(s, "#")
	d.Set("fragment", frag)
	if scheme, rest, ok := strings.Cut(s, ":"); ok && isScheme(scheme) {
		d.Set("scheme", strings.ToLower(scheme))
		s = rest
	}
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		end := strings.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		if err := splitNetloc(d, rest[:end]); err != nil {
			return nil, err
		}
		s = rest[end:]
	}
	p, query, _ := strings.Cut(s, "?")
	d.Set("query", query)
	d.Set("path", p)
	c.st.built = true
	if !c.given(0) {
		return d, nil
	}
	key := c.word(0, "")
	if key == "" {
		return d, nil
	}
	v, ok := d.Get(key)
	if !ok {
		return nil, &hinted{fmt.Sprintf("urlsplit has no part %s", brief(key)), "it has: " + strings.Join(stringKeys(d.Keys()), ", ")}
	}
	return v, nil
}

func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || !(c >= '0' && c <= '9') && strings.IndexByte("+-.", c) < 0) {
			return false
		}
	}
	return s != ""
}

// splitNetloc takes user:password@host:port apart.
func splitNetloc(d *value.Dict, netloc string) error {
	d.Set("netloc", netloc)
	host := netloc
	if i := strings.LastIndexByte(netloc, '@'); i >= 0 {
		name, pass, has := strings.Cut(netloc[:i], ":")
		d.Set("username", name)
		if has {
			d.Set("password", pass)
		}
		host = netloc[i+1:]
	}
	port := ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return fmt.Errorf("the [ in %s is never closed", brief(netloc))
		}
		port = strings.TrimPrefix(host[end+1:], ":")
		host = host[1:end]
	} else {
		host, port, _ = strings.Cut(host, ":")
	}
	if host != "" {
		d.Set("hostname", strings.ToLower(host))
	}
	if port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 0 || n > 65535 {
			return fmt.Errorf("%s is no port", brief(port))
		}
		d.Set("port", n)
	}
	return nil
}
