// Package e2e runs the program against real hosts: systemd, sshd, firewalld
// and etcd, in a lab on this machine.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

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
	program = filepath.Join(dir, "etcdplay")
	build := exec.Command("go", "build", "-o", program, "../../cmd/etcdplay")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Printf("build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// labFor makes a lab for one test and takes it down after it.
func labFor(t *testing.T, o hosts.Options) *hosts.Lab {
	t.Helper()
	o.Fresh = true
	o.Log = logWriter{t}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	lab, err := hosts.Up(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := lab.Down(ctx); err != nil {
			t.Error(err)
		}
	})
	return lab
}

type logWriter struct{ t *testing.T }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Helper()
	w.t.Logf("%s", p)
	return len(p), nil
}
