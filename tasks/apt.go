package tasks

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Apt brings packages of Debian and its kin to a state.
type Apt struct {
	Name               []string      `arg:"name" alias:"package,pkg" split:"," doc:"The package or packages: NAME, NAME=VERSION where * stands for any text, NAME/RELEASE"`
	State              string        `arg:"state" default:"present" choices:"present,latest,absent" doc:"Whether they are there, in the newest version, or not there"`
	Update             bool          `arg:"update_cache" alias:"update-cache" doc:"apt-get update first; alone it counts as a change, as in Ansible"`
	Valid              time.Duration `arg:"cache_valid_time" default:"0" doc:"Only if the lists are older than this; means update_cache, too"`
	Deb                []string      `arg:"deb" doc:"Package files on the host to install, with what they need"`
	Upgrade            string        `arg:"upgrade" default:"no" choices:"no,yes,safe,full,dist" doc:"Upgrade all packages: yes and safe remove none, full and dist may"`
	Purge              bool          `arg:"purge" doc:"With state absent: the configuration goes too"`
	Autoremove         bool          `arg:"autoremove" doc:"Remove packages that were drawn in and are not needed any more"`
	Autoclean          bool          `arg:"autoclean" doc:"Remove downloads that are of no use any more"`
	Clean              bool          `arg:"clean" doc:"Remove all downloads; never counts as a change"`
	DefaultRelease     string        `arg:"default_release" alias:"default-release" doc:"The release to prefer (apt-get -t)"`
	Recommends         *bool         `arg:"install_recommends" alias:"install-recommends" doc:"Whether recommended packages are drawn in; the host decides by default"`
	OnlyUpgrade        bool          `arg:"only_upgrade" doc:"Install nothing that is not there"`
	Force              bool          `arg:"force" doc:"Allow all that the next three do, and what apt-get calls essential to be removed: dangerous"`
	Unauthenticated    bool          `arg:"allow_unauthenticated" alias:"allow-unauthenticated" doc:"Trust repositories without a signature"`
	Downgrade          bool          `arg:"allow_downgrade" alias:"allow-downgrade,allow_downgrades,allow-downgrades" doc:"An older version may be installed over a newer"`
	ChangeHeld         bool          `arg:"allow_change_held_packages" doc:"Packages that are held may be changed"`
	DpkgOptions        string        `arg:"dpkg_options" default:"force-confdef,force-confold" doc:"dpkg's options, with commas: by default changed configuration files are kept"`
	LockTimeout        time.Duration `arg:"lock_timeout" default:"60" doc:"How long to wait for another apt to end"`
	UpdateRetries      int           `arg:"update_cache_retries" default:"5" doc:"Accepted for Ansible's sake: apt-get update is tried once, and apt itself tries again"`
	UpdateRetryMaxWait time.Duration `arg:"update_cache_retry_max_delay" default:"12" doc:"Accepted for Ansible's sake"`
}

// Doc implements Module.
func (*Apt) Doc() Doc {
	return Doc{
		Summary: "Install, upgrade or remove packages of Debian and its kin",
		Text: packageText + ` Nothing is asked; configuration files that were
changed on the host stay as they are.

Missing, compared with Ansible: state build-dep and fixed, policy_rc_d,
force_apt_get (it always is), deb from a URL (use fetch first), operators other than
= in versions.`,
		Examples: `- apt:
    name: [nginx, postgresql-15=15.*]
    update_cache: true
    cache_valid_time: 3600

- apt:
    upgrade: dist
    update_cache: true
`,
		Returns: packageReturns,
		Check:   packageCheck,
	}
}

var (
	debPackage = regexp.MustCompile(`^[A-Za-z0-9*?][A-Za-z0-9+.:*?_-]*(=[A-Za-z0-9.+:~*_-]+|/[A-Za-z0-9.+~_-]+)?$`)
	dpkgOption = regexp.MustCompile(`^[a-z][a-z-]*(=[a-z/-]+)?$`)
)

// Validate implements Validator.
func (a *Apt) Validate() error {
	for _, n := range a.Name {
		if !debPackage.MatchString(n) {
			return &ArgError{Arg: "name", Msg: fmt.Sprintf("name: %q is no name of a package", n), Hint: "write NAME, NAME=VERSION or NAME/RELEASE"}
		}
	}
	for o := range strings.SplitSeq(a.DpkgOptions, ",") {
		if o != "" && !dpkgOption.MatchString(o) {
			return &ArgError{Arg: "dpkg_options", Msg: fmt.Sprintf("dpkg_options: %q is no option of dpkg", o), Hint: "write them without --, like force-confnew"}
		}
	}
	for _, d := range a.Deb {
		if strings.Contains(d, "://") {
			return &ArgError{Arg: "deb", Msg: "deb: must be a file on the host", Hint: "download it with fetch, which checks it"}
		}
	}
	switch {
	case len(a.Deb) > 0 && (len(a.Name) > 0 || a.State == "absent"):
		return &ArgError{Arg: "deb", Msg: "deb only installs, and not together with name"}
	case a.Upgrade != "no" && (len(a.Name) > 0 || len(a.Deb) > 0):
		return &ArgError{Arg: "upgrade", Msg: "upgrade is for all packages, so it takes no name"}
	case len(a.Name) == 0 && !a.more() && !a.Update && a.Valid == 0 && a.Name == nil:
		return &ArgError{Arg: "name", Msg: "nothing to do", Hint: "give name, deb, upgrade, update_cache, autoremove, autoclean or clean"}
	}
	if err := oneWord("default_release", a.DefaultRelease); err != nil {
		return err
	}
	return absolute("deb", a.Deb...)
}

func (a *Apt) more() bool {
	return len(a.Deb) > 0 || a.Upgrade != "no" || a.Autoremove || a.Autoclean || a.Clean
}

// Run implements Module.
func (a *Apt) Run(ctx context.Context, t *Target) (Result, error) {
	release := ""
	if a.DefaultRelease != "" {
		release = "-t " + a.DefaultRelease
	}
	recommends := ""
	if a.Recommends != nil {
		recommends = given(!*a.Recommends, "--no") + given(*a.Recommends, "-") + "-install-recommends"
	}
	names := a.Name
	if len(a.Deb) > 0 {
		names = a.Deb
	}
	return packages{
		manager: "apt", names: names, state: a.State, update: a.Update, valid: a.Valid, wait: a.LockTimeout, more: a.more(),
		set: map[string]string{
			"APT_DEBS":    flag(len(a.Deb) > 0),
			"APT_UPGRADE": map[string]string{"no": "no", "yes": "safe", "safe": "safe", "full": "full", "dist": "full"}[a.Upgrade],
			"APT_PURGE":   flag(a.Purge), "APT_AUTOREMOVE": flag(a.Autoremove), "APT_CLEAN": flag(a.Clean), "APT_AUTOCLEAN": flag(a.Autoclean),
			"APT_DPKG": a.DpkgOptions,
			"APT_FLAGS": options(release, recommends, given(a.OnlyUpgrade, "--only-upgrade"),
				given(a.Force || a.Unauthenticated, "--allow-unauthenticated"), given(a.Force || a.Downgrade, "--allow-downgrades"),
				given(a.Force || a.ChangeHeld, "--allow-change-held-packages"), given(a.Force, "--allow-remove-essential")),
		},
	}.run(ctx, t)
}
