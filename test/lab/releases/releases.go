// Package releases makes release archives of etcd and NATS like the official
// ones, for labs that can't reach GitHub: it builds the programs from their Go
// modules, which come through the Go module proxy, and packs them with the
// official layout and a SHA256SUMS file.
//
// In the mirror folder lies, as on the projects' download pages,
//
//	v3.6.16/etcd-v3.6.16-linux-amd64.tar.gz
//	v3.6.16/SHA256SUMS
//	nats/v2.12.1/nats-server-v2.12.1-linux-amd64.tar.gz
//	nats/v2.12.1/SHA256SUMS
package releases

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// A Project is something that is released as an archive of Go programs.
type Project struct {
	Name     string // what a user calls it
	module   string // whose versions are the releases
	programs []program
	subdir   string // of the mirror
}

type program struct{ pkg, name string }

// Etcd is etcd with its command line tools.
func Etcd() Project {
	return Project{
		Name:   "etcd",
		module: "go.etcd.io/etcd/server/v3",
		programs: []program{
			{"go.etcd.io/etcd/server/v3", "etcd"},
			{"go.etcd.io/etcd/etcdctl/v3", "etcdctl"},
			{"go.etcd.io/etcd/etcdutl/v3", "etcdutl"},
		},
	}
}

// NATS is the NATS server.
func NATS() Project {
	return Project{
		Name:     "nats-server",
		module:   "github.com/nats-io/nats-server/v2",
		programs: []program{{"github.com/nats-io/nats-server/v2", "nats-server"}},
		subdir:   "nats",
	}
}

// A Mirror is a folder with releases, to be served over HTTP.
type Mirror struct {
	Dir string
	Log io.Writer // what takes long is said here
}

// Add makes sure that the mirror has the project in this version, which is
// written like 3.6.16, or "latest". It returns the version. The first time
// takes up to some minutes.
func (m Mirror) Add(ctx context.Context, p Project, version string) (string, error) {
	version = strings.TrimPrefix(version, "v")
	if version == "latest" {
		var err error
		if version, err = latest(ctx, p.module); err != nil {
			return "", err
		}
	}
	dir := filepath.Join(m.Dir, p.subdir, "v"+version)
	done := func() bool { // SHA256SUMS is written last
		_, err := os.Stat(filepath.Join(dir, sumsFile))
		return err == nil
	}
	if done() {
		return version, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(m.Dir, ".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if done() { // another process was faster
		return version, nil
	}
	fmt.Fprintf(m.Log, "lab: building %s %s from its Go modules (a minute, once)\n", p.Name, version)
	if err := p.release(ctx, dir, version); err != nil {
		return "", fmt.Errorf("make %s %s: %w", p.Name, version, err)
	}
	return version, nil
}

// release builds the programs and writes the archive and its checksum to dir.
func (p Project) release(ctx context.Context, dir, version string) error {
	work, err := os.MkdirTemp(dir, ".build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := p.build(ctx, work, version); err != nil {
		return err
	}
	name := fmt.Sprintf("%s-v%s-linux-%s", p.Name, version, runtime.GOARCH)
	archive := filepath.Join(work, name+".tar.gz")
	if err := pack(archive, name, filepath.Join(work, "bin")); err != nil {
		return err
	}
	return publish(archive, dir)
}

// build leaves the programs in work/bin.
func (p Project) build(ctx context.Context, work, version string) error {
	golang := func(args ...string) error {
		cmd := exec.CommandContext(ctx, "nice", append([]string{"go"}, args...)...)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOWORK=off", "GOFLAGS=-buildvcs=false")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := golang("mod", "init", "release"); err != nil {
		return err
	}
	get := []string{"get"}
	for _, program := range p.programs {
		get = append(get, program.pkg+"@v"+version)
	}
	if err := golang(get...); err != nil {
		return err
	}
	for _, program := range p.programs {
		err := golang("build", "-mod=mod", "-trimpath", "-ldflags", "-s -w", "-o", path.Join("bin", program.name), program.pkg)
		if err != nil {
			return err
		}
	}
	return nil
}

// latest asks the Go module proxy for the newest version of a module.
func latest(ctx context.Context, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-json", module+"@latest")
	cmd.Dir = os.TempDir() // outside of any module
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask for the latest version of %s: %w", module, err)
	}
	var m struct{ Version string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", fmt.Errorf("ask for the latest version of %s: %w", module, err)
	}
	return strings.TrimPrefix(m.Version, "v"), nil
}

// lock waits until no other process holds the lock file.
func lock(name string) (unlock func() error, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return f.Close, nil
}
