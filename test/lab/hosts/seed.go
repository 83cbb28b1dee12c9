package hosts

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A seedFile is written to a host's disk before its first boot.
type seedFile struct {
	path    string // in the host, without the leading slash
	content string
	mode    fs.FileMode
	owner   int // UID and GID
}

// seed gives a host that is off a new disk, with what makes it differ from the
// others: name, address, identity and keys.
func (l *Lab) seed(h Host) error {
	dir := l.path("hosts", h.Name)
	for _, sub := range []string{"upper", "work", "root"} {
		if err := os.RemoveAll(filepath.Join(dir, sub)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	files, err := l.seedFiles(h)
	if err != nil {
		return err
	}
	disk := disk{upper: filepath.Join(dir, "upper"), lower: h.Layers}
	for _, f := range files {
		if err := disk.write(f); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) seedFiles(h Host) ([]seedFile, error) {
	key, err := readKey(l.hostKey(h.Name))
	if err != nil {
		return nil, err
	}
	login, err := os.ReadFile(l.Key() + ".pub")
	if err != nil {
		return nil, err
	}
	files := []seedFile{
		{path: "etc/hostname", content: h.Name + "\n", mode: 0o644},
		// Debian's installer maps the host's own name to 127.0.1.1: software
		// that looks its own name up listens on loopback only.
		{path: "etc/hosts", mode: 0o644, content: "127.0.0.1\tlocalhost\n127.0.1.1\t" + h.Name + "\n\n" +
			"::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"},
	}
	keys := seedFile{path: "root/.ssh/authorized_keys", content: string(login), mode: 0o600}
	if h.Kind == Sudo {
		keys.path, keys.owner = "home/"+h.User+"/.ssh/authorized_keys", 1000
	}
	files = append(files, keys)
	if !h.Kind.systemd() {
		return append(files,
			seedFile{path: "etc/dropbear/dropbear_ed25519_host_key", content: key.dropbear(), mode: 0o600},
			seedFile{path: "etc/network.addresses", content: h.networks("%s %s\n"), mode: 0o644},
		), nil
	}
	files = append(files,
		seedFile{path: "etc/ssh/ssh_host_ed25519_key", content: key.pem, mode: 0o600},
		seedFile{path: "etc/ssh/ssh_host_ed25519_key.pub", content: key.authorized(h.Name), mode: 0o644},
		seedFile{path: "etc/machine-id", content: key.machineID() + "\n", mode: 0o444},
		seedFile{path: "etc/systemd/network/10-lab.network", content: networkFile("host0", h.Address), mode: 0o644},
	)
	if h.Inside != "" {
		files = append(files, seedFile{path: "etc/systemd/network/11-lab.network", content: networkFile("host1", h.Inside), mode: 0o644})
	}
	return files, nil
}

// networks writes a line with address and interface for each of the host's
// networks.
func (h Host) networks(format string) string {
	lines := fmt.Sprintf(format, h.Address+"/24", "host0")
	if h.Inside != "" {
		lines += fmt.Sprintf(format, h.Inside+"/24", "host1")
	}
	return lines
}

func networkFile(link, address string) string {
	return fmt.Sprintf("[Match]\nName=%s\n\n[Network]\nAddress=%s/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n", link, address)
}

// machineID derives the host's identity from its key, so that it outlives a
// Reset as the key does.
func (k hostKey) machineID() string {
	sum := sha256.Sum256(k.private.Seed())
	return fmt.Sprintf("%x", sum[:16])
}

// A disk is the overlay of a host that is off.
type disk struct {
	upper string
	lower []string
}

func (d disk) write(f seedFile) error {
	if err := d.mkdir(filepath.Dir(f.path), f.owner); err != nil {
		return err
	}
	path := filepath.Join(d.upper, f.path)
	if err := os.WriteFile(path, []byte(f.content), f.mode); err != nil {
		return err
	}
	if err := os.Chmod(path, f.mode); err != nil {
		return err
	}
	return os.Chown(path, f.owner, f.owner)
}

// mkdir makes a folder with its parents. A folder of the upper layer hides the
// attributes of the same one below, so it gets those; a new one is private to
// owner.
func (d disk) mkdir(dir string, owner int) error {
	path := filepath.Join(d.upper, dir)
	if dir == "." || exists(path) {
		return nil
	}
	if err := d.mkdir(filepath.Dir(dir), owner); err != nil {
		return err
	}
	mode, uid, gid := fs.FileMode(0o700), owner, owner
	for _, lower := range d.lower {
		info, err := os.Stat(filepath.Join(lower, dir))
		if err != nil {
			continue
		}
		mode = info.Mode() & (fs.ModePerm | fs.ModeSticky | fs.ModeSetgid)
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			uid, gid = int(st.Uid), int(st.Gid)
		}
		break
	}
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	if err := os.Chmod(path, mode); err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}
