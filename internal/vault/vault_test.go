package vault

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func sealedFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// testdata was made by ansible-vault 2.14.18.
func TestDecryptAnsibles(t *testing.T) {
	v := New(Secret{Password: []byte("pa55 wörd")}, Secret{Label: "prod", Password: []byte("other")})
	for name, want := range map[string]string{
		"v11.vault": "hello: wörld\n", "v12.vault": "hello: wörld\n", "v16.vault": strings.Repeat("x", 16), "vempty.vault": "",
	} {
		for _, change := range []func(string) string{
			func(s string) string { return s },
			func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
			func(s string) string { return strings.ReplaceAll(s, "\n", "\n          ") }, // an indented YAML scalar
			strings.TrimSpace,
		} {
			got, err := v.Decrypt([]byte(change(string(sealedFile(t, name)))))
			if err != nil || string(got) != want {
				t.Errorf("%s: %q, %v; want %q", name, got, err, want)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	v := New(Secret{Password: []byte("one")}, Secret{Label: "prod", Password: []byte("two")})
	for _, label := range []string{"default", "prod"} {
		for n := range 40 {
			plain := bytes.Repeat([]byte{byte(n)}, n)
			sealed, err := v.Encrypt(plain, label)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Label(sealed); got != label || err != nil {
				t.Errorf("label %q, %v; want %q", got, err, label)
			}
			if got, err := v.Decrypt(sealed); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%d bytes came back as %q, %v", n, got, err)
			}
			for _, line := range strings.Split(string(sealed), "\n") {
				if len(line) > 80 {
					t.Errorf("a line of %d characters", len(line))
				}
			}
		}
	}
	a, _ := v.Encrypt([]byte("x"), "prod")
	b, _ := v.Encrypt([]byte("x"), "prod")
	if bytes.Equal(a, b) {
		t.Error("two vaults of the same text are alike: the salt is not random")
	}
}

func TestErrors(t *testing.T) {
	sealed := sealedFile(t, "v11.vault")
	damaged := bytes.Clone(sealed)
	damaged[len(damaged)-2] ^= 1
	right := New(Secret{Password: []byte("pa55 wörd")})
	for name, c := range map[string]struct {
		vault  *Vault
		sealed []byte
		want   error
	}{
		"wrong password": {New(Secret{Password: []byte("x")}), sealed, ErrPassword},
		"no password":    {New(), sealed, ErrNoPassword},
		"damaged":        {right, damaged, ErrPassword}, // the HMAC cannot tell them apart
		"plain text":     {right, []byte("hello"), ErrFormat},
		"empty":          {right, nil, ErrFormat},
		"cut short":      {right, sealed[:100], ErrFormat},
		"odd":            {right, sealed[:101], ErrFormat},
		"no hex":         {right, []byte("$ANSIBLE_VAULT;1.1;AES256\nxyz"), ErrFormat},
		"version":        {right, []byte("$ANSIBLE_VAULT;2.0;AES256\n30"), ErrFormat},
		"cipher":         {right, []byte("$ANSIBLE_VAULT;1.1;AES\n30"), ErrFormat},
	} {
		if got, err := c.vault.Decrypt(c.sealed); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %q, %v; want %v", name, got, err, c.want)
		}
	}
	two := New(Secret{Password: []byte("a")}, Secret{Label: "prod", Password: []byte("b")})
	for _, label := range []string{"", "dev"} {
		if _, err := two.Encrypt(nil, label); err == nil {
			t.Errorf("encrypted for %q of two vault ids", label)
		}
	}
}

// What is sealed here, the real ansible-vault opens.
func TestAnsibleOpensOurs(t *testing.T) {
	ansible, err := exec.LookPath("ansible-vault")
	if err != nil {
		t.Skip("ansible-vault is not installed here; the fixed files of testdata were checked instead")
	}
	dir := t.TempDir()
	password := filepath.Join(dir, "pw")
	if err := os.WriteFile(password, []byte("pa55 wörd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for label, id := range map[string]string{"default": password, "prod": "prod@" + password} {
		v, err := Open(t.Context(), []Source{{Label: label, From: password}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		plain := "a: 1\nb: ü\n"
		sealed, err := v.Encrypt([]byte(plain), "")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, label)
		if err := os.WriteFile(file, sealed, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), ansible, "view", "--vault-id", id, file)
		cmd.Env = append(os.Environ(), "PAGER=cat", "HOME="+dir)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), strings.TrimSpace(plain)) {
			t.Errorf("%s: %v\n%s", label, err, out)
		}
	}
}

func TestPasswordSources(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ask := func(_ context.Context, question string) ([]byte, error) { return []byte("asked " + question), nil }
	script := "#!/bin/sh\necho \"script $*\"\n"
	for arg, want := range map[string]string{
		write("pw", "  file pw \n", 0o600):          ":file pw",
		"prod@" + write("pw2", "x\ny\n", 0o600):     "prod:x\ny",
		"prod@" + write("script.sh", script, 0o700): "prod:script",
		"prod@" + write("my-client", script, 0o700): "prod:script --vault-id prod",
		write("other-client.sh", script, 0o700):     ":script --vault-id default",
		"prompt":                                    ":asked Vault password: ",
		"prod@prompt":                               "prod:asked Vault password (prod): ",
	} {
		src, err := ParseSource(arg)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := src.Read(t.Context(), ask)
		if got := secret.Label + ":" + string(secret.Password); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", arg, got, err, want)
		}
	}
	for _, bad := range []string{
		filepath.Join(dir, "none"), dir, write("empty", "\n", 0o600), write("fails", "#!/bin/sh\necho x; exit 1\n", 0o700),
		write("sealed", string(sealedFile(t, "v11.vault")), 0o600),
	} {
		if secret, err := (Source{From: bad}).Read(t.Context(), ask); err == nil {
			t.Errorf("%s: %q without an error", bad, secret.Password)
		}
	}
	for _, bad := range []string{"", "prod@", "a;b@file"} {
		if _, err := ParseSource(bad); err == nil {
			t.Errorf("--vault-id %q was taken", bad)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	f.Add([]byte("$ANSIBLE_VAULT;1.1;AES256\n30300a30300a3030"))
	f.Add([]byte("$ANSIBLE_VAULT;1.2;AES256;x\n0a0a"))
	v := New(Secret{Password: []byte("x")})
	f.Fuzz(func(t *testing.T, data []byte) {
		if plain, err := v.Decrypt(data); err == nil {
			t.Fatalf("%q opened as %q", data, plain)
		}
	})
}
