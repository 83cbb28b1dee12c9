package inventory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// A varsBase is a folder whose group_vars and host_vars count: that of an
// inventory source, or that of the playbook. Files are read when a group or a
// host of their name appears.
type varsBase struct {
	dir      string
	playbook bool
	groups   map[string]table
	hosts    map[string]table
}

func newVarsBase(dir string, playbook bool) varsBase {
	return varsBase{dir: dir, playbook: playbook, groups: map[string]table{}, hosts: map[string]table{}}
}

// has reports whether a layer is made of this base's files.
func (b *varsBase) has(l Layer) bool {
	return b.playbook == (l == PlaybookAllFiles || l == PlaybookGroupFile || l == PlaybookHostFiles)
}

func (b *varsBase) table(l Layer, name string) table {
	if l == SourceHostFiles || l == PlaybookHostFiles {
		return b.hosts[name]
	}
	return b.groups[name]
}

// readVarFiles reads the files of groups and hosts that have not been looked
// for yet. Nothing is kept when one of them is broken.
func (inv *Inventory) readVarFiles() error {
	var errs source.Errors
	for i := range inv.bases {
		b := &inv.bases[i]
		for _, g := range inv.named {
			if _, done := b.groups[g.Name]; done {
				continue
			}
			layer := SourceGroupFiles
			if g.Name == All {
				layer = SourceAllFiles
			}
			t, err := inv.readVarsOf(b, "group_vars", layer, g.Name)
			errs.Add(err)
			for _, v := range t.vars {
				if v.Name == priorityVar {
					inv.warn(source.Errorf(v.From, "%s has no effect in group_vars", priorityVar).
						WithHint("set it in the inventory source, under [%s:vars]", g.Name))
				}
			}
			b.groups[g.Name] = t
		}
		for _, h := range append(slices.Clone(inv.order), inv.implicit) {
			if _, done := b.hosts[h.Name]; done {
				continue
			}
			t, err := inv.readVarsOf(b, "host_vars", SourceHostFiles, h.Name)
			errs.Add(err)
			b.hosts[h.Name] = t
		}
	}
	return errs.Err()
}

// readVarsOf reads DIR/group_vars/NAME or DIR/host_vars/NAME: the first that
// exists of a file or folder of this name, and files ending in .yml, .yaml and
// .json.
func (inv *Inventory) readVarsOf(b *varsBase, folder string, layer Layer, name string) (table, error) {
	var t table
	if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
		return t, nil // a name such as ../x must not lead out of the folder
	}
	group := name
	if folder == "host_vars" {
		group = ""
	}
	if b.playbook {
		layer++ // each playbook layer follows the one of the sources
	}
	for _, ext := range []string{"", ".yml", ".yaml", ".json"} {
		path := filepath.Join(b.dir, folder, name+ext)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue
		}
		if err != nil {
			return t, &source.Error{Pos: source.Pos{File: path}, Msg: "cannot be read: " + reason(err), Err: err}
		}
		files := []string{path}
		if info.IsDir() {
			if files, err = varFilesIn(path); err != nil {
				return t, &source.Error{Pos: source.Pos{File: path}, Msg: "cannot be read: " + reason(err), Err: err}
			}
		}
		var errs source.Errors
		for _, file := range files {
			vars, err := inv.readVarFile(file)
			errs.Add(err)
			for _, v := range vars {
				v.Layer, v.Group = layer, group
				t.set(v)
			}
		}
		return t, errs.Err()
	}
	return t, nil
}

// varFilesIn lists the variable files of a folder and its subfolders, sorted,
// without hidden files and backups.
func varFilesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		name := e.Name()
		switch filepath.Ext(name) {
		case "", ".yml", ".yaml", ".json":
		default:
			continue
		}
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		below, err := varFilesIn(path)
		if err != nil {
			return nil, err
		}
		files = append(files, below...)
	}
	return files, nil
}

// readVarFile reads a mapping of variables, YAML or JSON, maybe vaulted.
func (inv *Inventory) readVarFile(path string) ([]Var, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &source.Error{Pos: source.Pos{File: path}, Msg: "cannot be read: " + reason(err), Err: err}
	}
	if data, err = inv.unseal(data, source.Pos{File: path}); err != nil {
		return nil, err
	}
	root, err := value.ParseYAML(path, data)
	if err != nil || root == nil {
		return nil, err
	}
	return inv.yamlVars(path, root, "a file of variables")
}

func reason(err error) string {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
