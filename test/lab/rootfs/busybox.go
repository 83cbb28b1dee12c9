package rootfs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// busyboxRoot makes the root of a host without systemd, bash and coreutils. Its
// only source is the Debian of the other hosts.
func (b Builder) busyboxRoot(ctx context.Context) (string, error) {
	base, err := b.base(ctx)
	if err != nil {
		return "", err
	}
	compile, err := recipe.ReadFile("recipe/busybox/compile.sh")
	if err != nil {
		return "", err
	}
	assemble, err := recipe.ReadFile("recipe/busybox/assemble.sh")
	if err != nil {
		return "", err
	}
	return b.once(ctx, "busybox-"+key(base, string(compile), string(assemble)), func(root string) error {
		fmt.Fprintln(b.Log, "lab: compiling busybox (half a minute, once)")
		if err := b.installCompiler(ctx); err != nil {
			return err
		}
		mirror, err := debianMirror(ctx)
		if err != nil {
			return err
		}
		work, err := os.MkdirTemp(b.Cache, "compile-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(work)
		cmd := exec.CommandContext(ctx, "sh", "-c", string(compile), "compile.sh", mirror, suite)
		cmd.Dir = work
		if err := run(cmd); err != nil {
			return err
		}
		return run(exec.CommandContext(ctx, "sh", "-c", string(assemble), "assemble.sh",
			filepath.Join(work, "busybox"), base, root))
	})
}

func (b Builder) installCompiler(ctx context.Context) error {
	return install(ctx, b.Log, map[string]string{
		"gcc":                  "gcc",
		"/usr/include/stdio.h": "libc6-dev",
		"/usr/include/crypt.h": "libcrypt-dev",
		"make":                 "make",
		"dpkg-source":          "dpkg-dev",
		"bzip2":                "bzip2",
		"xz":                   "xz-utils",
	})
}
