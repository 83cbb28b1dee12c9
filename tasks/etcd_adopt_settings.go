package tasks

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// etcdSettings are an etcd member's flags by name, wherever they were set.
type etcdSettings map[string]string

// readEtcdSettings puts together what etcd itself would: a configuration file
// alone, or flags before environment variables. known are the flags that this etcd
// has; without any, variables are not believed. Odd are those that it has not.
func readEtcdSettings(args, env []string, config []byte, known []string) (s etcdSettings, odd []string, err error) {
	if config != nil {
		return readEtcdConfig(config)
	}
	s = etcdSettings{}
	for _, line := range env {
		name, v, _ := strings.Cut(line, "=")
		flag := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "ETCD_")), "_", "-")
		switch {
		case v == "": // etcd takes it for not set
		case slices.Contains(known, flag):
			s[flag] = truth(v)
		default:
			odd = append(odd, "the variable "+name) // its value may be a secret
		}
	}
	for _, w := range joinFlags(args)[1:] {
		name, v, given := strings.Cut(strings.TrimPrefix(w, "--"), "=")
		switch {
		case !strings.HasPrefix(w, "--"):
			odd = append(odd, "the argument "+w)
		case !given:
			s[name] = "true"
		default:
			s[name] = truth(v)
		}
	}
	return s, odd, nil
}

// truth is a value with true and false as we write them.
func truth(v string) string {
	if low := strings.ToLower(v); low == "true" || low == "false" {
		return low
	}
	return v
}

// etcdConfigFile is the configuration file that a member was started with, or "".
func etcdConfigFile(args, env []string) string {
	for _, line := range env {
		if file, ok := strings.CutPrefix(line, "ETCD_CONFIG_FILE="); ok && flagIn(args, "config-file") == "" {
			return file
		}
	}
	return flagIn(args, "config-file")
}

// readEtcdConfig reads a configuration file. Its keys are the flags' names, but for
// those of TLS.
func readEtcdConfig(text []byte) (s etcdSettings, odd []string, err error) {
	node, err := value.ParseYAML("the configuration file", text)
	if err != nil {
		return nil, nil, err
	}
	s = etcdSettings{}
	if node == nil {
		return s, nil, nil
	}
	v, err := value.FromYAML(node, value.YAMLOptions{})
	if err != nil {
		return nil, nil, err
	}
	settings, ok := v.(*value.Dict)
	if !ok {
		return nil, nil, fmt.Errorf("the configuration file holds no settings, but %s", describe(v))
	}
	for key, v := range settings.All() {
		name := value.Str(key)
		section, nested := v.(*value.Dict)
		prefix, tls := map[string]string{"client-transport-security": "", "peer-transport-security": "peer-"}[name]
		switch {
		case nested && tls:
			for k, v := range section.All() {
				s.set(prefix+value.Str(k), v)
			}
		case nested:
			odd = append(odd, "the setting "+name)
		default:
			s.set(name, v)
		}
	}
	return s, odd, nil
}

// set notes a value of a configuration file as a flag has it.
func (s etcdSettings) set(name string, v any) {
	word, err := flagWord(name, v)
	if _, text, given := strings.Cut(word, "="); err == nil && given && text != "" {
		s[name] = text
	} else if err == nil && word != "" && !given {
		s[name] = "true"
	}
}

// take returns a setting and forgets it; without one, the default.
func (s etcdSettings) take(name, otherwise string) string {
	v, ok := s[name]
	delete(s, name)
	if !ok || v == "" {
		return otherwise
	}
	return v
}

// An etcdURL is one of a list of URLs.
type etcdURL struct{ scheme, host, port string }

func (u etcdURL) wild() bool { ip := net.ParseIP(u.host); return ip != nil && ip.IsUnspecified() }

func (u etcdURL) address() bool { return net.ParseIP(u.host) != nil }

func (u etcdURL) loopback() bool {
	ip := net.ParseIP(u.host)
	return u.host == "localhost" || ip != nil && ip.IsLoopback()
}

// String is the URL.
func (u etcdURL) String() string { return u.scheme + "://" + net.JoinHostPort(u.host, u.port) }

// etcdURLs reads a list of URLs; what is none is left out.
func etcdURLs(list string) (all []etcdURL) {
	for text := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err == nil && u.Hostname() != "" {
			all = append(all, etcdURL{u.Scheme, u.Hostname(), u.Port()})
		}
	}
	return all
}

// absoluteFrom is a path as a process in dir means it.
func absoluteFrom(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}
