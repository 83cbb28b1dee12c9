package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// thousand is case e: how it grows from 10 hosts to 1,000. The hosts are SSH
// servers in this process, each with a loopback address of its own, which run
// real shells; so hosts and controller share the machine's processors, and the
// wall time is that of both.
func (b *bench) thousand(ctx context.Context) ([]Case, error) {
	var cases []Case
	for _, n := range []int{10, 100, 1000} {
		c, err := b.many(ctx, n)
		cases = append(cases, c)
		if err != nil {
			return cases, err
		}
	}
	return cases, nil
}

func (b *bench) many(ctx context.Context, n int) (_ Case, err error) {
	p, stop, err := b.servers(n, false)
	if err != nil {
		return Case{Letter: "e"}, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	play, err := b.file("many.yml")
	if err != nil {
		return Case{Letter: "e"}, err
	}
	script, err := b.file("many.sh")
	if err != nil {
		return Case{Letter: "e"}, err
	}
	contenders := []contender{
		b.etcdplayOn(p, play, nothingChanged(n)),
		b.goClient(p, "Go client, one script", script),
		b.plainSSH(p, script),
	}
	if n > 100 {
		contenders[2].skip = "a thousand processes at once say nothing any more"
	}
	all, err := b.measure(ctx, nil, contenders)
	c := newCase("e", fmt.Sprintf("three tasks on %d hosts in one process", n), all)
	if w := c.Contenders[0].CPU; w != nil {
		c.Notes = append(c.Notes, fmt.Sprintf("etcdplay's CPU a host: %.1f ms", w.Median*1000/float64(n)))
	}
	return c, err
}

// servers starts n SSH servers on loopback addresses. With tables each host sees
// only its own processes, else all see those of this machine.
func (b *bench) servers(n int, tables bool) (*place, func() error, error) {
	home := filepath.Join(b.dir, fmt.Sprintf("many%d", n))
	p := &place{dir: b.dir, home: home, key: filepath.Join(home, ".ssh", "id_ed25519"), inventory: filepath.Join(home, "hosts.ini")}
	if err := os.MkdirAll(filepath.Dir(p.key), 0o700); err != nil {
		return nil, nil, err
	}
	login, err := newSigner(p.key)
	if err != nil {
		return nil, nil, err
	}
	host, err := newSigner(filepath.Join(home, "host"))
	if err != nil {
		return nil, nil, err
	}
	own := map[string]*processes{} // filled before anybody logs in
	s := newServer(host, login.PublicKey(), func(addr string, cmd *exec.Cmd) error {
		if t := own[addr]; t != nil {
			return t.start(cmd)
		}
		return cmd.Start()
	})
	stop := func() error {
		err := s.Close()
		for _, t := range own {
			err = errors.Join(err, t.close())
		}
		return err
	}
	var known, inventory strings.Builder
	for i := range n {
		l, err := net.Listen("tcp", fmt.Sprintf("127.1.%d.%d:0", i/250, i%250+1))
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		go func() { _ = s.Serve(l) }()
		addr := l.Addr().(*net.TCPAddr)
		if tables {
			if own[addr.String()], err = newProcesses(); err != nil {
				return nil, nil, errors.Join(err, stop())
			}
		}
		p.addrs = append(p.addrs, addr.String())
		known.WriteString(knownhosts.Line([]string{addr.String()}, host.PublicKey()) + "\n")
		fmt.Fprintf(&inventory, "host%04d ansible_host=%s ansible_port=%d\n", i+1, addr.IP, addr.Port)
	}
	fmt.Fprintf(&inventory, "[all:vars]\nansible_user=root\nansible_ssh_private_key_file=%s\nansible_ssh_common_args='-o UserKnownHostsFile=%s'\n", p.key, p.known())
	err = errors.Join(os.WriteFile(p.known(), []byte(known.String()), 0o600), os.WriteFile(p.inventory, []byte(inventory.String()), 0o644))
	return p, stop, err
}

func newSigner(file string) (gossh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := gossh.MarshalPrivateKey(key, "")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return gossh.NewSignerFromKey(key)
}
