package hosts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/sourcegraph/conc/pool"
)

// A Host is one machine of a lab.
type Host struct {
	Name    string   `json:"name"`
	Kind    Kind     `json:"kind"`
	Address string   `json:"address"`          // IPv4
	User    string   `json:"user"`             // who logs in by SSH
	Via     string   `json:"via,omitempty"`    // the only host that reaches this one; "" if the controller does
	Inside  string   `json:"inside,omitempty"` // the jump host's address among the hosts behind it
	Layers  []string `json:"layers"`           // of its root file system below its own, uppermost first
}

// bridge is what the host's own network interface is plugged into.
func (h Host) bridge() string {
	if h.Via != "" {
		return backBridge
	}
	return frontBridge
}

// cable is the name, outside, of the interface that the host knows as host0.
func (h Host) cable() string { return "vb-" + h.Name }

// Kill cuts the power of hosts. Their disks keep what was written.
func (l *Lab) Kill(ctx context.Context, hosts ...string) error {
	return l.each(ctx, hosts, func(ctx context.Context, h Host) error {
		return l.end(ctx, h.Name)
	})
}

// Stop shuts hosts down in good order.
func (l *Lab) Stop(ctx context.Context, hosts ...string) error {
	return l.each(ctx, hosts, func(ctx context.Context, h Host) error {
		p, err := recorded(l.record(h.Name))
		if err != nil {
			return err
		}
		if err := p.signal(syscall.SIGTERM); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
		defer cancel()
		if err := p.wait(ctx); err != nil {
			return err
		}
		return l.end(ctx, h.Name)
	})
}

// Boot switches on those of the hosts that are off and waits until they have
// booted fully and answer by SSH.
func (l *Lab) Boot(ctx context.Context, hosts ...string) error {
	return l.each(ctx, hosts, func(ctx context.Context, h Host) error {
		return l.boot(ctx, h)
	})
}

// Reset gives hosts a new disk and boots them: then they are as Up made them,
// with the same keys and addresses.
func (l *Lab) Reset(ctx context.Context, hosts ...string) error {
	return l.each(ctx, hosts, func(ctx context.Context, h Host) error {
		if err := l.end(ctx, h.Name); err != nil {
			return err
		}
		if err := l.seed(h); err != nil {
			return fmt.Errorf("prepare the disk: %w", err)
		}
		return l.boot(ctx, h)
	})
}

// each does something on the named hosts at the same time; no name means all
// hosts of the lab. All the errors are returned, with the hosts' names.
func (l *Lab) each(ctx context.Context, names []string, do func(context.Context, Host) error) error {
	chosen := l.Hosts
	if len(names) > 0 {
		chosen = nil
	}
	for _, name := range names {
		h, err := l.Host(name)
		if err != nil {
			return err
		}
		chosen = append(chosen, h)
	}
	work := pool.New().WithErrors()
	for _, h := range chosen {
		work.Go(func() error {
			if err := do(ctx, h); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
			return nil
		})
	}
	return work.Wait()
}

const (
	endTimeout      = 30 * time.Second // for killed processes to be gone
	shutdownTimeout = 2 * time.Minute  // systemd gives a service 90 s to stop
)

// end kills a host, if it runs, and waits until nothing of it is left but its
// disk. The mounts go with the host's processes.
func (l *Lab) end(ctx context.Context, host string) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	record := l.record(host)
	p, err := recorded(record)
	if err != nil {
		return err
	}
	family := append([]process{p}, p.children()...)
	for _, member := range family {
		err = errors.Join(err, member.signal(syscall.SIGKILL))
	}
	for _, member := range family {
		err = errors.Join(err, member.wait(ctx))
	}
	if err != nil {
		return err
	}
	for _, group := range cgroups(l.Name, host) {
		if err := removeCgroup(ctx, group); err != nil {
			return err
		}
	}
	if err := os.Remove(record); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// A Status says how a host is.
type Status struct {
	Host
	Running bool   `json:"running"`
	SSH     string `json:"ssh"` // what the SSH server says of itself, or why it doesn't
}

// Status asks all hosts how they are.
func (l *Lab) Status(ctx context.Context) []Status {
	all := make([]Status, len(l.Hosts))
	work := pool.New()
	for i, h := range l.Hosts {
		work.Go(func() {
			p, err := recorded(l.record(h.Name))
			all[i] = Status{Host: h, Running: err == nil && p.running(), SSH: "off"}
			if !all[i].Running {
				return
			}
			banner, err := l.banner(ctx, h)
			if err != nil {
				banner = err.Error()
			}
			all[i].SSH = strings.TrimSpace(banner)
		})
	}
	work.Wait()
	return all
}
