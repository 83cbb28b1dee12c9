package ssh

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"github.com/skeema/knownhosts"
	xssh "golang.org/x/crypto/ssh"
)

// trusted is what known_hosts files hold.
type trusted struct {
	*knownhosts.HostKeyDB
	names map[string]string // of a file read in another's place: the real one
}

// place is FILE:LINE of a line.
func (t trusted) place(file string, line int) string {
	return t.name(file) + ":" + strconv.Itoa(line)
}

func (t trusted) name(file string) string {
	if real := t.names[file]; real != "" {
		return real
	}
	return file
}

// readTrusted reads known_hosts files; those that do not exist are passed
// over. The library refuses a whole file for one line that it can't read, a key
// of a kind that it does not know for instance; ssh(1) passes over such lines.
// They are left out of a copy that is read in the file's place.
func readTrusted(files []string) (trusted, error) {
	t := trusted{names: map[string]string{}}
	var names []string
	var dir string
	defer func() {
		if dir != "" {
			os.RemoveAll(dir)
		}
	}()
	for i, f := range files {
		text, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return t, err
		}
		readable, all := onlyReadable(text)
		if !all {
			if dir == "" {
				if dir, err = os.MkdirTemp("", "etcdplay-known-"); err != nil {
					return t, err
				}
			}
			copied := filepath.Join(dir, strconv.Itoa(i))
			if err := os.WriteFile(copied, readable, 0o600); err != nil {
				return t, err
			}
			t.names[copied] = f
			f = copied
		}
		names = append(names, f)
	}
	var err error
	t.HostKeyDB, err = knownhosts.NewDB(names...)
	return t, err
}

// onlyReadable empties the lines that can't be read and says whether there
// were none.
func onlyReadable(text []byte) (_ []byte, all bool) {
	all = true
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, l := range lines {
		l = bytes.TrimSpace(l)
		if len(l) == 0 || l[0] == '#' {
			continue
		}
		if _, _, _, _, _, err := xssh.ParseKnownHosts(l); err != nil {
			lines[i], all = []byte("\n"), false
		}
	}
	return bytes.Join(lines, nil), all
}
