package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/internal/vault"
)

// vaultOptions are the flags of the vault commands.
type vaultOptions struct {
	vaultFlags
	label  string // --encrypt-vault-id
	output string

	newIDs   []string
	newFiles []string

	name string // of encrypt-string
	ask  bool
}

func newVaultCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "vault",
		Short: "Encrypt and decrypt files and values in the format of Ansible Vault",
		Long: `Encrypt and decrypt files and values in the format of Ansible Vault. Passwords
come from --vault-password-file, --vault-id or --ask-vault-pass, else from
ANSIBLE_VAULT_PASSWORD_FILE or ansible.cfg, else from the terminal. Files are
replaced as a whole or not at all.`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newVaultEncryptCmd(), newVaultDecryptCmd(), newVaultViewCmd(), newVaultEditCmd(), newVaultRekeyCmd(), newVaultStringCmd())
	return cmd
}

// vaultCmd makes one command with the flags that all of them have.
func vaultCmd(use, short string, args cobra.PositionalArgs, run func(*vaultOptions, *cobra.Command, []string) error) (*cobra.Command, *vaultOptions) {
	o := &vaultOptions{}
	cmd := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		return run(o, cmd, args)
	}}
	o.vaultFlags.register(cmd.Flags())
	return cmd, o
}

func newVaultEncryptCmd() *cobra.Command {
	cmd, o := vaultCmd("encrypt [FILE…]", "Encrypt files, or standard input", cobra.ArbitraryArgs, (*vaultOptions).encrypt)
	o.addLabel(cmd)
	cmd.Flags().StringVar(&o.output, "output", "", "write to `FILE` (- is standard output) instead of replacing")
	return cmd
}

func newVaultDecryptCmd() *cobra.Command {
	cmd, o := vaultCmd("decrypt [FILE…]", "Decrypt files, or standard input", cobra.ArbitraryArgs, (*vaultOptions).decrypt)
	cmd.Flags().StringVar(&o.output, "output", "", "write to `FILE` (- is standard output) instead of replacing")
	return cmd
}

func newVaultViewCmd() *cobra.Command {
	cmd, _ := vaultCmd("view FILE…", "Print files decrypted", cobra.MinimumNArgs(1), (*vaultOptions).view)
	return cmd
}

func newVaultEditCmd() *cobra.Command {
	cmd, o := vaultCmd("edit FILE", "Edit an encrypted file, or make a new one, with $EDITOR", cobra.ExactArgs(1), (*vaultOptions).edit)
	cmd.Aliases = []string{"create"}
	o.addLabel(cmd)
	return cmd
}

func newVaultRekeyCmd() *cobra.Command {
	cmd, o := vaultCmd("rekey FILE…", "Encrypt files under another password", cobra.MinimumNArgs(1), (*vaultOptions).rekey)
	cmd.Flags().StringArrayVar(&o.newIDs, "new-vault-id", nil, "`LABEL@SOURCE` of the new password")
	cmd.Flags().StringArrayVar(&o.newFiles, "new-vault-password-file", nil, "`FILE` with the new password")
	cmd.MarkFlagsMutuallyExclusive("new-vault-id", "new-vault-password-file")
	return cmd
}

func newVaultStringCmd() *cobra.Command {
	cmd, o := vaultCmd("encrypt-string [TEXT]", "Encrypt one value for a YAML file; without TEXT from standard input", cobra.MaximumNArgs(1), (*vaultOptions).encryptString)
	cmd.Aliases = []string{"encrypt_string"}
	o.addLabel(cmd)
	cmd.Flags().StringVarP(&o.name, "name", "n", "", "`NAME` of the variable")
	cmd.Flags().BoolVarP(&o.ask, "prompt", "p", false, "ask for the value")
	return cmd
}

func (o *vaultOptions) addLabel(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.label, "encrypt-vault-id", "", "vault id (`LABEL`) to encrypt with, where several are given")
}

// vault opens the sources of passwords; where there is none it asks, twice for
// a password that will encrypt.
func (o *vaultOptions) vault(ctx context.Context, encrypts bool) (*vault.Vault, error) {
	sources, err := o.sources()
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		sources = []vault.Source{{Label: o.label, From: "prompt"}}
	}
	ask := askVaultPassword
	if encrypts {
		ask = askNewPassword
	}
	return vault.Open(ctx, sources, ask)
}

