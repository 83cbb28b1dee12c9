package rootfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// InstallTools installs with apt-get what this machine lacks to run a lab.
func InstallTools(ctx context.Context, log io.Writer) error {
	return install(ctx, log, map[string]string{
		"debootstrap":    "debootstrap",
		"systemd-nspawn": "systemd-container",
		"ip":             "iproute2",
		"nft":            "nftables",
		"ssh":            "openssh-client",
	})
}

// install installs packages that this machine lacks. Each is named under a
// program or a file that it has.
func install(ctx context.Context, log io.Writer, packages map[string]string) error {
	var missing []string
	for program, pkg := range packages {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if _, err := os.Stat(program); filepath.IsAbs(program) && err == nil {
			continue
		}
		missing = append(missing, pkg)
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("the lab needs %s: install them, for there is no apt-get here to do it", strings.Join(missing, ", "))
	}
	fmt.Fprintf(log, "lab: installing %s\n", strings.Join(missing, ", "))
	install := append([]string{"install", "-y", "-q", "--no-install-recommends"}, missing...)
	for _, args := range [][]string{{"update", "-q"}, install} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if err := run(cmd); err != nil {
			return fmt.Errorf("install what the lab needs: %w", err)
		}
	}
	return nil
}

// debianMirror returns the address that this machine's apt gets Debian from,
// and Debian's own where apt knows none.
func debianMirror(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets",
		"--format", "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)", "Created-By: Packages").Output()
	if err != nil && !errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("ask apt for its sources: %w", err)
	}
	for line := range bytes.Lines(out) {
		f := strings.Fields(string(line))
		if len(f) == 4 && f[1] == suite && f[2] == "main" && f[3] == "Debian" {
			return strings.TrimSuffix(f[0], "/"), nil
		}
	}
	return "http://deb.debian.org/debian", nil
}

// aptProxy returns the HTTP proxy that this machine's apt is told to use;
// debootstrap doesn't read apt's settings itself.
func aptProxy(ctx context.Context) (string, error) {
	if _, err := exec.LookPath("apt-config"); err != nil {
		return "", nil
	}
	out, err := exec.CommandContext(ctx, "sh", "-c", `p=; eval "$(apt-config shell p Acquire::http::Proxy)"; printf %s "$p"`).Output()
	if err != nil {
		return "", fmt.Errorf("ask apt for its proxy: %w", err)
	}
	return string(out), nil
}
