// Package e2e runs the program against real hosts: systemd, sshd, firewalls
// and etcd, in labs on this machine.
package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// etcdVersion is what the labs' mirror serves, as site.yml wants it.
const etcdVersion = "3.6.16"

// program is the binary under test.
var program string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if err := hosts.Supported(); err != nil {
		fmt.Println("SKIPPED: all end-to-end tests, because", err)
		return 0
	}
	dir, err := os.MkdirTemp("", "etcdplay-e2e-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // also for users that are not root
		fmt.Println(err)
		return 1
	}
	program = filepath.Join(dir, "etcdplay")
	build := exec.Command("go", "build", "-o", program, "../../cmd/etcdplay")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Printf("build: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	if err := takeDown(); err != nil {
		fmt.Println("take the labs down:", err)
		return 1
	}
	return code
}

// labs are those that were made so far. Tests share them, one after another:
// each gets bare hosts.
var labs = map[string]*hosts.Lab{}

// three is a lab of three hosts with firewalld.
func three(t *testing.T) *hosts.Lab {
	return bare(t, hosts.Options{
		Name:  "three",
		Kinds: []hosts.Kind{hosts.Firewalld, hosts.Firewalld, hosts.Firewalld},
	})
}

// mixed is a lab with a host of every other kind, and three more that only the
// first one reaches.
func mixed(t *testing.T) *hosts.Lab {
	return bare(t, hosts.Options{
		Name:   "mixed",
		Kinds:  []hosts.Kind{hosts.UFW, hosts.NFTables, hosts.Busybox, hosts.Sudo, hosts.Plain},
		Behind: []hosts.Kind{hosts.Plain, hosts.Plain, hosts.Plain},
	})
}

// suite begins the names of the labs: two suites on one machine need two.
func suite() string { return cmp.Or(os.Getenv("ETCDPLAY_TEST_SUITE"), "e2e") }

// bare returns the lab of that name with all its hosts as new.
func bare(t *testing.T, o hosts.Options) *hosts.Lab {
	t.Helper()
	o.Name = suite() + "-" + o.Name
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute) // the first time it builds root file systems
	defer cancel()
	if lab, ok := labs[o.Name]; ok {
		if err := os.RemoveAll(pkiOf(lab)); err != nil {
			t.Fatal(err)
		}
		if err := lab.Mend(ctx); err != nil {
			t.Fatal(err)
		}
		if err := lab.Reset(ctx); err != nil {
			t.Fatal(err)
		}
		return lab
	}
	o.Fresh = true // an earlier run may have been killed
	if o.Etcd == nil {
		o.Etcd = []string{etcdVersion}
	}
	o.Log = t.Output()
	lab, err := hosts.Up(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	labs[o.Name] = lab
	return lab
}

func takeDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var errs []error
	for _, lab := range labs {
		errs = append(errs, lab.Down(ctx))
	}
	return errors.Join(errs...)
}
