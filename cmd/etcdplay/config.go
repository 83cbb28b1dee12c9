package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
)

// A config is what the environment and ansible.cfg say; flags win over it,
// the environment over the file.
type config struct {
	file   string
	values map[string]string // "section.key"
}

// loadConfig reads the first ansible.cfg that there is, where Ansible looks.
func loadConfig() (*config, error) {
	c := &config{values: map[string]string{}}
	for _, name := range configFiles() {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		c.file = name
		return c, c.parse(string(text))
	}
	return c, nil
}

func configFiles() []string {
	if f := os.Getenv("ANSIBLE_CONFIG"); f != "" {
		return []string{f}
	}
	var names []string
	// As Ansible, take none from a folder that everybody may write to.
	if info, err := os.Stat("."); err == nil && info.Mode()&0o002 == 0 {
		names = append(names, "ansible.cfg")
	}
	if home, err := os.UserHomeDir(); err == nil {
		names = append(names, filepath.Join(home, ".ansible.cfg"))
	}
	return append(names, "/etc/ansible/ansible.cfg")
}

func (c *config) parse(text string) error {
	section := ""
	scan := bufio.NewScanner(strings.NewReader(text))
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			section = strings.ToLower(strings.Trim(line, "[]"))
		default:
			key, val, ok := strings.Cut(line, "=")
			if !ok {
				return source.Errorf(source.Pos{File: c.file, Line: n, Col: 1}, "this is neither [section] nor key = value")
			}
			if i := strings.Index(val, " ;"); i >= 0 {
				val = val[:i]
			}
			c.values[section+"."+strings.TrimSpace(key)] = strings.TrimSpace(val)
		}
	}
	return scan.Err()
}

// get is a setting: of the first environment variable that is set, else of the file.
func (c *config) get(key string, env ...string) string {
	for _, e := range env {
		if v := os.Getenv(e); v != "" {
			return v
		}
	}
	return c.values[key]
}

// path is a setting that names a file, relative to the config file.
func (c *config) path(key string, env ...string) string {
	for _, e := range env {
		if v := os.Getenv(e); v != "" {
			return expandHome(v)
		}
	}
	v := expandHome(c.values[key])
	if v == "" || filepath.IsAbs(v) || strings.Contains(v, ",") {
		return v
	}
	return filepath.Join(filepath.Dir(c.file), v)
}

func expandHome(name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return name
}

func (c *config) number(key string, env ...string) (int, error) {
	v := c.get(key, env...)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, fmt.Errorf("%s: %s = %q is no number", c.file, key, v)
	}
	return n, nil
}

func (c *config) yes(key string, def bool, env ...string) bool {
	switch strings.ToLower(c.get(key, env...)) {
	case "yes", "true", "1", "on", "y", "t":
		return true
	case "no", "false", "0", "off", "n", "f":
		return false
	}
	return def
}

func (c *config) forks(flag int) int {
	if flag > 0 {
		return flag
	}
	n, err := c.number("defaults.forks", "ETCDPLAY_FORKS", "ANSIBLE_FORKS")
	if err != nil {
		return 0
	}
	return n
}

func (c *config) rolesPath() []string {
	var out []string
	if env := os.Getenv("ANSIBLE_ROLES_PATH"); env != "" {
		for _, p := range filepath.SplitList(env) {
			out = append(out, expandHome(p))
		}
		return out
	}
	for _, p := range filepath.SplitList(c.values["defaults.roles_path"]) {
		p = expandHome(p)
		if !filepath.IsAbs(p) {
			p = filepath.Join(filepath.Dir(c.file), p)
		}
		out = append(out, p)
	}
	return out
}
