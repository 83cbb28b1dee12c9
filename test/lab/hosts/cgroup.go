package hosts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// cgroups returns the control groups of a host. Each host must be in its own:
// in a common one the systemd of one host would end the services of the others.
// There is one group where the machine has only cgroup v2, and two where v1 and
// v2 are mounted side by side: the v2 tree and systemd's named v1 tree.
func cgroups(lab, host string) []string {
	name := namespacePrefix + lab + "-" + host
	const root = "/sys/fs/cgroup"
	if exists(filepath.Join(root, "cgroup.controllers")) {
		return []string{filepath.Join(root, name)}
	}
	var groups []string
	for _, tree := range []string{"unified", "systemd"} {
		if exists(filepath.Join(root, tree)) {
			groups = append(groups, filepath.Join(root, tree, name))
		}
	}
	return groups
}

// removeCgroup removes a control group that has no process any more, with the
// groups below it.
func removeCgroup(group string) error {
	var groups []string
	err := filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && d.IsDir() {
			groups = append(groups, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, path := range slices.Backward(groups) { // the innermost first
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
