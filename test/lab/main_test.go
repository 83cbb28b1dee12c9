package main

import (
	"slices"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

func TestChooseKinds(t *testing.T) {
	const f, u = hosts.Firewalld, hosts.UFW
	for _, c := range []struct {
		count int
		list  string
		want  []hosts.Kind // nil: an error
	}{
		{0, "", []hosts.Kind{f, f, f}},
		{2, "", []hosts.Kind{f, f}},
		{0, "ufw", []hosts.Kind{u}},
		{3, "ufw", []hosts.Kind{u, u, u}},
		{0, "firewalld, ufw", []hosts.Kind{f, u}},
		{2, "firewalld,ufw", []hosts.Kind{f, u}},
		{3, "firewalld,ufw", nil},
		{0, "windows", nil},
		{0, "ufw,", nil},
		{-1, "", nil},
	} {
		got, err := chooseKinds(c.count, c.list)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("--hosts=%d --kinds=%q: %v, %v; want %v", c.count, c.list, got, err, c.want)
		}
	}
}
