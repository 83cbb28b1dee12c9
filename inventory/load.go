package inventory

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
)

// Options of Load.
type Options struct {
	// Decrypt opens what begins with $ANSIBLE_VAULT: whole files and !vault
	// values. Without it they are errors.
	Decrypt func(sealed []byte, at source.Pos) ([]byte, error)

	// KeepVault leaves single !vault values sealed, as {"__ansible_vault":
	// text}, for those who show an inventory and must not show its secrets.
	KeepVault bool
}

// Load reads the sources, each a file, a folder, an executable or a list of
// hosts that holds a comma ("a,b," or "a,"), the later ones over the earlier,
// and the group_vars and host_vars beside them. All mistakes come at once as
// source.Errors. Executables are run with a deadline.
func Load(ctx context.Context, sources []string, opts Options) (*Inventory, error) {
	inv := newInventory(opts)
	var errs source.Errors
	for _, s := range sources {
		errs.Add(inv.readSource(ctx, s))
	}
	inv.settle()
	errs.Add(inv.readVarFiles())
	if len(errs) > 0 {
		quoteLines(errs)
		return nil, errs.Err()
	}
	inv.warnOfNames()
	return inv, nil
}

// AddPlaybookDir adds the group_vars and host_vars in the folder of the
// playbook, whose variables come above those beside the inventory's sources.
func (inv *Inventory) AddPlaybookDir(dir string) error {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.addBase(dir, true)
	var errs source.Errors
	errs.Add(inv.readVarFiles())
	quoteLines(errs)
	return errs.Err()
}

func (inv *Inventory) addBase(dir string, playbook bool) {
	for _, b := range inv.bases {
		if b.dir == dir && b.playbook == playbook {
			return
		}
	}
	inv.bases = append(inv.bases, newVarsBase(dir, playbook))
}

func (inv *Inventory) readSource(ctx context.Context, name string) error {
	info, err := os.Stat(name)
	switch {
	case err != nil && strings.Contains(name, ","):
		return inv.readList(name)
	case errors.Is(err, fs.ErrNotExist):
		return source.Errorf(source.Pos{File: name}, "there is no such inventory").
			WithHint("a list of hosts holds a comma: -i %s,", name)
	case err != nil:
		return source.Errorf(source.Pos{File: name}, "cannot be read: %s", reason(err))
	case info.IsDir():
		inv.addBase(name, false)
		return inv.readDir(ctx, name)
	}
	inv.addBase(filepath.Dir(name), false)
	return inv.readFile(ctx, name, info)
}

// readList adds the hosts of a list. Like Ansible it knows ports, and no ranges.
func (inv *Inventory) readList(list string) error {
	at := source.Pos{File: "-i " + list}
	for _, name := range strings.Split(list, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		port := 0
		if names, p, err := expandHost(name); err == nil && len(names) == 1 {
			name, port = names[0], p
		} else if strings.Contains(name, "[") {
			inv.warn(source.Errorf(at, "%s is taken as the name of one host: a list knows no ranges", name))
		}
		h := inv.addHostPort(name, port, "", at)
		inv.groups[Ungrouped].add(h)
	}
	return nil
}

func (inv *Inventory) readFile(ctx context.Context, name string, info fs.FileInfo) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return source.Errorf(source.Pos{File: name}, "cannot be read: %s", reason(err))
	}
	shebang := bytes.HasPrefix(data, []byte("#!"))
	if shebang || bytes.HasPrefix(data, []byte("\x7fELF")) {
		if info.Mode()&0o111 == 0 {
			return source.Errorf(source.Pos{File: name}, "this is a program, and may not be executed").
				WithHint("chmod +x %s", name)
		}
		return inv.readScript(ctx, name)
	}
	if data, err = inv.unseal(data, source.Pos{File: name}); err != nil {
		return err
	}
	switch filepath.Ext(name) {
	case ".yml", ".yaml", ".json":
		return inv.readYAML(name, data)
	case ".ini":
		return inv.readINI(name, data)
	case ".toml":
		return source.Errorf(source.Pos{File: name}, "TOML inventories cannot be read").WithHint("write it as INI or YAML")
	}
	if looksLikeYAML(data) {
		return inv.readYAML(name, data)
	}
	return inv.readINI(name, data)
}

