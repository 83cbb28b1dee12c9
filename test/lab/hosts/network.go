package hosts

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	// namespacePrefix begins the names of all that a lab makes on the machine
	// outside its own folder.
	namespacePrefix = "etcdplay-"

	frontBridge = "lab0"
	backBridge  = "lab1" // the hosts behind the jump host

	frontNet = "192.168.161."
	backNet  = "192.168.162."

	controller = frontNet + "1" // the lab's own address: here run the controller and the mirror
	jumpInside = backNet + "1"  // the jump host's address among the hosts behind it

	firstHost = 3 // as in the plan that the project starts from

	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

func namespace(lab string) string { return namespacePrefix + lab }

func namespaceFile(lab string) string {
	return filepath.Join("/run/netns", namespace(lab))
}

// createNetwork makes the lab's network namespace. It has no way out, so that
// nothing the lab does can reach anything else. The back bridge has no address
// here: only the jump host reaches the hosts on it.
func createNetwork(ctx context.Context, lab string) error {
	// One may be left of a lab whose folder somebody removed.
	if err := removeNetwork(ctx, lab); err != nil {
		return err
	}
	if err := ip(ctx, "netns", "add", namespace(lab)); err != nil {
		return err
	}
	for _, command := range []string{
		"link set lo up",
		"link add " + frontBridge + " type bridge",
		"addr add " + controller + "/24 dev " + frontBridge,
		"link set " + frontBridge + " up",
		"link add " + backBridge + " type bridge",
		"link set " + backBridge + " up",
	} {
		if err := ipInside(ctx, lab, strings.Fields(command)...); err != nil {
			return err
		}
	}
	return nil
}

func removeNetwork(ctx context.Context, lab string) error {
	if !exists(namespaceFile(lab)) {
		return nil
	}
	return ip(ctx, "netns", "delete", namespace(lab))
}

// ipInside calls ip(8) in the lab's namespace.
func ipInside(ctx context.Context, lab string, args ...string) error {
	return ip(ctx, append([]string{"-n", namespace(lab)}, args...)...)
}

func ip(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// raiseLimits raises what the kernel's defaults allow for about 19 hosts only;
// the hosts beyond them would come up without a network.
func raiseLimits() error {
	for file, least := range map[string]int{
		"/proc/sys/fs/inotify/max_user_instances": 8192,
		"/proc/sys/kernel/keys/maxkeys":           20000,
		"/proc/sys/kernel/keys/maxbytes":          2000000,
	} {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var now int
		if _, err := fmt.Sscan(string(data), &now); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if now >= least {
			continue
		}
		if err := os.WriteFile(file, fmt.Append(nil, least), 0o644); err != nil {
			return err
		}
	}
	return nil
}
