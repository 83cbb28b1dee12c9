package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// scriptTimeout bounds a password script, which may itself ask the user.
const scriptTimeout = 5 * time.Minute

// A Source says where the password of a vault id comes from.
type Source struct {
	Label string // "" is DefaultLabel
	From  string // "prompt", a file, or an executable that prints the password
}

// ParseSource reads the argument of --vault-id: LABEL@SOURCE or SOURCE.
func ParseSource(arg string) (Source, error) {
	label, from, found := strings.Cut(arg, "@")
	if !found {
		label, from = "", arg
	}
	if from == "" {
		return Source{}, fmt.Errorf("the vault id %q names no source of its password: write LABEL@prompt or LABEL@FILE", arg)
	}
	if strings.ContainsAny(label, ";\n") {
		return Source{}, fmt.Errorf("the vault id %q must not hold a semicolon", label)
	}
	return Source{Label: label, From: from}, nil
}

// Sources are those of the flags --vault-id, --vault-password-file and
// --ask-vault-pass, in this order.
func Sources(ids, files []string, ask bool) ([]Source, error) {
	var out []Source
	for _, id := range ids {
		s, err := ParseSource(id)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	for _, f := range files {
		out = append(out, Source{From: f})
	}
	if ask {
		out = append(out, Source{From: "prompt"})
	}
	return out, nil
}

// A Prompt asks the user for a secret without showing it.
type Prompt func(ctx context.Context, question string) ([]byte, error)

// Read gets the password: from a file without the blanks around it, from what
// an executable prints, or from the user. Executables named …-client are given
// --vault-id LABEL, as Ansible does.
func (s Source) Read(ctx context.Context, ask Prompt) (Secret, error) {
	secret := Secret{Label: s.Label}
	var err error
	if s.From == "prompt" || s.From == "prompt_ask_vault_pass" {
		question := "Vault password: "
		if s.Label != "" && s.Label != DefaultLabel {
			question = "Vault password (" + s.Label + "): "
		}
		secret.Password, err = ask(ctx, question)
	} else {
		secret.Password, err = s.readFile(ctx)
	}
	if err != nil {
		return Secret{}, err
	}
	if len(secret.Password) == 0 {
		return Secret{}, fmt.Errorf("the vault password from %s is empty", s.From)
	}
	return secret, nil
}

func (s Source) readFile(ctx context.Context) ([]byte, error) {
	path := expandHome(s.From)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the vault password file: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("the vault password file %s is a folder", path)
	}
	if info.Mode()&0o111 != 0 {
		return s.run(ctx, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the vault password file: %w", err)
	}
	if IsSealed(data) {
		return nil, fmt.Errorf("the vault password file %s is a vault itself", path)
	}
	return bytes.TrimSpace(data), nil
}

func (s Source) run(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, scriptTimeout)
	defer cancel()
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	var args []string
	if name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)); strings.HasSuffix(name, "-client") {
		label := s.Label
		if label == "" {
			label = DefaultLabel
		}
		args = []string{"--vault-id", label}
	}
	cmd := exec.CommandContext(ctx, abs, args...)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr // it may ask the user
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("the vault password script %s failed: %w", path, err)
	}
	return bytes.TrimSpace(out), nil
}

func expandHome(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// Open reads the passwords of all sources into a Vault. All mistakes come at
// once.
func Open(ctx context.Context, sources []Source, ask Prompt) (*Vault, error) {
	var secrets []Secret
	var errs []error
	for _, s := range sources {
		secret, err := s.Read(ctx, ask)
		errs = append(errs, err)
		secrets = append(secrets, secret)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return New(secrets...), nil
}
