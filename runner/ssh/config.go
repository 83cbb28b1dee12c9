package ssh

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// systemConfig is every user's ssh_config; its place is the same everywhere.
const systemConfig = "/etc/ssh/ssh_config"

// config is the user's ssh_config: the files in order of precedence.
type config struct {
	files []*ssh_config.Config
	// skipped says why the system's file is passed over, or "". Distributions
	// write what the library can't read there (Match final), and what it
	// usually holds, ciphers and the terminal's locale, matters little here.
	skipped string
}

// loadConfig reads the file, or the user's and the system's.
func loadConfig(file string) (*config, error) {
	c := &config{}
	switch file {
	case "none":
		return c, nil
	case "":
		if home, err := os.UserHomeDir(); err == nil {
			if err := c.read(filepath.Join(home, ".ssh", "config")); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
		if err := c.read(systemConfig); err != nil && !errors.Is(err, os.ErrNotExist) {
			c.skipped = err.Error()
		}
		return c, nil
	}
	return c, c.read(expandHome(file))
}

func (c *config) read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := checkMatch(file, string(text), 0); err != nil {
		return err
	}
	parsed, err := ssh_config.DecodeBytes(text)
	if err != nil {
		return placed(file, err)
	}
	c.files = append(c.files, parsed)
	return nil
}

// checkMatch refuses, also in files that are included, each Match that is not
// `Match all` or `Match host PATTERNS`: of several criteria the library takes all
// but the first for patterns, so that `Match host a exec "test"` would hold for a
// whatever the test says.
func checkMatch(file, text string, depth int) error {
	n := 0
	for line := range strings.Lines(text) {
		n++
		words, err := splitWords(strings.Replace(line, "=", " ", 1))
		if err != nil || len(words) < 2 {
			continue // the library says what is wrong
		}
		switch strings.ToLower(words[0]) {
		case "match":
			if kind := strings.ToLower(words[1]); kind == "all" && len(words) == 2 || kind == "host" && len(words) == 3 {
				continue
			}
			return fmt.Errorf("%s:%d: `%s`: "+onlyMatch, file, n, strings.TrimSpace(line))
		case "include":
			for _, pattern := range words[1:] {
				if pattern = expandHome(pattern); !filepath.IsAbs(pattern) {
					pattern = expandHome("~/.ssh/" + pattern)
				}
				found, _ := filepath.Glob(pattern) // the library says what is wrong
				for _, f := range found {
					included, err := os.ReadFile(f)
					if err != nil || depth > 5 {
						continue
					}
					if err := checkMatch(f, string(included), depth+1); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// onlyMatch says what to do about a Match.
const onlyMatch = "only `Match all` and `Match host` are understood; --ssh-config names another file, or none"

// placed writes the library's "(LINE, COLUMN): reason" as FILE:LINE:COLUMN.
func placed(file string, err error) error {
	var line, column int
	reason := err.Error()
	if _, e := fmt.Sscanf(reason, "(%d, %d):", &line, &column); e != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	_, reason, _ = strings.Cut(reason, "): ")
	return fmt.Errorf("%s:%d:%d: %s",
		file, line, column, strings.ReplaceAll(reason, "ssh_config: ", ""))
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
