package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/etcdplay/etcdplay/internal/vault"
)

// vaultFlags say where vault passwords come from; every command that reads
// vaults has them.
type vaultFlags struct {
	ids   []string
	files []string
	ask   bool
}

func (v *vaultFlags) register(f *pflag.FlagSet) {
	f.StringArrayVar(&v.ids, "vault-id", nil, "vault id and the source of its password, `LABEL@SOURCE`; the source is prompt, a file or a script (repeatable)")
	f.StringArrayVar(&v.files, "vault-password-file", nil, "`FILE` with the vault password, or a script that prints it (repeatable)")
	f.BoolVarP(&v.ask, "ask-vault-pass", "J", false, "ask for the vault password")
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		switch name { // Ansible knows both spellings
		case "vault-pass-file":
			name = "vault-password-file"
		case "ask-vault-password":
			name = "ask-vault-pass"
		}
		return pflag.NormalizedName(name)
	})
}

// sources are those of the flags; without any, what the environment and
// ansible.cfg name, which may be nothing.
func (v *vaultFlags) sources() ([]vault.Source, error) {
	if v.ask || len(v.ids)+len(v.files) > 0 {
		return vault.Sources(v.ids, v.files, v.ask)
	}
	cfg, err := loadConfig()
	if err != nil {
		return nil, err
	}
	var ids, files []string
	for _, id := range strings.Split(cfg.get("defaults.vault_identity_list", "ANSIBLE_VAULT_IDENTITY_LIST"), ",") {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, id)
		}
	}
	if file := cfg.path("defaults.vault_password_file", "ANSIBLE_VAULT_PASSWORD_FILE"); file != "" {
		files = append(files, file)
	}
	return vault.Sources(ids, files, false)
}

// open reads the passwords. Without a source the vault has none.
func (v *vaultFlags) open(ctx context.Context) (*vault.Vault, error) {
	sources, err := v.sources()
	if err != nil {
		return nil, err
	}
	return vault.Open(ctx, sources, askVaultPassword)
}

// askVaultPassword is the vault.Prompt of the terminal.
func askVaultPassword(ctx context.Context, question string) ([]byte, error) {
	answer, asked, err := askTerminal(ctx, question, true)
	if err == nil && !asked {
		err = errors.New("there is no terminal to ask for the vault password on: use --vault-password-file")
	}
	return []byte(answer), err
}
