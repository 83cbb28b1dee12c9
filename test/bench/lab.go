package main

import (
	"context"
	"embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// What the contenders run: the same work as a playbook and as a script.
//
//go:embed testdata
var work embed.FS

// file writes a file of testdata into the bench's folder.
func (b *bench) file(name string) (string, error) {
	data, err := work.ReadFile("testdata/" + name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, data, 0o644)
}

// withLab makes a lab, or finds the one that an earlier bench has kept, and
// calls f with it.
func (b *bench) withLab(ctx context.Context, o hosts.Options, f func(*hosts.Lab) ([]Case, error)) (_ []Case, err error) {
	if err := hosts.Supported(); err != nil {
		fmt.Println("not measured:", err)
		return nil, nil
	}
	o.Log, o.Fresh = os.Stderr, true
	lab, err := hosts.Open(o.Name)
	if err != nil || !b.keep || len(lab.Hosts) != len(o.Kinds) {
		if lab, err = hosts.Up(ctx, o); err != nil {
			return nil, err
		}
	}
	if !b.keep {
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
			defer cancel()
			if derr := lab.Down(ctx); err == nil {
				err = derr
			}
		}()
	}
	return f(lab)
}

// at is a place in a lab.
func (b *bench) at(lab *hosts.Lab) *place {
	p := &place{dir: b.dir, home: lab.Home(), key: lab.Key(), inventory: lab.Inventory(), enter: []string{"nsenter", "--net=" + lab.Netns(), "--"}}
	for _, h := range lab.Hosts {
		p.addrs = append(p.addrs, net.JoinHostPort(h.Address, "22"))
	}
	return p
}
