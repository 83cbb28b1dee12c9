package tasks

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Service brings a service to a state, whichever program minds it.
type Service struct {
	Name      string        `arg:"name,required" doc:"The service"`
	State     string        `arg:"state" choices:"started,stopped,restarted,reloaded" doc:"started and stopped do nothing when it is so already; restarted always restarts; reloaded reloads, or starts what does not run"`
	Enabled   *bool         `arg:"enabled" doc:"Whether it starts at boot"`
	Pattern   string        `arg:"pattern" doc:"Where the service's script knows no status: a text in the list of processes that shows that it runs"`
	Sleep     time.Duration `arg:"sleep" default:"0" doc:"Between the stop and the start of a restart, for scripts that return too soon; not for systemd"`
	Runlevel  string        `arg:"runlevel" default:"default" doc:"OpenRC's runlevel to enable the service in"`
	Arguments string        `arg:"arguments" alias:"args" doc:"Further words for the service's script; not for systemd"`
	Use       string        `arg:"use" default:"auto" doc:"The manager: systemd, openrc, sysvinit (also called service), or auto for the one that runs"`
}

// Doc implements Module.
func (*Service) Doc() Doc {
	return Doc{
		Summary: "Start, stop or enable a service",
		Text: `Works with systemd, OpenRC and scripts in /etc/init.d, among them those named
S??NAME that BusyBox's init starts. Such scripts often know no status; the service
then counts as running when its PID file in /run names a process, or a process has
its name.`,
		Examples: `- service:
    name: chronyd
    state: started
    enabled: true
`,
		Returns: append([]Return{{"manager", "systemd, openrc or sysvinit"}}, serviceReturns...),
		Check:   "A service that is not there yet is warned of: an earlier task may be going to bring it.",
	}
}

// Validate implements Validator.
func (m *Service) Validate() error {
	if m.State == "" && m.Enabled == nil {
		return &ArgError{Arg: "state", Msg: "nothing to do", Hint: "give state, enabled or both"}
	}
	if strings.Contains(m.Runlevel, "/") {
		return &ArgError{Arg: "runlevel", Msg: "runlevel: must be a name"}
	}
	if strings.Contains(m.Name, "/") {
		return &ArgError{Arg: "name", Msg: "name: must be a name, not a path"}
	}
	if m.manager() == "" {
		return &ArgError{Arg: "use", Msg: "use: " + strconv.Quote(m.Use) + " is none of auto, systemd, openrc, sysvinit, service"}
	}
	return serviceName(m.Name)
}

// manager is the argument use in the script's words, "" if it is none.
func (m *Service) manager() string {
	switch use := strings.TrimPrefix(strings.TrimPrefix(m.Use, "ansible.builtin."), "ansible.legacy."); use {
	case "auto", "systemd", "openrc", "sysvinit":
		return use
	case "service":
		return "sysvinit"
	}
	return ""
}

// Run implements Module.
func (m *Service) Run(ctx context.Context, t *Target) (Result, error) {
	s := script.New().
		Set("SERVICE_NAME", m.Name).Set("SERVICE_STATE", m.State).Set("SERVICE_ENABLED", maybe(m.Enabled)).
		Set("SERVICE_PATTERN", m.Pattern).Set("SERVICE_SLEEP", strconv.Itoa(int(m.Sleep.Seconds()))).
		Set("SERVICE_LEVEL", m.Runlevel).Set("SERVICE_USE", m.manager())
	res, err := t.Script(ctx, s.Call("ensure_service", strings.Fields(m.Arguments)...))
	return tellService(res, err, m.Name, m.State, m.Enabled)
}
