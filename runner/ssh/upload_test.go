package ssh

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks"
)

// A meter passes connections on to a server, and cuts them when so many bytes
// have gone there.
type meter struct {
	sent  atomic.Int64
	limit atomic.Int64 // 0: none
}

func (m *meter) Write(b []byte) (int, error) {
	if n := m.sent.Add(int64(len(b))); m.limit.Load() > 0 && n > m.limit.Load() {
		return 0, errors.New("cut")
	}
	return len(b), nil
}

// before is the server behind a meter.
func (m *meter) before(t *testing.T, s *sshd) Host {
	h := listen(t, func(c net.Conn) {
		defer c.Close()
		d, err := net.Dial("tcp", s.addr)
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(c, d); c.Close() }()
		_, _ = io.Copy(d, io.TeeReader(c, m))
		d.Close()
	})
	h.KeyFile, h.HostKeys, h.User = s.client, Off, loginName(t)
	return h
}

// noise is a file that no compression makes smaller.
func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.New(rand.NewSource(int64(n))).Read(data)
	return data
}

func TestCutUploadIsGoneOnWith(t *testing.T) {
	const size, half = 8 << 20, 4 << 20
	users := map[string]Become{"the login user": {}}
	if os.Getuid() == 0 {
		users["another user"] = Become{Method: "su", User: "nobody"}
	}
	for who, become := range users {
		t.Run(who, func(t *testing.T) {
			s, m := startSSHD(t), &meter{}
			p, h := s.pool(nil), m.before(t, s)
			dir := openDir(t)
			dst, data := filepath.Join(dir, "file"), noise(size)
			put := func() error { return connect(t, p, h, become).Put(testContext(t), bytes.NewReader(data), dst, 0o640) }

			m.limit.Store(half)
			err := put()
			var lost *tasks.Unreachable
			if !errors.As(err, &lost) || !strings.Contains(lost.Hint, "run again") {
				t.Fatalf("cut in the middle: %s", explained(err))
			}
			if _, err := os.Stat(dst); err == nil {
				t.Error("half a file is in place")
			}
			waitFor(t, "what came is kept", func() bool { return len(kept(t, dir)) == 1 && quiet(t, kept(t, dir)[0]) })
			part, err := os.Stat(kept(t, dir)[0])
			if err != nil || part.Size() == 0 {
				t.Fatalf("nothing is kept: %v", err)
			}
			m.limit.Store(0)
			m.sent.Store(0)
			if err := put(); err != nil {
				t.Fatal(explained(err))
			}
			if n := m.sent.Load(); n > size-part.Size()+size/16 { // what SSH itself needs
				t.Errorf("of %d bytes there were %d, and %d went the second time", size, part.Size(), n)
			}
			arrived(t, dst, data)
			if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// What is on the host and is not the file's beginning is not believed.
func TestUploadOverWhatIsThere(t *testing.T) {
	both(t, func(t *testing.T, c *Conn) {
		data := noise(300_000)
		other := bytes.Clone(data[:200_000])
		other[100_000] ^= 1
		for name, part := range map[string][]byte{
			"the beginning": data[:200_000], "all of it": data, "empty": {},
			"another file": other, "longer": append(bytes.Clone(data), 1),
		} {
			for whose, pid := range map[string]int{"dead": 1 << 30, "alive": os.Getpid()} {
				dir := t.TempDir()
				folder := filepath.Join(dir, ".etcdplay-"+strconv.Itoa(os.Getuid()))
				file := filepath.Join(folder, fmt.Sprintf("%x.%d", sha256.Sum256(data), pid))
				stale := filepath.Join(folder, "0123.456")
				if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(file, part, 0o600), os.WriteFile(stale, part, 0o600)); err != nil {
					t.Fatal(err)
				}
				old := time.Now().Add(-72 * time.Hour)
				if err := os.Chtimes(stale, old, old); err != nil {
					t.Fatal(err)
				}
				dst := filepath.Join(dir, "file")
				if err := c.Put(testContext(t), bytes.NewReader(data), dst, 0o600); err != nil {
					t.Fatalf("%s, %s: %s", name, whose, explained(err))
				}
				arrived(t, dst, data)
				if _, err := os.Stat(stale); err == nil {
					t.Errorf("%s, %s: a part that nobody wants any more is still there", name, whose)
				}
				got, err := os.ReadFile(file)
				if whose == "alive" && !bytes.Equal(got, part) {
					t.Errorf("%s: what another one writes was touched: %v", name, err)
				} else if whose == "dead" && err == nil {
					t.Errorf("%s: the part is still there", name)
				}
			}
		}
	})
}

// In a directory where others may write, the folder for parts may be a trap.
func TestUploadIntoATrap(t *testing.T) {
	both(t, func(t *testing.T, c *Conn) {
		data := noise(100_000)
		for name, set := range map[string]func(folder, elsewhere string) error{
			"a link":          func(folder, elsewhere string) error { return os.Symlink(elsewhere, folder) },
			"open to others":  func(folder, _ string) error { return errors.Join(os.Mkdir(folder, 0o700), os.Chmod(folder, 0o777)) },
			"no folder":       func(folder, _ string) error { return os.WriteFile(folder, nil, 0o600) },
			"a link to a dir": func(folder, elsewhere string) error { return os.Symlink(filepath.Dir(elsewhere), folder) },
		} {
			dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "x")
			folder := filepath.Join(dir, ".etcdplay-"+strconv.Itoa(os.Getuid()))
			if err := errors.Join(os.Mkdir(elsewhere, 0o700), set(folder, elsewhere)); err != nil {
				t.Fatal(err)
			}
			dst := filepath.Join(dir, "file")
			if err := c.Put(testContext(t), bytes.NewReader(data), dst, 0o600); err != nil {
				t.Fatalf("%s: %s", name, explained(err))
			}
			arrived(t, dst, data)
			if found, _ := filepath.Glob(filepath.Join(dir, ".*")); len(found) != 1 {
				t.Errorf("%s: %v", name, found)
			}
			if found, _ := filepath.Glob(filepath.Join(folder, "*")); len(found) > 1 {
				t.Errorf("%s: something is in it: %v", name, found)
			}
		}
	})
}

// openDir is a directory that all users may write to.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// kept are the parts of uploads in a directory.
func kept(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, ".etcdplay-*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// quiet reports whether the writer of a part is gone.
func quiet(t *testing.T, part string) bool {
	t.Helper()
	_, err := os.Stat("/proc/" + strings.TrimPrefix(filepath.Ext(part), "."))
	return err != nil
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for ctx := testContext(t); !holds(); time.Sleep(20 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func arrived(t *testing.T, dst string, want []byte) {
	t.Helper()
	if got, err := os.ReadFile(dst); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes arrived of %d, or others: %v", len(got), len(want), err)
	}
}
