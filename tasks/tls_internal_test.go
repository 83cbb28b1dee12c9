package tasks

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run that was killed between a key and its certificate leaves what no member can be
// asked with: site.yml, which asks none before it makes them, is the way out.
func TestTLSFilesOfTwoPairs(t *testing.T) {
	t.Parallel()
	one, other := pkiFiles{t, t.TempDir()}, pkiFiles{t, t.TempDir()}
	one.found("localhost")
	other.found("localhost")
	if err := os.Rename(filepath.Join(other.dir, "admin.key"), filepath.Join(one.dir, "admin.key")); err != nil {
		t.Fatal(err)
	}
	_, err := one.config()
	var f *Failure
	if !errors.As(err, &f) || !strings.Contains(f.Msg, "admin.key") || !strings.Contains(f.Hint, "site.yml makes both anew") {
		t.Errorf("it says %v", err)
	}
}
