package jinja

import (
	"fmt"
	"os"
	"os/user"
	pathpkg "path"
	"path/filepath"
	"sort"
	"strings"
)

// pathFilters work on the names of files; those that look at files look at
// the machine that runs the template.
func pathFilters() map[string]function {
	plain := func(f func(string) string) function {
		return function{fn: func(c *call) (any, error) { return c.str(f(c.textInput())) }}
	}
	return map[string]function{
		"basename":     plain(baseName),
		"dirname":      plain(dirName),
		"expanduser":   plain(expandUser),
		"expandvars":   plain(expandVars),
		"realpath":     plain(realPath),
		"normpath":     plain(normPath),
		"win_basename": plain(func(s string) string { return s[strings.LastIndexAny(s, `/\:`)+1:] }),
		"win_dirname": plain(func(s string) string {
			i := strings.LastIndexAny(s, `/\:`) + 1
			head := strings.TrimRight(s[:i], `/\`)
			if head == "" || strings.HasSuffix(head, ":") {
				return s[:i]
			}
			return head
		}),
		"path_join": {fn: func(c *call) (any, error) {
			if s, ok := c.in.(string); ok {
				return s, nil
			}
			l, ok := sequence(c.in)
			if !ok {
				return nil, c.wants("a list of names")
			}
			parts := make([]string, len(l))
			for i, e := range l {
				s, ok := e.(string)
				if !ok {
					return nil, fmt.Errorf("path_join joins names, and item %d is %s %s", i, article(e), brief(e))
				}
				parts[i] = s
			}
			if len(parts) == 0 {
				return nil, fmt.Errorf("path_join needs at least one name")
			}
			return c.str(joinPath(parts))
		}},
		"commonpath": {fn: func(c *call) (any, error) { return c.commonPath() }},
		"relpath": {sig: "start", fn: func(c *call) (any, error) {
			from, err := filepath.Abs(c.text(0, "."))
			if err != nil {
				return nil, err
			}
			to, err := filepath.Abs(c.input())
			if err != nil {
				return nil, err
			}
			return filepath.Rel(from, to)
		}},
		"splitext": {fn: func(c *call) (any, error) {
			s := c.textInput()
			c.st.built = true
			base := s[strings.LastIndexByte(s, '/')+1:]
			dot := strings.LastIndexByte(base, '.')
			if dot < 0 || strings.Trim(base[:dot], ".") == "" {
				return tuple{s, ""}, nil
			}
			cut := len(s) - len(base) + dot
			return tuple{s[:cut], s[cut:]}, nil
		}},
		"fileglob": {fn: func(c *call) (any, error) {
			found, err := filepath.Glob(c.input())
			if err != nil {
				return nil, fmt.Errorf("%s is no pattern of file names", brief(c.in))
			}
			return c.strings(onlyFiles(found))
		}},
	}
}

func baseName(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

func dirName(s string) string {
	head := s[:strings.LastIndexByte(s, '/')+1]
	if cut := strings.TrimRight(head, "/"); cut != "" {
		return cut
	}
	return head
}

func joinPath(parts []string) string {
	out := parts[0]
	for _, p := range parts[1:] {
		switch {
		case strings.HasPrefix(p, "/"):
			out = p
		case out == "" || strings.HasSuffix(out, "/"):
			out += p
		default:
			out += "/" + p
		}
	}
	return out
}

func normPath(s string) string {
	out := pathpkg.Clean(s)
	if strings.HasPrefix(s, "//") && !strings.HasPrefix(s, "///") {
		return "/" + out // POSIX leaves two slashes alone
	}
	return out
}

func expandUser(s string) string {
	if !strings.HasPrefix(s, "~") {
		return s
	}
	name, rest, slash := strings.Cut(s[1:], "/")
	home := ""
	if name == "" {
		if home = os.Getenv("HOME"); home == "" {
			if u, err := user.Current(); err == nil {
				home = u.HomeDir
			}
		}
	} else if u, err := user.Lookup(name); err == nil {
		home = u.HomeDir
	}
	if home == "" {
		return s
	}
	home = strings.TrimRight(home, "/")
	if slash {
		return home + "/" + rest
	}
	if home == "" {
		return "/"
	}
	return home
}

// expandVars replaces $NAME and ${NAME}; unknown ones stay.
func expandVars(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' {
			b.WriteByte(s[i])
			continue
		}
		rest := s[i+1:]
		name, whole := "", 0
		if strings.HasPrefix(rest, "{") {
			if end := strings.IndexByte(rest, '}'); end > 0 {
				name, whole = rest[1:end], end+1
			}
		} else {
			for whole < len(rest) && (rest[whole] == '_' || rest[whole] >= '0' && rest[whole] <= '9' || rest[whole]|0x20 >= 'a' && rest[whole]|0x20 <= 'z') {
				whole++
			}
			name = rest[:whole]
		}
		if v, ok := os.LookupEnv(name); ok && name != "" {
			b.WriteString(v)
			i += whole
			continue
		}
		b.WriteByte('$')
	}
	return b.String()
}

// realPath resolves links as far as the file exists.
func realPath(s string) string {
	abs, err := filepath.Abs(s)
	if err != nil {
		return s
	}
	rest := ""
	for dir := abs; ; dir = filepath.Dir(dir) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest)
		}
		if dir == "/" {
			return abs
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}

func onlyFiles(found []string) []string {
	var out []string
	for _, f := range found {
		if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
			out = append(out, f)
		}
	}
	sort.Strings(out)
	return out
}

func (c *call) commonPath() (any, error) {
	l := c.list()
	var common []string
	for i, e := range l {
		s, ok := e.(string)
		if !ok {
			return nil, fmt.Errorf("commonpath works on names, and item %d is %s %s", i, article(e), brief(e))
		}
		parts := strings.Split(pathpkg.Clean(s), "/")
		if i == 0 {
			common = parts
			continue
		}
		n := 0
		for n < len(parts) && n < len(common) && parts[n] == common[n] {
			n++
		}
		common = common[:n]
	}
	if len(common) == 1 && common[0] == "" {
		return "/", nil
	}
	return strings.Join(common, "/"), nil
}
