package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// inventoryOf writes an inventory of some of a lab's hosts, as a user would
// have it, with variables for the group.
func inventoryOf(t *testing.T, lab *hosts.Lab, names []string, vars ...string) string {
	t.Helper()
	lines := []string{"[etcd]"}
	for _, name := range names {
		lines = append(lines, hostLine(t, lab, name))
	}
	lines = append(lines, "[etcd:vars]", mirror(lab), "etcd_pki="+pkiOf(lab))
	return write(t, "hosts.ini", strings.Join(append(lines, vars...), "\n")+"\n")
}

// pkiOf is where the certificates of a lab's cluster are kept: in one place for all
// inventories of a test.
func pkiOf(lab *hosts.Lab) string { return filepath.Join(lab.Home(), "pki") }

// hostLine is a host with what it takes to reach it.
func hostLine(t *testing.T, lab *hosts.Lab, name string) string {
	t.Helper()
	h, err := lab.Host(name)
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("%s ansible_host=%s ansible_user=%s", h.Name, h.Address, h.User)
	if h.Kind == hosts.Sudo {
		line += fmt.Sprintf(" ansible_become_password='%s'", hosts.SudoPassword)
	}
	if h.Via != "" {
		jump, err := lab.Host(h.Via)
		if err != nil {
			t.Fatal(err)
		}
		line += fmt.Sprintf(" ansible_ssh_common_args='-o ProxyJump=%s@%s'", jump.User, jump.Address)
	}
	return line
}

// mirror is the variable that points at the lab's releases: there are no
// others to be had in a lab.
func mirror(lab *hosts.Lab) string {
	return fmt.Sprintf("etcd_mirrors=['%s']", lab.MirrorURL())
}

// extra is -e with typed values.
func extra(t *testing.T, vars map[string]any) string {
	t.Helper()
	text, err := json.Marshal(vars)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

var peers = []string{"peer1", "peer2", "peer3"}

// on runs a command on a host as root, at its console.
func on(t *testing.T, lab *hosts.Lab, host, cmd string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := lab.Exec(ctx, host, cmd)
	if err != nil {
		t.Fatalf("%s: %s: %v", host, cmd, err)
	}
	return strings.TrimSpace(out)
}

// do does something to hosts: lab.Kill, lab.Boot, lab.Cut…
func do(t *testing.T, act func(context.Context, ...string) error, names ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := act(ctx, names...); err != nil {
		t.Fatal(err)
	}
}

// disks are the fingerprints of all hosts of a lab.
type disks map[string]hosts.Fingerprint

func look(t *testing.T, lab *hosts.Lab) disks {
	t.Helper()
	all := disks{}
	for _, h := range lab.Hosts {
		f, err := lab.Fingerprint(h.Name)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = f
	}
	return all
}

// wantUntouched fails the test if anything on a host's disk has changed.
func (before disks) wantUntouched(t *testing.T, lab *hosts.Lab) {
	t.Helper()
	now := look(t, lab)
	for name, was := range before {
		if diff := was.Diff(now[name]); len(diff) > 0 {
			t.Errorf("%s was touched:\n  %s", name, strings.Join(diff, "\n  "))
		}
	}
}

// eventually waits until ok, or fails the test after a generous time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(3 * time.Minute)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("it did not come to pass: %s", what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// wantOpen fails the test unless the controller reaches a port of a host,
// through its firewall.
func wantOpen(t *testing.T, lab *hosts.Lab, host string, port int) {
	t.Helper()
	h, err := lab.Host(host)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := lab.DialContext(ctx, "tcp4", net.JoinHostPort(h.Address, fmt.Sprint(port)))
	if err != nil {
		t.Errorf("%s: port %d can't be reached: %v", host, port, err)
		return
	}
	conn.Close()
}

// wantLogins fails the test unless the user logs in from every host to every
// other, by name, without a question and with strict checking. Hosts of the
// busybox kind have no SSH client: one only logs in to them.
func wantLogins(t *testing.T, lab *hosts.Lab, user string, names []string, options ...string) {
	t.Helper()
	// One round on each host: logins take their time.
	var round strings.Builder
	for _, to := range names {
		fmt.Fprintf(&round, "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes %s %s@%s hostname || echo \"%s failed\"\n", strings.Join(options, " "), user, to, to)
	}
	for _, from := range names {
		if h, err := lab.Host(from); err == nil && h.Kind == hosts.Busybox {
			continue
		}
		out := on(t, lab, from, "su -s /bin/sh "+user+" -c '"+round.String()+"' 2>&1")
		if out != strings.Join(names, "\n") {
			t.Errorf("from %s:\n%s", from, out)
		}
	}
}
