// Package hosts makes a lab: several real Linux hosts on this one machine, for
// tests and for trying things out.
//
// Each host is a systemd-nspawn container with an init, an SSH server, a
// firewall, a disk and an address of its own: peer1 has 192.168.161.3, peer2
// .4 and so on. All the hosts of a lab are in one network namespace with no way
// out; the lab's own place in it, 192.168.161.1, is where the controller runs
// and where a mirror serves the releases of etcd over HTTP. Labs with different
// names don't see each other, so each test package has its own.
//
// A lab needs root on a Debian with a Linux kernel, and lives on when the
// program that made it ends.
package hosts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/etcdplay/etcdplay/test/lab/releases"
	"github.com/etcdplay/etcdplay/test/lab/rootfs"
)

// Options say what lab is to be made. The zero value, with a name, makes three
// firewalld hosts and no releases.
type Options struct {
	Name   string   // lower case letters, digits and dashes
	Kinds  []Kind   // one for each host: peer1, peer2, …
	Behind []Kind   // more hosts, inner1, inner2, …, that only peer1 reaches
	Etcd   []string // versions of etcd that the mirror has, like 3.6.16
	NATS   []string // versions of the NATS server, or "latest"

	Fresh       bool          // remove a lab of the same name first; else that is an error
	BootTimeout time.Duration // for a host to boot fully; 0 means two minutes
	Log         io.Writer     // progress, for people; nil discards it
}

// A Lab is a set of hosts. Its methods may be called concurrently for
// different hosts.
type Lab struct {
	Name  string `json:"name"`
	Hosts []Host `json:"hosts"` // in the order of the addresses, those behind peer1 last

	bootTimeout time.Duration
	log         io.Writer
}

const defaultBootTimeout = 2 * time.Minute

// Up makes a lab and returns when its hosts have booted and answer by SSH. If
// it can't, it leaves nothing behind.
func Up(ctx context.Context, o Options) (_ *Lab, err error) {
	l, err := plan(o)
	if err != nil {
		return nil, err
	}
	if err := Supported(); err != nil {
		return nil, err
	}
	unlock, err := lock(l.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if exists(l.Dir()) {
		if !o.Fresh {
			return nil, fmt.Errorf("there is a lab named %s: use it, take it down, or ask for a fresh one", l.Name)
		}
		if err := l.remove(ctx); err != nil {
			return nil, fmt.Errorf("remove the earlier lab %s: %w", l.Name, err)
		}
	}
	defer func() {
		if err != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer cancel()
			err = errors.Join(err, l.remove(ctx))
		}
	}()
	if err := l.prepare(ctx, o); err != nil {
		return nil, err
	}
	if err := createNetwork(ctx, l.Name); err != nil {
		return nil, err
	}
	if err := l.nft(ctx, switchRules); err != nil {
		return nil, err
	}
	if err := l.serveMirror(ctx); err != nil {
		return nil, err
	}
	return l, l.Boot(ctx)
}

// Open returns a lab that Up made earlier, maybe in another process.
func Open(name string) (*Lab, error) {
	l := &Lab{Name: name, log: io.Discard, bootTimeout: defaultBootTimeout}
	data, err := os.ReadFile(l.path("lab.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no lab named %s: %w", name, err)
	}
	if err != nil {
		return nil, err
	}
	return l, json.Unmarshal(data, l)
}

// Down ends the lab's hosts and removes all that is left of it, also of one
// whose making was interrupted. No lab of that name is no error.
func Down(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	unlock, err := lock(name)
	if err != nil {
		return err
	}
	defer unlock()
	return (&Lab{Name: name, log: io.Discard}).remove(ctx)
}

// Down ends the lab's hosts and removes all that is left of it.
func (l *Lab) Down(ctx context.Context) error { return Down(ctx, l.Name) }

