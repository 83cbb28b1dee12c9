package tasks

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

func unitPath(name string) string { return "/etc/systemd/system/" + name + ".service" }

// A unitSection is one section of a unit file: its settings in order, each
// with the values of its lines.
type unitSection struct {
	name     string
	settings []unitSetting
}

type unitSetting struct {
	key    string
	values []string
}

func (s *unitSection) set(key string, values ...string) {
	for i := range s.settings {
		if s.settings[i].key == key {
			s.settings[i].values = values
			return
		}
	}
	s.settings = append(s.settings, unitSetting{key, values})
}

func (s *unitSection) has(key string) bool {
	return slices.ContainsFunc(s.settings, func(u unitSetting) bool { return u.key == key })
}

// unitSections reads the argument unit.
func (l *Launch) unitSections() ([]unitSection, error) {
	var out []unitSection
	for name, v := range l.Unit.All() {
		settings, ok := v.(*value.Dict)
		if !ok {
			return nil, fmt.Errorf("unit.%s: must be a dict of settings, not %s", value.Str(name), describe(v))
		}
		sec := unitSection{name: value.Str(name)}
		for k, v := range settings.All() {
			key := value.Str(k)
			if sec.name == "Service" && key == "ExecStart" {
				return nil, &ArgError{Arg: "unit", Msg: "unit: ExecStart is made of command and args"}
			}
			values, err := unitValues(v)
			if err != nil {
				return nil, fmt.Errorf("unit.%s.%s: %w", sec.name, key, err)
			}
			sec.set(key, values...)
		}
		out = append(out, sec)
	}
	return out, nil
}

func unitValues(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []string
	for _, e := range list {
		var s string
		switch e := e.(type) {
		case nil:
			continue
		case bool:
			s = map[bool]string{true: "yes", false: "no"}[e]
		default:
			var err error
			if s, err = decodeString(e); err != nil {
				return nil, err
			}
		}
		if strings.ContainsAny(s, "\n\r") {
			return nil, fmt.Errorf("%q must be one line", s)
		}
		out = append(out, s)
	}
	return out, nil
}

// awaitFirewalld waits, where there is firewalld, until its rules are in force.
// To systemd it counts as started before that, and connections that are opened
// in between stall for about a minute when the rules come: so long a cluster
// that boots as a whole has no leader. It answers only when it is done.
const awaitFirewalld = "-+/usr/bin/busctl --quiet --auto-start=no --timeout=30 call " +
	"org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.freedesktop.DBus.Peer Ping"

// unitText is the unit file: see systemd.service(5) and systemd.exec(5).
func (l *Launch) unitText(d *daemon, head string, words []string) (string, error) {
	exec := make([]string, len(words))
	for i, w := range words {
		exec[i] = execWord(w)
	}
	// The first word knows neither quotes nor variables on old systemds.
	if strings.ContainsAny(words[0], " \t\"'\\$") {
		return "", Failf("systemd can't run %q: its path holds a space, a quote, a backslash or a $", words[0])
	}
	exec[0] = strings.ReplaceAll(words[0], "%", "%%")

	unit := unitSection{name: "Unit"}
	unit.set("Description", l.Name)
	unit.set("Wants", "network-online.target")
	unit.set("After", "network-online.target")
	service := unitSection{name: "Service"}
	service.set("ExecStartPre", awaitFirewalld)
	service.set("ExecStart", strings.Join(exec, " \\\n    "))
	for _, k := range slices.Sorted(maps.Keys(l.Env)) {
		service.add("Environment", unitWord(k+"="+l.Env[k]))
	}
	for _, s := range []struct{ key, value string }{
		{"User", l.User}, {"Group", l.Group}, {"WorkingDirectory", l.Dir},
	} {
		if s.value != "" {
			service.set(s.key, strings.ReplaceAll(s.value, "%", "%%"))
		}
	}
	if l.Log != "" && !oldSystemd(d) {
		to := "append:" + strings.ReplaceAll(l.Log, "%", "%%")
		service.set("StandardOutput", to)
		service.set("StandardError", to)
	}
	service.set("Restart", "on-failure")
	service.set("RestartSec", "5")
	service.set("TimeoutStopSec", fmt.Sprintf("%g", l.StopTime.Seconds()))
	install := unitSection{name: "Install"}
	install.set("WantedBy", "multi-user.target")

	sections := []unitSection{unit, service, install}
	extra, err := l.unitSections()
	if err != nil {
		return "", err
	}
	for _, x := range extra {
		sections = mergeSection(sections, x)
	}
	// A member of a cluster is ready only when a majority runs: systemd must
	// not give up on the first ones.
	if s := &sections[1]; slices.ContainsFunc(s.settings, func(u unitSetting) bool {
		return u.key == "Type" && slices.Contains(u.values, "notify")
	}) && !s.has("TimeoutStartSec") {
		s.set("TimeoutStartSec", "0")
	}
	var b strings.Builder
	b.WriteString(head)
	for _, sec := range sections {
		fmt.Fprintf(&b, "\n[%s]\n", sec.name)
		for _, s := range sec.settings {
			for _, v := range s.values {
				fmt.Fprintf(&b, "%s=%s\n", s.key, v)
			}
		}
	}
	return b.String(), nil
}

func (s *unitSection) add(key, v string) {
	for i := range s.settings {
		if s.settings[i].key == key {
			s.settings[i].values = append(s.settings[i].values, v)
			return
		}
	}
	s.set(key, v)
}

func mergeSection(to []unitSection, x unitSection) []unitSection {
	for i := range to {
		if to[i].name == x.name {
			for _, s := range x.settings {
				// ours stay beside theirs where a setting is a list by nature
				if slices.Contains([]string{"Environment", "After", "Wants", "ExecStartPre"}, s.key) {
					for _, v := range s.values {
						to[i].add(s.key, v)
					}
					continue
				}
				to[i].set(s.key, s.values...)
			}
			return to
		}
	}
	return append(to, x)
}

// execWord is one word of ExecStart: quoted, without specifiers and variables.
func execWord(s string) string { return strings.ReplaceAll(unitWord(s), "$", "$$") }

// unitWord is one word of a setting that takes several. A # or ; at its start
// would make a comment of its line.
func unitWord(s string) string {
	var b strings.Builder
	plain := s != "" && s[0] != ';' && s[0] != '#'
	for _, c := range []byte(s) {
		switch {
		case c == '%':
			b.WriteString("%%")
		case c == '\\' || c == '"':
			plain = false
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			plain = false
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			if c == ' ' || c == '\'' {
				plain = false
			}
			b.WriteByte(c)
		}
	}
	if plain {
		return b.String()
	}
	return `"` + b.String() + `"`
}

// oldSystemd reports whether the host's systemd (before 240) can't append to a
// log file.
func oldSystemd(d *daemon) bool {
	version, err := strconv.Atoi(d.facts["systemd_version"])
	return err == nil && version < 240
}