func askNewPassword(ctx context.Context, question string) ([]byte, error) {
	first, err := askVaultPassword(ctx, "New "+question)
	if err != nil {
		return nil, err
	}
	again, err := askVaultPassword(ctx, "Confirm new "+question)
	if err == nil && !bytes.Equal(first, again) {
		err = errors.New("the two passwords differ: nothing was done")
	}
	return first, err
}

func (o *vaultOptions) encrypt(cmd *cobra.Command, files []string) error {
	v, err := o.vault(cmd.Context(), true)
	if err != nil {
		return err
	}
	return o.transform(cmd, files, false, func(text []byte) ([]byte, error) {
		if vault.IsSealed(text) {
			return nil, errors.New("this is encrypted already")
		}
		return v.Encrypt(text, o.label)
	})
}

func (o *vaultOptions) decrypt(cmd *cobra.Command, files []string) error {
	v, err := o.vault(cmd.Context(), false)
	if err != nil {
		return err
	}
	return o.transform(cmd, files, true, v.Decrypt)
}

// transform works on files in place, or from one file or standard input to
// --output.
func (o *vaultOptions) transform(cmd *cobra.Command, files []string, private bool, do func([]byte) ([]byte, error)) error {
	if len(files) == 0 {
		files = []string{"-"}
	}
	if o.output == "" && files[0] != "-" {
		for _, f := range files {
			if f == "-" {
				return usageError("standard input (-) cannot be mixed with files")
			}
		}
		return vault.Transform(files, private, do)
	}
	if len(files) > 1 {
		return usageError("--output and standard input take one file, not %d", len(files))
	}
	text, err := readInput(cmd, files[0])
	if err != nil {
		return err
	}
	if text, err = do(text); err != nil {
		return fmt.Errorf("%s: %w", files[0], err)
	}
	if o.output == "" || o.output == "-" {
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	return vault.Replace(o.output, text, 0o600)
}

func readInput(cmd *cobra.Command, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(cmd.InOrStdin())
	}
	return os.ReadFile(file)
}

func (o *vaultOptions) view(cmd *cobra.Command, files []string) error {
	v, err := o.vault(cmd.Context(), false)
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := readInput(cmd, f)
		if err != nil {
			return err
		}
		if text, err = v.Decrypt(text); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		if _, err := cmd.OutOrStdout().Write(text); err != nil {
			return err
		}
	}
	return nil
}

func (o *vaultOptions) edit(cmd *cobra.Command, files []string) error {
	_, err := os.Stat(files[0])
	v, err := o.vault(cmd.Context(), errors.Is(err, os.ErrNotExist))
	if err != nil {
		return err
	}
	return v.Edit(cmd.Context(), files[0], o.label, runEditor)
}

// runEditor opens a file in $VISUAL or $EDITOR, which may hold arguments.
func runEditor(ctx context.Context, file string) error {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	if editor == "" {
		editor = "vi"
	}
	// The file reaches the shell as an argument, never as text.
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", editor+` "$1"`, "editor", file)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

func (o *vaultOptions) rekey(cmd *cobra.Command, files []string) error {
	v, err := o.vault(cmd.Context(), false)
	if err != nil {
		return err
	}
	sources, err := vault.Sources(o.newIDs, o.newFiles, len(o.newIDs)+len(o.newFiles) == 0)
	if err != nil {
		return err
	}
	if len(sources) > 1 {
		return usageError("files are encrypted under one new password, not %d", len(sources))
	}
	next, err := vault.Open(cmd.Context(), sources, askNewPassword)
	if err != nil {
		return err
	}
	return vault.Transform(files, false, func(text []byte) ([]byte, error) {
		plain, err := v.Decrypt(text)
		if err != nil {
			return nil, err
		}
		return next.Encrypt(plain, "")
	})
}

func (o *vaultOptions) encryptString(cmd *cobra.Command, args []string) error {
	v, err := o.vault(cmd.Context(), true)
	if err != nil {
		return err
	}
	var text []byte
	switch {
	case o.ask:
		text, err = askVaultPassword(cmd.Context(), "Value to encrypt: ")
	case len(args) == 0 || args[0] == "-":
		text, err = readInput(cmd, "-")
	default:
		text = []byte(args[0])
	}
	if err != nil {
		return err
	}
	sealed, err := v.Encrypt(text, o.label)
	if err != nil {
		return err
	}
	var b strings.Builder
	if o.name != "" {
		b.WriteString(o.name + ": ")
	}
	b.WriteString("!vault |\n")
	for line := range strings.Lines(string(sealed)) {
		b.WriteString("          " + line)
	}
	_, err = io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}