// Names returns the names of the labs that there are, with those whose making
// was interrupted.
func Names() ([]string, error) {
	dirs, err := os.ReadDir(stateDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, d := range dirs {
		if d.IsDir() && checkName(d.Name()) == nil {
			names = append(names, d.Name())
		}
	}
	return names, err
}

// Supported returns nil if this machine can have labs, else what is missing. A
// test that is skipped for it prints the error.
func Supported() error {
	switch {
	case runtime.GOOS != "linux":
		return fmt.Errorf("a lab needs Linux namespaces, and this is %s", runtime.GOOS)
	case os.Geteuid() != 0:
		return errors.New("a lab needs root")
	case os.Getenv("ETCDPLAY_LAB") == "off":
		return errors.New("the environment says ETCDPLAY_LAB=off")
	}
	return nil
}

// Host returns the host with this name.
func (l *Lab) Host(name string) (Host, error) {
	for _, h := range l.Hosts {
		if h.Name == name {
			return h, nil
		}
	}
	return Host{}, fmt.Errorf("the lab %s has no host %q", l.Name, name)
}

// checkName keeps odd names out of paths, for Down removes folders.
func checkName(name string) error {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`).MatchString(name) {
		return fmt.Errorf("%q can't name a lab: use up to 32 lower case letters, digits and dashes", name)
	}
	return nil
}

// plan checks the options and gives the hosts their names and addresses.
func plan(o Options) (*Lab, error) {
	if err := checkName(o.Name); err != nil {
		return nil, err
	}
	l := &Lab{Name: o.Name, bootTimeout: o.BootTimeout, log: o.Log}
	if l.bootTimeout == 0 {
		l.bootTimeout = defaultBootTimeout
	}
	if l.log == nil {
		l.log = io.Discard
	}
	kinds := o.Kinds
	if len(kinds) == 0 {
		kinds = []Kind{Firewalld, Firewalld, Firewalld}
	}
	const most = 250 // what a /24 has room for
	if len(kinds) > most || len(o.Behind) > most {
		return nil, fmt.Errorf("a lab has at most %d hosts, and as many behind peer1", most)
	}
	for i, kind := range kinds {
		l.Hosts = append(l.Hosts, Host{
			Name: fmt.Sprintf("peer%d", i+1), Kind: kind, User: kind.user(),
			Address: fmt.Sprintf("%s%d", frontNet, firstHost+i),
		})
	}
	for i, kind := range o.Behind {
		l.Hosts = append(l.Hosts, Host{
			Name: fmt.Sprintf("inner%d", i+1), Kind: kind, User: kind.user(), Via: l.Hosts[0].Name,
			Address: fmt.Sprintf("%s%d", backNet, firstHost+i),
		})
	}
	if len(o.Behind) > 0 {
		l.Hosts[0].Inside = jumpInside
	}
	for _, h := range l.Hosts {
		if err := h.Kind.check(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// prepare makes all that the lab needs on disk.
func (l *Lab) prepare(ctx context.Context, o Options) error {
	if err := rootfs.InstallTools(ctx, l.log); err != nil {
		return err
	}
	if err := raiseLimits(); err != nil {
		return fmt.Errorf("raise the kernel's limits: %w", err)
	}
	work := pool.New().WithContext(ctx).WithCancelOnError()
	work.Go(func(ctx context.Context) error {
		builder := rootfs.Builder{Cache: cacheDir(), Log: l.log}
		for i, h := range l.Hosts {
			layers, err := builder.Layers(ctx, string(h.Kind))
			if err != nil {
				return err
			}
			l.Hosts[i].Layers = layers
		}
		return nil
	})
	work.Go(func(ctx context.Context) error {
		for _, version := range o.Etcd {
			if _, err := l.Release(ctx, releases.Etcd(), version); err != nil {
				return err
			}
		}
		for _, version := range o.NATS {
			if _, err := l.Release(ctx, releases.NATS(), version); err != nil {
				return err
			}
		}
		return nil
	})
	if err := work.Wait(); err != nil {
		return err
	}
	if err := l.writeIdentity(); err != nil {
		return fmt.Errorf("write the lab's keys and inventory: %w", err)
	}
	for _, h := range l.Hosts {
		if err := l.seed(h); err != nil {
			return fmt.Errorf("prepare the disk of %s: %w", h.Name, err)
		}
	}
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(l.path("lab.json"), data, 0o644)
}

// remove ends and removes all that is recorded in the lab's folder.
func (l *Lab) remove(ctx context.Context) error {
	records, err := filepath.Glob(l.path("hosts", "*"))
	if err != nil {
		return err
	}
	work := pool.New().WithErrors()
	for _, dir := range records {
		work.Go(func() error { return l.end(ctx, filepath.Base(dir)) })
	}
	work.Go(func() error { return l.stopMirror(ctx) })
	if err := work.Wait(); err != nil {
		return err
	}
	if err := removeNetwork(ctx, l.Name); err != nil {
		return err
	}
	return os.RemoveAll(l.Dir())
}

// Dir is the folder with all that belongs to the lab.
func (l *Lab) Dir() string { return filepath.Join(stateDir(), l.Name) }

func (l *Lab) path(elem ...string) string {
	return filepath.Join(append([]string{l.Dir()}, elem...)...)
}

// stateDir holds the labs; it is no place for caches.
func stateDir() string { return dirFromEnv("ETCDPLAY_LAB_STATE", "/var/lib/etcdplay-lab") }

// cacheDir holds what is slow to make and may be removed when no lab is up.
func cacheDir() string { return dirFromEnv("ETCDPLAY_LAB_CACHE", "/var/cache/etcdplay-lab") }

func dirFromEnv(variable, otherwise string) string {
	if dir := os.Getenv(variable); dir != "" {
		return dir
	}
	return otherwise
}

// lock keeps other processes from making or removing this lab.
func lock(lab string) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join("/run", namespacePrefix+lab+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return f.Close, nil
}
