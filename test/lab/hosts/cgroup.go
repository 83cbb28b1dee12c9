package hosts

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
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

// removeCgroup ends what still runs in a control group of ours and removes it,
// with the groups below it.
func removeCgroup(ctx context.Context, group string) error {
	return until(ctx, group+" to become empty", func() (bool, error) {
		groups, err := cgroupTree(group)
		if err != nil {
			return false, err
		}
		for _, path := range slices.Backward(groups) { // the innermost first
			err := os.Remove(path)
			if errors.Is(err, syscall.EBUSY) {
				return false, killMembers(path)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return false, err
			}
		}
		return true, nil
	})
}

// cgroupTree returns a control group and all below it, each before those in it.
func cgroupTree(group string) ([]string, error) {
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
	return groups, err
}

// killMembers ends the processes of a control group. They are the host's own:
// only its boot script ever enters its groups.
func killMembers(group string) error {
	data, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for field := range strings.FieldsSeq(string(data)) {
		pid, err := strconv.Atoi(field)
		if err != nil || pid <= 1 {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
