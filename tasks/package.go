package tasks

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Package brings packages to a state, whichever manager the host has.
type Package struct {
	Name   []string      `arg:"name,required" split:"," doc:"The package or packages; NAME=VERSION for a certain version (not with pacman)"`
	State  string        `arg:"state" default:"present" choices:"present,installed,latest,absent,removed" doc:"present and installed: it is there; latest: in the newest version; absent and removed: it is not"`
	Use    string        `arg:"use" default:"auto" doc:"The manager: apt, dnf, yum, zypper, apk, pacman, or auto for the one that is there"`
	Update bool          `arg:"update_cache" alias:"update-cache" doc:"Bring the lists of packages up to date first"`
	Valid  time.Duration `arg:"cache_valid_time" default:"0" doc:"With update_cache: only if they are older than this; alone it means update_cache, too"`
}

// Doc implements Module.
func (*Package) Doc() Doc {
	return Doc{
		Summary: "Install, upgrade or remove packages",
		Text: packageText + `

Names differ between distributions: that is yours to know. For more options there
are apt, dnf and apk.`,
		Examples: `- package:
    name: [curl, "tar"]

- package:
    name: chrony
    state: latest
    update_cache: true
`,
		Returns: packageReturns,
		Check:   packageCheck,
	}
}

const (
	packageText = `The manager is asked what it would do, and each package that it would install,
upgrade or remove is a change, those that others draw in too; then it does that.
Packages that are there already are not touched, unless latest or a version is asked
for.`
	packageCheck = `Asks the manager, and says exactly what it would do. The lists of packages are not updated: where they would be, what they lack is decided at run time.`
)

// packageReturns is a table of what the tasks for packages tell.
var packageReturns = []Return{
	{"manager", "apt, dnf (also for yum), zypper, apk or pacman"}, {"stdout", "the end of what the manager said, if it did something"},
	{"cache_updated", "whether the lists of packages were updated"}, {"cache_update_time", "when they were before, in seconds since 1970 (apt)"},
}

// Validate implements Validator.
func (p *Package) Validate() error {
	if p.manager() == "" {
		return &ArgError{Arg: "use", Msg: fmt.Sprintf("use: %q is none of auto, apt, dnf, yum, zypper, apk, pacman", p.Use)}
	}
	return packageNames(p.Name)
}

func (p *Package) manager() string {
	switch use := strings.TrimPrefix(strings.TrimPrefix(p.Use, "ansible.builtin."), "ansible.legacy."); use {
	case "auto", "apt", "dnf", "zypper", "apk", "pacman":
		return use
	case "yum", "dnf5", "dnf4", "yum4":
		return "dnf"
	}
	return ""
}

// packageNames refuses what could be taken for an option or for several names.
func packageNames(names []string) error {
	for _, n := range names {
		if n == "" || strings.HasPrefix(n, "-") || strings.ContainsAny(n, "\r\n\t") || strings.ContainsFunc(n, func(r rune) bool { return r < ' ' }) {
			return &ArgError{Arg: "name", Msg: fmt.Sprintf("name: %q is no name of a package", n)}
		}
	}
	return nil
}

// Run implements Module.
func (p *Package) Run(ctx context.Context, t *Target) (Result, error) {
	return packages{manager: p.manager(), names: p.Name, state: p.State, update: p.Update, valid: p.Valid}.run(ctx, t)
}

// packages is what all the tasks for packages have in common.
type packages struct {
	manager string // of the host's, or auto
	names   []string
	state   string
	update  bool
	valid   time.Duration
	wait    time.Duration // for the manager's lock
	more    bool          // there is more to do than names and update say
	set     map[string]string
}

// settings are the variables of all managers, as they are where a task says
// nothing of them.
var settings = map[string]string{
	"APT_DEBS": "0", "APT_UPGRADE": "no", "APT_FLAGS": "", "APT_PURGE": "0", "APT_AUTOREMOVE": "0", "APT_CLEAN": "0", "APT_AUTOCLEAN": "0",
	"APT_DPKG": "force-confdef,force-confold", "DNF_FLAGS": "", "DNF_AUTOREMOVE": "0", "DNF_UPDATE_ONLY": "0", "APK_FLAGS": "", "APK_UPGRADE": "0",
}

func (p packages) run(ctx context.Context, t *Target) (Result, error) {
	state := map[string]string{"installed": "present", "removed": "absent"}[p.state]
	wait := p.wait
	if wait == 0 {
		wait = time.Minute
	}
	s := script.New().
		Set("PKG_STATE", or(state, p.state)).
		Set("PKG_UPDATE", flag(p.update || p.valid > 0)).
		Set("PKG_VALID", strconv.Itoa(int(p.valid.Seconds()))).
		Set("PKG_WAIT", strconv.Itoa(int(wait.Seconds()))).
		Set("PKG_ALONE", flag(len(p.names) == 0 && !p.more))
	for name, val := range settings {
		if v, ok := p.set[name]; ok {
			val = v
		}
		s.Set(name, val)
	}
	if p.manager == "auto" {
		s.Call("ensure_host_packages", p.names...)
	} else {
		s.Call("ensure_packages", append([]string{"pkg_" + p.manager}, p.names...)...)
	}
	res, err := t.Script(ctx, s)
	if v := datum(res, "cache_updated"); v != "" {
		res.Set("cache_updated", v == "True")
	}
	toInts(res.Data, "cache_update_time")
	return res, err
}

// options joins those words that are given, for options of which none may hold
// white space.
func options(words ...string) string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// given is the word if on, else nothing.
func given(on bool, word string) string {
	if on {
		return word
	}
	return ""
}

// oneWord refuses an argument that would become several options.
func oneWord(arg string, values ...string) error {
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool {
			return r <= ' ' || strings.ContainsRune("*?[\\", r) && arg != "enablerepo" && arg != "disablerepo" && arg != "exclude"
		}) {
			return &ArgError{Arg: arg, Msg: fmt.Sprintf("%s: %q must be one word", arg, v)}
		}
	}
	return nil
}
