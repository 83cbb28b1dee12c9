// Package rootfs builds the root file systems that the lab's hosts share.
//
// The base is a Debian that debootstrap installs from the machine's own apt
// sources. On it lies one thin overlay layer for each kind of host, made by a
// script of the recipe folder. Both are built once and kept in a cache, under
// names that carry a hash of everything that went into them: a change of the
// recipe builds anew, and a build that was interrupted is never taken for a
// finished one.
package rootfs

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

//go:embed recipe
var recipe embed.FS

const suite = "bookworm"

// packages is what every host has. libpam-systemd: without it polkitd can't be
// configured and with it firewalld; netbase: firewalld needs /etc/protocols.
// Redis is there, disabled, for roles that build other clusters than etcd's.
const packages = "systemd,systemd-sysv,dbus,libpam-systemd,netbase,iproute2,openssh-server," +
	"firewalld,ufw,nftables,sudo,procps,iputils-ping," +
	"ca-certificates,curl,wget,openssl,tar,xz-utils,unzip," +
	"busybox-static,dropbear-bin,redis-server,redis-sentinel"

// A Builder makes root file systems and caches them.
type Builder struct {
	Cache string    // folder of the cache; it is created
	Log   io.Writer // what takes long is said here
}

// Layers returns the lower folders of an overlay, uppermost first, that make
// the root of a host of the named kind. It builds what the cache lacks: the
// base takes about a minute.
func (b Builder) Layers(ctx context.Context, kind string) ([]string, error) {
	if kind == "busybox" {
		root, err := b.busyboxRoot(ctx)
		if err != nil {
			return nil, fmt.Errorf("make the busybox root: %w", err)
		}
		return []string{root}, nil
	}
	base, err := b.base(ctx)
	if err != nil {
		return nil, err
	}
	script, err := recipe.ReadFile("recipe/" + kind + ".sh")
	if errors.Is(err, fs.ErrNotExist) { // the base as it is
		return []string{base}, nil
	}
	if err != nil {
		return nil, err
	}
	name := kind + "-" + key(base, string(script))
	layer, err := b.once(ctx, name, func(tmp string) error {
		fmt.Fprintf(b.Log, "lab: preparing the %s layer\n", kind)
		return applyScript(ctx, base, tmp, script)
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the %s layer: %w", kind, err)
	}
	return []string{layer, base}, nil
}

// Busybox returns the path of a static busybox outside any root.
func (b Builder) Busybox(ctx context.Context) (string, error) {
	base, err := b.base(ctx)
	return filepath.Join(base, "usr/bin/busybox"), err
}

func (b Builder) base(ctx context.Context) (string, error) {
	script, err := recipe.ReadFile("recipe/base.sh")
	if err != nil {
		return "", err
	}
	name := "base-" + key(suite, runtime.GOARCH, packages, string(script))
	path, err := b.once(ctx, name, func(tmp string) error {
		mirror, err := debianMirror(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(b.Log, "lab: building the Debian root file system from %s (a minute or two, once)\n", mirror)
		return b.debootstrap(ctx, tmp, mirror, script)
	})
	if err != nil {
		return "", fmt.Errorf("build the root file system: %w", err)
	}
	return path, nil
}

func (b Builder) debootstrap(ctx context.Context, root, mirror string, script []byte) error {
	debs := filepath.Join(b.Cache, "debs")
	if err := os.MkdirAll(debs, 0o755); err != nil {
		return err
	}
	proxy, err := aptProxy(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "nice", "debootstrap", "--variant=minbase", "--cache-dir="+debs,
		"--include="+packages, suite, root, mirror)
	if proxy != "" {
		cmd.Env = append(os.Environ(), "http_proxy="+proxy)
	}
	if err := run(cmd); err != nil {
		return err
	}
	return run(confined(ctx, script, `exec chroot "$1" /bin/sh -s`, root))
}

// applyScript runs a script in a root made of base and leaves what it changed
// in layer.
func applyScript(ctx context.Context, base, layer string, script []byte) error {
	scratch := layer + ".scratch"
	defer os.RemoveAll(scratch)
	for _, dir := range []string{layer, scratch + "/work", scratch + "/root"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return run(confined(ctx, script, `
		mount -t overlay -o "lowerdir=$1,upperdir=$2,workdir=$3/work" overlay "$3/root"
		mount -t proc proc "$3/root/proc"
		exec chroot "$3/root" /bin/sh -s`, base, layer, scratch))
}

// confined is a shell program in namespaces of its own: its mounts and its
// processes end with it, and there is no network.
func confined(ctx context.Context, stdin []byte, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--pid", "--fork", "--kill-child", "--net", "--",
		"sh", "-euc", program, "sh"}, args...)...)
	cmd.Stdin = strings.NewReader(string(stdin))
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	return cmd
}

// once returns Cache/name, made by build if it isn't there. build works on a
// temporary path, so a finished name means a finished build. Only one process
// builds at a time.
func (b Builder) once(ctx context.Context, name string, build func(tmp string) error) (string, error) {
	final := filepath.Join(b.Cache, name)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(b.Cache, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(final); err == nil { // another process was faster
		return final, nil
	}
	tmp := final + ".unfinished"
	if err := os.RemoveAll(tmp); err != nil {
		return "", err
	}
	if err := build(tmp); err != nil {
		return "", err
	}
	return final, os.Rename(tmp, final)
}

func key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d\n%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// run runs cmd and puts the end of what it said into the error.
func run(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	const tail = 2000
	if len(out) > tail {
		out = append([]byte("…"), out[len(out)-tail:]...)
	}
	return fmt.Errorf("%s: %w\n%s", cmd.Args[0], err, out)
}
