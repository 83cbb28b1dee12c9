package tasks

import (
	"cmp"
	"errors"
	"os"
	"os/user"
	"strings"
	"syscall"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// thisHolder is this controller as the holder of a lock.
func thisHolder(doing string) etcd.Holder {
	host, _ := os.Hostname()
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return etcd.Holder{
		Owner: cmp.Or(name, "someone") + "@" + cmp.Or(host, "somewhere"), Machine: machineID(host), PID: os.Getpid(), Doing: doing,
	}
}

// machineID is equal where process numbers mean the same processes: of
// containers with one name it is not.
func machineID(host string) string {
	parts := []string{host}
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		parts = append(parts, strings.TrimSpace(string(boot)))
	}
	if space, err := os.Readlink("/proc/self/ns/pid"); err == nil {
		parts = append(parts, space)
	}
	return strings.Join(parts, " ")
}

// goneHolder reports whether a holder was a process of this machine that has ended.
func goneHolder(h etcd.Holder) bool {
	host, _ := os.Hostname()
	if h.Machine != machineID(host) || h.PID <= 0 {
		return false
	}
	p, err := os.FindProcess(h.PID)
	if err != nil {
		return true
	}
	return errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
