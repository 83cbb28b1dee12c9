// Package etcdtest runs real etcd servers on loopback for tests.
package etcdtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/test/lab/releases"
)

// Version is the release that tests run on when they don't care.
const Version = "3.6.16"

// Program returns the path of a release's program (etcd, etcdctl, etcdutl). A
// release that is not in the cache yet is built from its Go modules, which
// takes about a minute; where that is impossible the test is skipped and says
// why.
func Program(t testing.TB, version, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real etcd, left out in -short")
	}
	cache := cacheDir(t)
	if _, err := (releases.Mirror{Dir: filepath.Join(cache, "mirror"), Log: os.Stderr}).Add(t.Context(), releases.Etcd(), version); err != nil {
		t.Skipf("needs etcd %s, which could not be built: %v", version, err)
	}
	release := fmt.Sprintf("etcd-v%s-linux-%s", version, runtime.GOARCH)
	dir := filepath.Join(cache, "unpacked", release)
	if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
		if err := unpack(filepath.Join(cache, "mirror", "v"+version, release+".tar.gz"), dir); err != nil {
			t.Fatalf("unpack etcd %s: %v", version, err)
		}
	}
	return filepath.Join(dir, name)
}

// cacheDir is the lab's cache where it is writable, else one of the user's.
func cacheDir(t testing.TB) string {
	dir := os.Getenv("ETCDPLAY_LAB_CACHE")
	if dir == "" && os.Geteuid() == 0 {
		dir = "/var/cache/etcdplay-lab"
	}
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			t.Skipf("needs a folder for the etcd release: %v", err)
		}
		dir = filepath.Join(user, "etcdplay-lab")
	}
	return dir
}

// unpack writes a release's programs to dir, which appears only when whole.
func unpack(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	zr, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || h.Mode&0o100 == 0 {
			continue
		}
		out, err := os.OpenFile(filepath.Join(tmp, filepath.Base(h.Name)), os.O_CREATE|os.O_WRONLY, 0o755)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, tr)
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// A Server is one etcd process on loopback; its data stays between runs.
type Server struct {
	Name, Client, Peer string // URLs
	Dir                string
	Args               []string // behind the usual ones
	program            string
	cmd                *exec.Cmd
	log                bytes.Buffer
}

// Servers makes n servers peer1…, not yet started. Set Args, then Start them.
func Servers(t testing.TB, version string, n int) []*Server {
	t.Helper()
	program := Program(t, version, "etcd")
	var all []*Server
	var initial []string
	for i := range n {
		s := &Server{
			Name: fmt.Sprintf("peer%d", i+1), Dir: t.TempDir(), program: program,
			Client: "http://" + FreeAddr(t), Peer: "http://" + FreeAddr(t),
		}
		initial = append(initial, s.Name+"="+s.Peer)
		all = append(all, s)
	}
	for _, s := range all {
		s.Args = []string{
			"--initial-cluster=" + strings.Join(initial, ","),
			"--initial-cluster-token=" + t.Name(), "--initial-cluster-state=new",
		}
	}
	return all
}

// Start starts the servers without waiting until they are ready; the test's
// end stops them.
func Start(t testing.TB, servers ...*Server) {
	t.Helper()
	for _, s := range servers {
		s.cmd = exec.Command(s.program, append([]string{
			"--name=" + s.Name, "--data-dir=" + s.Dir, "--log-level=warn",
			"--listen-client-urls=" + s.Client, "--advertise-client-urls=" + s.Client,
			"--listen-peer-urls=" + s.Peer, "--initial-advertise-peer-urls=" + s.Peer,
			"--heartbeat-interval=50", "--election-timeout=500", "--unsafe-no-fsync",
		}, s.Args...)...)
		s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
		s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := s.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			s.Stop()
			if t.Failed() {
				t.Logf("%s said:\n%s", s.Name, s.log.String())
			}
		})
	}
}

// Stop kills the server, as a power cut would.
func (s *Server) Stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// FreeAddr is an address of this machine that nothing listens on. It lies below the
// ports that the kernel gives to connections, so that none takes it before a server
// does; tests of other packages run at the same time, so it is drawn by lot.
func FreeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// Eventually calls f until it returns nil, and fails the test with its last
// error after half a minute.
func Eventually(t testing.TB, f func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		err := f(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("still not so: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
