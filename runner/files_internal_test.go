package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestFilesWrite(t *testing.T) {
	t.Parallel()
	seal := func(text []byte) ([]byte, error) { return append([]byte("sealed "), text...), nil }
	f := files{&call{p: &play{run: &Run{cfg: Config{Seal: seal}}}}}
	name := filepath.Join(t.TempDir(), "pki", "new", "ca.key")
	for _, c := range []struct {
		text   string
		secret bool
		want   string
	}{{"one", false, "one"}, {"two", true, "sealed two"}} {
		if err := f.Write(name, []byte(c.text), 0o600, c.secret); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(got, []byte(c.want)) {
			t.Errorf("%q, %v, want %q", got, err, c.want)
		}
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	}
	dir := filepath.Dir(name)
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(filepath.Join(dir, "taken"), nil, 0o600, false); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left over after a failure: %v", left)
	}
}
