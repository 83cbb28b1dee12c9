package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Transform puts files through do and replaces them, each at once and as a
// whole; none is touched unless do succeeds for all. With private set the new
// files are readable by their owner only; otherwise they keep their mode.
func Transform(paths []string, private bool, do func(text []byte) ([]byte, error)) error {
	type change struct {
		path string
		mode fs.FileMode
		text []byte
	}
	var changes []change
	var errs []error
	for _, path := range paths {
		text, mode, err := read(path)
		if err == nil {
			if text, err = do(text); err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
		}
		if private {
			mode = 0o600
		}
		errs = append(errs, err)
		changes = append(changes, change{path, mode, text})
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, c := range changes {
		if err := Replace(c.path, c.text, c.mode); err != nil {
			return err
		}
	}
	return nil
}

func read(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is no plain file", path)
	}
	text, err := os.ReadFile(path)
	return text, info.Mode().Perm(), err
}

// Replace writes a file through a temporary one beside it, so that at any
// moment either the old or the new text is there. Where path is a symbolic
// link, what it points to is replaced. The owner stays.
func Replace(path string, text []byte, mode fs.FileMode) (err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if info, err := os.Stat(path); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
			if err := tmp.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
				return fmt.Errorf("the owner of %s cannot be kept: %w", path, err)
			}
		}
	}
	if err := tmp.Chmod(mode); err != nil {
		return err
	}
	if _, err := tmp.Write(text); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Edit opens a vault in an editor and seals what comes back; a file that does
// not exist begins empty. The plain text lies in a folder of its own that
// nobody else can enter, and is removed; only where the new text cannot be
// saved it stays, and the error says where. A text left as it was is not sealed
// anew.
func (v *Vault) Edit(ctx context.Context, path, label string, editor func(ctx context.Context, file string) error) error {
	sealed, mode, err := read(path)
	var before []byte
	var with Secret
	fresh := errors.Is(err, fs.ErrNotExist)
	switch {
	case fresh:
		mode = 0o600
		if with, err = v.secret(label); err != nil {
			return err // before anybody types a text that cannot be sealed
		}
	case err != nil:
		return err
	default:
		if before, err = v.Decrypt(sealed); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		with = v.opener(sealed)
		if label != "" {
			if with, err = v.secret(label); err != nil {
				return err
			}
		}
	}
	dir, err := os.MkdirTemp("", "vault-")
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			os.RemoveAll(dir)
		}
	}()
	plain := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(plain, before, 0o600); err != nil {
		return err
	}
	if err := editor(ctx, plain); err != nil {
		return fmt.Errorf("the editor failed, %s is unchanged: %w", path, err)
	}
	after, err := os.ReadFile(plain)
	if err != nil {
		return err
	}
	if bytes.Equal(before, after) {
		return nil
	}
	if sealed, err = v.seal(after, with); err == nil {
		err = Replace(path, sealed, mode)
	}
	if err != nil {
		keep = true
		return fmt.Errorf("%s cannot be saved, your text is in %s, unencrypted: %w", path, plain, err)
	}
	return nil
}

// opener is the secret that opens a text, under the vault id of the text.
func (v *Vault) opener(sealed []byte) Secret {
	label, b, err := parse(sealed)
	if err != nil {
		return Secret{}
	}
	for _, s := range v.secrets {
		if v.opens(s, b) {
			return Secret{Label: label, Password: s.Password}
		}
	}
	return Secret{}
}
