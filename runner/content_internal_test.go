package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// Many hosts that are sent the same file have it read once, and get what it is now.
func TestLargeFilesAreReadOnce(t *testing.T) {
	t.Parallel()
	var c content
	var reads atomic.Int32
	read := func(name string) ([]byte, error) { reads.Add(1); return os.ReadFile(name) }
	name := filepath.Join(t.TempDir(), "file")
	for i, text := range [][]byte{bytes.Repeat([]byte("a"), large), bytes.Repeat([]byte("b"), large+1)} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		var hosts sync.WaitGroup
		for range 20 {
			hosts.Go(func() {
				if got, err := c.read(name, read); err != nil || !bytes.Equal(got, text) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
		hosts.Wait()
		if n := int(reads.Load()); n != i+1 {
			t.Errorf("%d files were read %d times", i+1, n)
		}
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, err := c.read(name, read); err == nil {
		t.Error("a file that is gone was read")
	}
}