// readDir reads the files of a folder and its subfolders in order of their
// names, without those that Ansible leaves out.
func (inv *Inventory) readDir(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return source.Errorf(source.Pos{File: dir}, "cannot be read: %s", reason(err))
	}
	var errs source.Errors
	used := false
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil {
			errs.Add(source.Errorf(source.Pos{File: path}, "cannot be read: %s", reason(err)))
			continue
		}
		if leftOut(e.Name(), info.IsDir()) {
			if filepath.Ext(path) == ".ini" {
				inv.warn(source.Errorf(source.Pos{File: path}, "left out: in a folder, .ini files are no inventory").
					WithHint("rename it, without an ending"))
			}
			continue
		}
		used = true
		if info.IsDir() {
			errs.Add(inv.readDir(ctx, path))
		} else {
			errs.Add(inv.readFile(ctx, path, info))
		}
	}
	if !used && len(errs) == 0 {
		errs.Add(source.Errorf(source.Pos{File: dir}, "no inventory is in this folder"))
	}
	return errs.Err()
}

func leftOut(name string, dir bool) bool {
	if strings.HasPrefix(name, ".") {
		return true
	}
	if dir {
		return name == "group_vars" || name == "host_vars" || name == "vars_plugins"
	}
	if strings.HasSuffix(name, "~") {
		return true
	}
	switch filepath.Ext(name) {
	case ".pyc", ".pyo", ".swp", ".bak", ".rpm", ".md", ".txt", ".rst", ".orig", ".ini", ".cfg", ".retry":
		return true
	}
	return false
}

// unseal opens a file that is vaulted as a whole.
func (inv *Inventory) unseal(data []byte, at source.Pos) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte("$ANSIBLE_VAULT;")) {
		return data, nil
	}
	if inv.opts.Decrypt == nil {
		return nil, source.Errorf(at, "this file is encrypted with a vault and no vault password is given").
			WithHint("add --vault-password-file FILE or --ask-vault-pass")
	}
	plain, err := inv.opts.Decrypt(data, at)
	if err != nil && !errors.As(err, new(*source.Error)) {
		err = source.Errorf(at, "%w", err)
	}
	return plain, err
}

func (inv *Inventory) warn(e *source.Error) { inv.warnings = append(inv.warnings, e) }

func (inv *Inventory) warnOfNames() {
	for _, h := range inv.order {
		if inv.groups[h.Name] != nil {
			inv.warn(source.Errorf(source.Pos{File: h.Source}, "%s is both a host and a group: a pattern of this name means the group", h.Name))
		}
	}
}

func (inv *Inventory) groupNames() []string {
	names := make([]string, len(inv.named))
	for i, g := range inv.named {
		names[i] = g.Name
	}
	return names
}

// quoteLines gives errors the lines they speak of, but for those that may hold
// a secret.
func quoteLines(errs source.Errors) {
	texts := map[string]string{}
	for _, e := range errs {
		if e.Text == "" && e.Pos.Line > 0 {
			text, have := texts[e.Pos.File]
			if !have {
				data, _ := os.ReadFile(e.Pos.File) // unreadable: no line to show
				if !bytes.HasPrefix(data, []byte("$ANSIBLE_VAULT;")) {
					text = string(data)
				}
				texts[e.Pos.File] = text
			}
			e.Text = source.Line(text, e.Pos.Line)
		}
		if mayHoldSecret(e.Text) {
			e.Text = ""
		}
	}
}

func mayHoldSecret(line string) bool {
	line = strings.ToLower(line)
	for _, word := range []string{"pass", "secret", "token", "credential", "private"} {
		if strings.Contains(line, word) {
			return true
		}
	}
	return false
}
