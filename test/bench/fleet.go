package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

const (
	fleetSize  = 24
	fleetTasks = 10
	roundTrip  = 50 * time.Millisecond
)

func (b *bench) fleetHosts(ctx context.Context, f func(*hosts.Lab) ([]Case, error)) ([]Case, error) {
	return b.withLab(ctx, hosts.Options{Name: b.lab + "-fleet", Kinds: slices.Repeat([]hosts.Kind{hosts.Plain}, fleetSize)}, f)
}

// fleet is case c: ten tasks on 24 hosts.
func (b *bench) fleet(ctx context.Context) ([]Case, error) {
	return b.fleetHosts(ctx, func(lab *hosts.Lab) ([]Case, error) {
		p := b.at(lab)
		contenders, err := b.fleetContenders(p)
		if err != nil {
			return nil, err
		}
		if err := b.settle(ctx, p); err != nil {
			return nil, err
		}
		all, err := b.measure(ctx, nil, contenders)
		return []Case{newCase("c", fmt.Sprintf("ten tasks on %d hosts: nothing to change", fleetSize), all)}, err
	})
}

// distant is case d: the same over a line of 50 ms.
func (b *bench) distant(ctx context.Context) ([]Case, error) {
	return b.fleetHosts(ctx, func(lab *hosts.Lab) (_ []Case, err error) {
		if err := b.settle(ctx, b.at(lab)); err != nil {
			return nil, err
		}
		p, stop, err := b.far(ctx, lab)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, stop()) }()
		contenders, err := b.fleetContenders(p)
		if err != nil {
			return nil, err
		}
		all, err := b.measure(ctx, nil, contenders)
		c := newCase("d", fmt.Sprintf("the same with round trips of %v", roundTrip), all)
		login := all[len(all)-1]
		if c.Contenders[0].Wall != nil && login.Wall != nil {
			most := (login.Wall.Median + fleetTasks*roundTrip.Seconds()) * 1.1
			c.Notes = append(c.Notes, fmt.Sprintf("login + one round trip a task + 10 %%: %.2f s; etcdplay: %.2f s, %.2f of it",
				most, c.Contenders[0].Wall.Median, c.Contenders[0].Wall.Median/most))
		}
		return []Case{c}, err
	})
}

// settle makes the hosts as the tasks want them.
func (b *bench) settle(ctx context.Context, p *place) error {
	play, err := b.file("fleet.yml")
	if err != nil {
		return err
	}
	_, err = b.once(ctx, b.etcdplayOn(p, play, nil))
	return err
}

func (b *bench) fleetContenders(p *place) ([]contender, error) {
	play, err := b.file("fleet.yml")
	if err != nil {
		return nil, err
	}
	script, err := b.file("fleet.sh")
	if err != nil {
		return nil, err
	}
	check := nothingChanged(len(p.addrs))
	return []contender{
		b.etcdplayOn(p, play, check),
		b.goClient(p, "Go client, one script", script),
		b.plainSSH(p, script),
		b.ansible(p, play, check),
		b.mitogenOn(p, play, check),
		b.goClient(p, "Go client, only the login", ""),
	}, nil
}

// far puts a delaying proxy before each host of a lab.
func (b *bench) far(ctx context.Context, lab *hosts.Lab) (*place, func() error, error) {
	near := b.at(lab)
	p := *near
	p.home, p.addrs = filepath.Join(b.dir, "far"), nil
	if err := os.MkdirAll(filepath.Join(p.home, ".ssh"), 0o700); err != nil {
		return nil, nil, err
	}
	known, err := os.ReadFile(near.known())
	if err != nil {
		return nil, nil, err
	}
	argv := append(near.enter, b.self, "delay", "-by", (roundTrip / 2).String())
	var inventory strings.Builder
	inventory.WriteString("[etcd]\n")
	keys := string(known)
	for i, h := range lab.Hosts {
		at := fmt.Sprintf("127.1.0.%d", i+1)
		argv = append(argv, at+":2222="+near.addrs[i])
		p.addrs = append(p.addrs, at+":2222")
		fmt.Fprintf(&inventory, "%s ansible_host=%s ansible_port=2222 ansible_user=%s\n", h.Name, at, h.User)
		keys = strings.Replace(keys, h.Name+","+h.Address+" ", knownhosts.Normalize(net.JoinHostPort(at, "2222"))+" ", 1)
	}
	fmt.Fprintf(&inventory, "[all:vars]\nansible_ssh_private_key_file=%s\nansible_ssh_common_args='-o UserKnownHostsFile=%s'\n", p.key, p.known())
	p.inventory = filepath.Join(b.dir, "far.ini")
	if err := errors.Join(os.WriteFile(p.known(), []byte(keys), 0o600), os.WriteFile(p.inventory, []byte(inventory.String()), 0o644)); err != nil {
		return nil, nil, err
	}
	cmd := near.command(context.WithoutCancel(ctx), nil, argv[len(near.enter):]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	stop := func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		return cmd.Wait()
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return &p, stop, nil
}
