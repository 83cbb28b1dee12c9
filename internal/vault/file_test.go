package vault

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func tempFile(t *testing.T, name, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantFile(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != text {
		t.Errorf("%s holds %q (%v), want %q", path, got, err, text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
		t.Errorf("%s has mode %v (%v), want %v", path, info.Mode(), err, mode)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside %s lies something: %v, %v", path, entries, err)
	}
}

func TestTransform(t *testing.T) {
	a, b := tempFile(t, "a", "one", 0o640), tempFile(t, "b", "two", 0o644)
	upper := func(text []byte) ([]byte, error) {
		if string(text) == "two" {
			return nil, errors.New("not this one")
		}
		return []byte(strings.ToUpper(string(text))), nil
	}
	if err := Transform([]string{a, b}, true, upper); err == nil || !strings.Contains(err.Error(), b+": not this one") {
		t.Errorf("error %v", err)
	}
	wantFile(t, a, "one", 0o640) // all or none
	if err := Transform([]string{a}, false, upper); err != nil {
		t.Fatal(err)
	}
	wantFile(t, a, "ONE", 0o640)
	if err := Transform([]string{a}, true, upper); err != nil {
		t.Fatal(err)
	}
	wantFile(t, a, "ONE", 0o600)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(b, link); err != nil {
		t.Fatal(err)
	}
	if err := Transform([]string{link}, false, func([]byte) ([]byte, error) { return []byte("x"), nil }); err != nil {
		t.Fatal(err)
	}
	wantFile(t, b, "x", 0o644)
	if err := Transform([]string{t.TempDir()}, false, upper); err == nil {
		t.Error("a folder was replaced")
	}
}

func TestEdit(t *testing.T) {
	v := New(Secret{Password: []byte("one")}, Secret{Label: "prod", Password: []byte("two")})
	sealed, err := v.Encrypt([]byte("before\n"), "prod")
	if err != nil {
		t.Fatal(err)
	}
	path := tempFile(t, "vars.yml", string(sealed), 0o640)
	var seen string
	save := func(text string) func(context.Context, string) error {
		return func(_ context.Context, file string) error {
			seen = file
			info, err := os.Stat(filepath.Dir(file))
			if err != nil || info.Mode().Perm() != 0o700 || filepath.Ext(file) != filepath.Ext(path) {
				t.Errorf("edited in %s, mode %v, %v", file, info.Mode(), err)
			}
			return os.WriteFile(file, []byte(text), 0o600)
		}
	}
	gone := func() {
		t.Helper()
		if _, err := os.Stat(seen); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the plain text is left in %s: %v", seen, err)
		}
	}
	if err := v.Edit(t.Context(), path, "", save("before\n")); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, string(sealed), 0o640) // as it was
	gone()
	if err := v.Edit(t.Context(), path, "", func(context.Context, string) error { return errors.New("quit") }); err == nil {
		t.Error("a failed editor went unnoticed")
	}
	wantFile(t, path, string(sealed), 0o640)
	if err := v.Edit(t.Context(), path, "", save("after\n")); err != nil {
		t.Fatal(err)
	}
	gone()
	got, _ := os.ReadFile(path)
	if label, err := Label(got); label != "prod" || err != nil {
		t.Errorf("sealed anew for %q, %v", label, err)
	}
	if plain, err := v.Decrypt(got); string(plain) != "after\n" || err != nil {
		t.Errorf("saved as %q, %v", plain, err)
	}
	// The vault id stays also where the password goes by another name here.
	other := New(Secret{Password: []byte("two")})
	if err := other.Edit(t.Context(), path, "", save("again\n")); err != nil {
		t.Fatal(err)
	}
	got, _ = os.ReadFile(path)
	if label, err := Label(got); label != "prod" || err != nil {
		t.Errorf("sealed anew for %q, %v", label, err)
	}
	fresh := filepath.Join(t.TempDir(), "new.yml")
	if err := v.Edit(t.Context(), fresh, "", save("x")); err == nil {
		t.Error("sealed for one of two vault ids, unasked")
	}
	if err := v.Edit(t.Context(), fresh, "default", save("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(fresh); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	// Where the file cannot be written, the text is not lost.
	dir := filepath.Join(t.TempDir(), "sub")
	err = v.Edit(t.Context(), filepath.Join(dir, "f.yml"), "prod", save("precious"))
	if err == nil || !strings.Contains(err.Error(), seen) {
		t.Fatalf("error %v does not name %s", err, seen)
	}
	wantFile(t, seen, "precious", 0o600)
	os.RemoveAll(filepath.Dir(seen))
}
