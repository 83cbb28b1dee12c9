package tasks

import (
	"maps"
	"slices"
	"strings"
)

// A Registry knows the tasks by name.
type Registry struct{ makers map[string]func() Module }

// Builtin is the registry of all tasks that come with the program. A new task
// is one line here.
func Builtin() *Registry {
	return &Registry{map[string]func() Module{
		"ansible.builtin.fetch": func() Module { return &FetchFromHost{} },
		"apk":                   func() Module { return &Apk{} },
		"apt":                   func() Module { return &Apt{} },
		"blockinfile":           func() Module { return &BlockInFile{} },
		"certs":                 func() Module { return &Certs{} },
		"command":               func() Module { return &RunCommand{} },
		"copy":                  func() Module { return &Copy{} },
		"dnf":                   func() Module { return &Dnf{} },
		"etcd_backup":           func() Module { return &EtcdBackup{} },
		"etcd_adopt":            func() Module { return &EtcdAdopt{} },
		"etcd_programs":         func() Module { return &EtcdPrograms{} },
		"etcd_alarms":           func() Module { return &EtcdAlarms{} },
		"etcd_defrag":           func() Module { return &EtcdDefrag{} },
		"etcd_settings":         func() Module { return &EtcdSettings{} },
		"etcd_status":           func() Module { return &EtcdStatus{} },
		"etcd_members":          func() Module { return &EtcdMembers{} },
		"etcd_restore":          func() Module { return &EtcdRestore{} },
		"etcd_version":          func() Module { return &EtcdVersion{} },
		"etcd_drill":            func() Module { return &EtcdDrill{} },
		"etcd_auth":             func() Module { return &EtcdAuth{} },
		"etcd_fitness":          func() Module { return &EtcdFitness{} },
		"fetch":                 func() Module { return &Fetch{} },
		"file":                  func() Module { return &File{} },
		"firewall":              func() Module { return &Firewall{} },
		"gather_facts":          func() Module { return &Setup{} },
		"get_url":               func() Module { return &GetURL{} },
		"group":                 func() Module { return &Group{} },
		"hosts":                 func() Module { return &Hosts{} },
		"keygen":                func() Module { return &Keygen{} },
		"launch":                func() Module { return &Launch{} },
		"lineinfile":            func() Module { return &LineInFile{} },
		"mkdir":                 func() Module { return &Mkdir{} },
		"operation":             func() Module { return &Operation{} },
		"package":               func() Module { return &Package{} },
		"ping":                  func() Module { return &Ping{} },
		"preflight":             func() Module { return &Preflight{} },
		"raw":                   func() Module { return &RunRaw{} },
		"script":                func() Module { return &RunScript{} },
		"service":               func() Module { return &Service{} },
		"setup":                 func() Module { return &Setup{} },
		"shell":                 func() Module { return &RunShell{} },
		"slurp":                 func() Module { return &Slurp{} },
		"stat":                  func() Module { return &Stat{} },
		"sysctl":                func() Module { return &Sysctl{} },
		"systemd":               func() Module { return &Systemd{} },
		"template":              func() Module { return &Template{} },
		"unarchive":             func() Module { return &Unarchive{} },
		"uri":                   func() Module { return &URI{} },
		"user":                  func() Module { return &User{} },
		"verify":                func() Module { return &Verify{} },
		"wait_for":              func() Module { return &WaitFor{} },
		"yum":                   func() Module { return &Dnf{} },
	}}
}

// ours are the tasks that are no namesakes of Ansible's: they don't answer to
// ansible.builtin.NAME.
var ours = []string{"operation", "etcd_members", "hosts", "firewall", "mkdir", "fetch", "keygen", "launch", "certs", "preflight", "verify", "etcd_backup", "etcd_restore", "etcd_version", "etcd_defrag", "etcd_alarms", "etcd_status", "etcd_drill", "etcd_auth", "etcd_fitness", "etcd_settings", "etcd_adopt", "etcd_programs"}

// New makes a task by its name, as written: mkdir, copy, ansible.builtin.copy
// or ansible.legacy.copy; sysctl comes from another of Ansible's collections.
func (r *Registry) New(name string) (Module, bool) {
	if name == "ansible.posix.sysctl" {
		name = "sysctl"
	}
	if m, ok := r.makers[name]; ok {
		return m(), true
	}
	for _, prefix := range []string{"ansible.builtin.", "ansible.legacy."} {
		short, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if m, ok := r.makers["ansible.builtin."+short]; ok {
			return m(), true
		}
		if m, ok := r.makers[short]; ok && !slices.Contains(ours, short) {
			return m(), true
		}
	}
	return nil, false
}

// Names lists the tasks, sorted.
func (r *Registry) Names() []string {
	return slices.Sorted(maps.Keys(r.makers))
}

// NewRegistry makes a registry of other modules than the built-in ones.
func NewRegistry(makers map[string]func() Module) *Registry { return &Registry{makers} }
