package tasks

import (
	"context"
	"regexp"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Sysctl keeps a setting of the kernel.
type Sysctl struct {
	Name         string  `arg:"name,required" alias:"key" doc:"The setting, like net.core.somaxconn; slashes are as good as dots, and an interface with a dot in its name needs them"`
	Value        *string `arg:"value" alias:"val" doc:"What it is to be"`
	State        string  `arg:"state" default:"present" choices:"present,absent" doc:"Whether it stands in the file"`
	SysctlFile   string  `arg:"sysctl_file" default:"/etc/sysctl.conf" doc:"The file, which is made if it is missing; files in /etc/sysctl.d end in .conf"`
	SysctlSet    bool    `arg:"sysctl_set" doc:"See that the kernel has the value now, too"`
	Reload       bool    `arg:"reload" default:"true" doc:"When the file has changed, let the kernel have all that stands in it (sysctl -p)"`
	IgnoreErrors bool    `arg:"ignoreerrors" doc:"Warn when the kernel does not know the setting or does not take its value"`
}

// Doc implements Module.
func (*Sysctl) Doc() Doc {
	return Doc{
		Summary: "Keep a setting of the kernel",
		Text: `The line with the setting is replaced, and further ones of it go; comments and all
other lines stay. Values that differ in spaces alone are the same. Without sysctl_set
the kernel is told only when the file changes, as with Ansible.

A setting that this kernel does not have is refused before the file changes. absent
takes it out of the file; the kernel keeps its value until the next boot.

In a container the settings often belong to the host, and can't be changed.`,
		Examples: `- sysctl:
    name: vm.swappiness
    value: 1
    sysctl_file: /etc/sysctl.d/90-etcd.conf
    sysctl_set: true
`,
	}
}

// sysctlName is what names a setting: words between dots or slashes.
var sysctlName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_@:*-]*([./][A-Za-z0-9_@:*-]+)+$`)

// Validate implements Validator.
func (s *Sysctl) Validate() error {
	switch {
	case !sysctlName.MatchString(s.Name):
		return &ArgError{Arg: "name", Msg: "name: " + s.Name + " names no setting of the kernel", Hint: "like net.core.somaxconn"}
	case s.State == "present" && (s.Value == nil || strings.TrimSpace(*s.Value) == ""):
		return &ArgError{Arg: "value", Msg: "value is required with state: present"}
	case s.Value != nil && strings.ContainsAny(*s.Value, "\n\r"):
		return &ArgError{Arg: "value", Msg: "value: must be one line"}
	}
	return absolute("sysctl_file", s.SysctlFile)
}

// Run implements Module.
func (s *Sysctl) Run(ctx context.Context, t *Target) (Result, error) {
	value := ""
	if s.Value != nil && s.State == "present" {
		value = strings.Join(strings.Fields(*s.Value), " ")
		switch value { // YAML's yes and no
		case "True":
			value = "1"
		case "False":
			value = "0"
		}
	}
	flag := func(b bool) string {
		if b {
			return "1"
		}
		return "0"
	}
	return t.Script(ctx, script.New().Call("ensure_sysctl", s.Name, value, s.SysctlFile, flag(s.SysctlSet), flag(s.Reload), flag(s.IgnoreErrors)))
}
