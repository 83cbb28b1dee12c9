package ssh

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// config is the user's ssh_config: the files in order of precedence.
type config struct{ files []*ssh_config.Config }

// loadConfig reads the file, or the user's and the system's.
func loadConfig(file string) (*config, error) {
	c := &config{}
	var files []string
	switch file {
	case "none":
	case "":
		if home, err := os.UserHomeDir(); err == nil {
			files = append(files, filepath.Join(home, ".ssh", "config"))
		}
		files = append(files, "/etc/ssh/ssh_config")
	default:
		files = []string{expandHome(file)}
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) && file == "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := refuseMatchExec(f, string(text)); err != nil {
			return nil, err
		}
		parsed, err := ssh_config.DecodeBytes(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		c.files = append(c.files, parsed)
	}
	return c, nil
}

// refuseMatchExec refuses what the library would take for true.
func refuseMatchExec(file, text string) error {
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.Fields(strings.ToLower(strings.ReplaceAll(line, "=", " ")))
		if len(f) > 1 && f[0] == "match" {
			for _, w := range f[1:] {
				if strings.TrimPrefix(w, "!") == "exec" {
					return fmt.Errorf("%s:%d: `Match exec` is not supported: give another file with ansible_ssh_common_args: -F FILE", file, n)
				}
			}
		}
	}
	return nil
}

// get gives the values of an option for a host, in order of precedence.
func (c *config) get(host, option string) ([]string, error) {
	var all []string
	for _, f := range c.files {
		v, err := f.GetAll(host, option)
		if err != nil {
			return nil, err
		}
		all = append(all, v...)
	}
	return all, nil
}

// expandHome expands a leading ~/.
func expandHome(file string) string {
	if rest, ok := strings.CutPrefix(file, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return file
}
