package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

const etcdVersion = "3.6.16"

// threeHosts is a lab of cases a and b.
func (b *bench) threeHosts(ctx context.Context, suffix string, f func(*hosts.Lab) ([]Case, error)) ([]Case, error) {
	return b.withLab(ctx, hosts.Options{
		Name: b.lab + suffix, Kinds: slices.Repeat([]hosts.Kind{hosts.Firewalld}, 3), Etcd: []string{etcdVersion},
	}, f)
}

// fresh is case a: from bare hosts to a cluster.
func (b *bench) fresh(ctx context.Context) ([]Case, error) {
	return b.threeHosts(ctx, "", func(lab *hosts.Lab) ([]Case, error) {
		contenders, err := b.clusterContenders(lab, lab, lab, nil)
		if err != nil {
			return nil, err
		}
		reset := func(ctx context.Context) error { return lab.Reset(ctx) }
		all, err := b.measure(ctx, reset, contenders)
		return []Case{newCase("a", "three bare hosts to an etcd cluster", all,
			"the scripts of plain ssh and the Go client let no user log in from host to host (task 1.6), look at nothing beforehand and verify nothing after but that each member is healthy")}, err
	})
}

// unchanged is case b: a run that finds all as it should be. Scripts, Ansible
// and etcdplay write different units, and would each change what another has
// written: so each has a lab of its own.
func (b *bench) unchanged(ctx context.Context) ([]Case, error) {
	return b.threeHosts(ctx, "", func(own *hosts.Lab) ([]Case, error) {
		return b.threeHosts(ctx, "-script", func(scripts *hosts.Lab) ([]Case, error) {
			return b.threeHosts(ctx, "-ansible", func(ansible *hosts.Lab) ([]Case, error) {
				contenders, err := b.clusterContenders(own, scripts, ansible, nothingChanged(3))
				if err != nil {
					return nil, err
				}
				for i, c := range contenders {
					if c.skip != "" || i > 0 && !b.wanted(c.name) {
						continue
					}
					c.check = nil // it has something to change, this once
					if _, err := b.once(ctx, c); err != nil {
						return nil, fmt.Errorf("%s, to begin with: %w", c.name, err)
					}
				}
				all, err := b.measure(ctx, nil, contenders)
				return []Case{newCase("b", "the same again: nothing to change", all)}, err
			})
		})
	})
}

// clusterContenders all bring up the same cluster, each in its lab.
func (b *bench) clusterContenders(lab, scripts, ansibles *hosts.Lab, check func(string) error) ([]contender, error) {
	p := b.at(lab)
	var members, names []string
	for _, h := range lab.Hosts {
		members = append(members, h.Name+"=http://"+h.Address+":2380")
		names = append(names, h.Address+" "+h.Name)
	}
	data, err := work.ReadFile("testdata/cluster.sh")
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("mirror=%s\nversion=%s\nmembers=%s\nnames='%s'\n", lab.MirrorURL(), etcdVersion, strings.Join(members, ","), strings.Join(names, "\n"))
	script := filepath.Join(b.dir, "cluster.sh")
	if err := os.WriteFile(script, append([]byte(head), data...), 0o644); err != nil {
		return nil, err
	}
	play, err := b.file("cluster.yml")
	if err != nil {
		return nil, err
	}
	mirror := "etcd_mirrors=" + lab.MirrorURL()
	ansible := *b.at(ansibles)
	ansible.inventory = filepath.Join(b.dir, "cluster.ini")
	inventory, err := os.ReadFile(ansibles.Inventory())
	if err != nil {
		return nil, err
	}
	vars := fmt.Sprintf("\n[etcd:vars]\nmirror=%s\nversion=%s\nmembers=%s\n", lab.MirrorURL(), etcdVersion, strings.Join(members, ","))
	if err := os.WriteFile(ansible.inventory, append(inventory, vars...), 0o644); err != nil {
		return nil, err
	}
	return []contender{
		b.etcdplayOn(p, "site.yml", check, "-e", mirror, "-e", "etcd_tls=false"), // the others have no certificates either
		b.goClient(b.at(scripts), "Go client, one script", script),
		b.plainSSH(b.at(scripts), script),
		b.ansible(&ansible, play, check),
		b.mitogenOn(&ansible, play, check),
	}, nil
}
