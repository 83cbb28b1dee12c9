package tasks

import (
	"context"
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// Systemd brings a unit of systemd to a state.
type Systemd struct {
	Name         string `arg:"name" alias:"service,unit" doc:"The unit; without a suffix it is a .service"`
	State        string `arg:"state" choices:"started,stopped,restarted,reloaded" doc:"started and stopped do nothing when it is so already; restarted always restarts; reloaded reloads, or starts what does not run"`
	Enabled      *bool  `arg:"enabled" doc:"Whether it starts at boot"`
	Masked       *bool  `arg:"masked" doc:"Whether it can't be started at all"`
	DaemonReload bool   `arg:"daemon_reload" alias:"daemon-reload" doc:"Let systemd read its files again first"`
	DaemonReexec bool   `arg:"daemon_reexec" alias:"daemon-reexec" doc:"Let systemd start itself anew first"`
	Scope        string `arg:"scope" default:"system" choices:"system,user,global" doc:"Whose unit: the system's, of the user that the task becomes, or of all users"`
	NoBlock      bool   `arg:"no_block" doc:"Do not wait until the unit has started or stopped"`
	Force        bool   `arg:"force" doc:"Replace links that are in the way of enabling and masking"`
}

// Doc implements Module.
func (*Systemd) Doc() Doc {
	return Doc{
		Summary: "Start, stop, enable or mask a unit of systemd",
		Text: `daemon_reload and daemon_reexec come first and never count as a change. A unit that
is masked is refused at once where it is to be started or enabled. When systemctl
fails, the end of the unit's log comes with the message.

A static unit is as enabled as it can be, and as disabled: enabled does nothing to it.`,
		Examples: `- systemd:
    name: etcd
    state: restarted
    enabled: true
    daemon_reload: true
`,
		Returns: serviceReturns,
		Check:   "A unit that is not there yet is warned of: an earlier task may be going to bring it.",
	}
}

// serviceReturns is a table of what the tasks for services tell.
var serviceReturns = []Return{
	{"name", "as given"}, {"state", "started or stopped, as it is afterwards, if a state was asked for"}, {"enabled", "as given"},
	{"status", "the unit's properties before the task, where systemd minds it"},
}

// Validate implements Validator.
func (m *Systemd) Validate() error {
	switch {
	case m.Name == "" && (m.State != "" || m.Enabled != nil || m.Masked != nil):
		return &ArgError{Arg: "name", Msg: `missing argument "name"`, Hint: "which unit?"}
	case m.Name == "" && !m.DaemonReload && !m.DaemonReexec:
		return &ArgError{Arg: "state", Msg: "nothing to do", Hint: "give one of state, enabled, masked, daemon_reload, daemon_reexec"}
	case m.Scope == "global" && m.State != "":
		return &ArgError{Arg: "state", Msg: "state has no meaning with scope: global, which only enables"}
	case m.Masked != nil && *m.Masked && (m.Enabled != nil && *m.Enabled || m.State != "" && m.State != "stopped"):
		return &ArgError{Arg: "masked", Msg: "what is masked can't be enabled or started"}
	}
	return serviceName(m.Name)
}

// serviceName refuses what no manager would take for one name.
func serviceName(name string) error {
	if strings.ContainsAny(name, " \t\r\n") || strings.HasPrefix(name, "-") || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return &ArgError{Arg: "name", Msg: fmt.Sprintf("name: %q is no name of a service", name)}
	}
	return nil
}

// Run implements Module.
func (m *Systemd) Run(ctx context.Context, t *Target) (Result, error) {
	s := script.New().
		Set("UNIT_NAME", m.Name).Set("UNIT_STATE", m.State).
		Set("UNIT_ENABLED", maybe(m.Enabled)).Set("UNIT_MASKED", maybe(m.Masked)).
		Set("UNIT_RELOAD", flag(m.DaemonReload)).Set("UNIT_REEXEC", flag(m.DaemonReexec)).
		Set("UNIT_SCOPE", m.Scope).Set("UNIT_NO_BLOCK", flag(m.NoBlock)).Set("UNIT_FORCE", flag(m.Force))
	res, err := t.Script(ctx, s.Call("ensure_unit"))
	return tellService(res, err, m.Name, m.State, m.Enabled)
}

// maybe is 1, 0, or "" for what was not given.
func maybe(b *bool) string {
	if b == nil {
		return ""
	}
	return flag(*b)
}

// tellService makes of what the script told what register sees. A failure has
// words of its own, which all those properties would only hide.
func tellService(res Result, err error, name, state string, enabled *bool) (Result, error) {
	res.Set("name", orNone(name))
	text := datum(res, "status")
	res.Data.Delete("status")
	if err != nil {
		return res, err
	}
	switch state {
	case "":
	case "stopped":
		res.Set("state", "stopped")
	default:
		res.Set("state", "started")
	}
	if enabled != nil {
		res.Set("enabled", *enabled)
	}
	if text != "" {
		status := value.NewDict()
		for line := range strings.SplitSeq(text, "\n") {
			if key, val, ok := strings.Cut(line, "="); ok {
				status.Set(key, val)
			}
		}
		res.Set("status", status)
	}
	return res, nil
}
